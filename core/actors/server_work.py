"""What each state of a server calls for. Every piece bears being cancelled, and being called again."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Protocol, assert_never

import trio
from msgspec import Struct

from core import faults
from core.errors import HubError, SpawnError, UnreachableError
from core.events.server import (
    LeftoverEnded,
    ServerAdopted,
    ServerDied,
    ServerLost,
    ServerStopped,
    SpawnAnswered,
    SpawnFailed,
    SpawnSucceeded,
)
from core.events.store import EventStore
from core.server import Checking, News, Ready, Server, Spawning, Stop, Stopped, Stopping
from core.spawner import Attempt, Gone, Progress, Running, Spawner

logger = logging.getLogger("callboard.server")

RETRY_FIRST, RETRY_LAST = 0.1, 30.0  # seconds between tries to ask a backend that cannot be reached


class Deadlines(Struct, frozen=True):
    """Seconds. `stop` covers a spawner's whole escalation, from asking to killing."""

    start: float = 60
    answer: float = 30
    stop: float = 70
    routed: float = 2


class Stage(Protocol):
    """What an actor needs of the hub around it."""

    store: EventStore
    spawner: Spawner
    deadlines: Deadlines
    mailbox_size: int

    async def attempt(self, server_id: str, spawning: Spawning) -> Attempt:
        """All that the spawner needs to know of this start. May raise SpawnError."""

    async def wait_up(self, url: str) -> None:
        """Return once a server answers at this URL; the caller sets the deadline."""

    async def wait_routed(self, server_id: str) -> None:
        """Return once every connected proxy has this server's route."""

    def poll_delay(self) -> float:
        """Seconds until a running server is to be polled again; infinity for never."""

    def on_change(self, server_id: str, before: Server, after: Server) -> None:
        """Told of every change of phase, at once."""

    async def stop(self, server_id: str, command: Stop) -> None:
        """Ask the server to stop, on the hub's own behalf."""


class ServerWork:
    """The work of one state, for as long as the server is in it."""

    def __init__(
        self,
        server_id: str,
        stage: Stage,
        report: Callable[[News], Awaitable[None]],
        add_message: Callable[[Progress], None],
    ) -> None:
        self._server_id = server_id
        self._stage = stage
        self._spawner = stage.spawner
        self._report = report
        self._add_message = add_message

    async def live(self, server: Server) -> None:
        """Do what this state calls for, and report how it went."""
        if not server.leftovers:
            await self._live(server)
            return
        async with trio.open_nursery() as nursery:
            for spawn_id in server.leftovers:
                nursery.start_soon(self._end_leftover, spawn_id)
            await self._live(server)

    async def _live(self, server: Server) -> None:
        match server:
            case Stopped():
                return
            case Spawning():
                await self._report(await self._spawn(server))
            case Ready():
                await self._report(await self._watch(server))
            case Checking():
                await self._check(server)
            case Stopping():
                await self._report(await self._stop(server))
            case _:
                assert_never(server)

    # --- spawn ---

    async def _spawn(self, spawning: Spawning) -> News:
        try:
            await self._start(spawning)
        except HubError as error:
            failure = error if isinstance(error, SpawnError) else SpawnError(error.message)
        except Exception:
            logger.exception("start of %s failed", spawning.spawn_id)
            failure = SpawnError("Internal Server Error")
        else:
            return SpawnSucceeded(spawning.spawn_id)
        gone = await self._end(spawning.spawn_id)
        return SpawnFailed(
            spawning.spawn_id,
            failure.message,
            failure.status,
            failure.html_message,
            exit_status=failure.exit_status if failure.exit_status is not None else _status(gone),
            leftover=gone is None,
        )

    async def _start(self, spawning: Spawning) -> None:
        """Return once the server answers and has its route. Raises what keeps it from that."""
        if spawning.previous:
            await self._spawner.forget(spawning.previous)
        deadlines = self._stage.deadlines
        with trio.move_on_after(deadlines.start) as starting:
            url = await self._ask_to_start(spawning)
        if starting.cancelled_caught:
            raise SpawnError(f"The server did not start within {deadlines.start:g} seconds.")
        faults.point("spawner started")
        answering: SpawnError | None
        async with trio.open_nursery() as nursery:
            ended = Ended()
            nursery.start_soon(self._wait_end, spawning.spawn_id, ended, nursery.cancel_scope)
            answering = await self._wait_answer(url, spawning.prefix)
            if answering is None:
                faults.point("server answered")
                await self._report(SpawnAnswered(spawning.spawn_id, url))
                with trio.move_on_after(deadlines.routed):
                    await self._stage.wait_routed(self._server_id)
                faults.point("server routed")
            nursery.cancel_scope.cancel()
        if ended.gone is not None:
            raise _ended_early(ended.gone)
        if answering is not None:
            raise answering

    async def _wait_answer(self, url: str, prefix: str) -> SpawnError | None:
        """None once the server answers, else why it was given up."""
        patience = self._stage.deadlines.answer
        try:
            with trio.fail_after(patience):
                await self._stage.wait_up(f"{url}{prefix}api")
        except trio.TooSlowError:
            return SpawnError(f"The server did not answer at {url} within {patience:g} seconds.")
        except SpawnError as error:
            return error
        return None

    async def _ask_to_start(self, spawning: Spawning) -> str:
        attempt = await self._stage.attempt(self._server_id, spawning)
        for delay in Delays():
            try:
                return await self._spawner.start(attempt, self._add_message)
            except UnreachableError as error:
                logger.warning("cannot start %s yet: %s", spawning.spawn_id, error)
                await trio.sleep(delay)
        raise AssertionError("delays never end")

    async def _wait_end(self, spawn_id: str, ended: Ended, scope: trio.CancelScope) -> None:
        ended.gone = await self._wait_gone(spawn_id)
        scope.cancel()

    # --- ready ---

    async def _watch(self, ready: Ready) -> News:
        gone = await self._wait_gone(ready.spawn_id)
        return ServerDied(ready.spawn_id, gone.exit_status)

    async def look(self, ready: Ready) -> None:
        """Poll now; a death is recorded as the watch would have done."""
        status = await self._poll(ready.spawn_id)
        if isinstance(status, Gone):
            await self._report(ServerDied(ready.spawn_id, status.exit_status))

    async def _wait_gone(self, spawn_id: str) -> Gone:
        """Return when the backend says that the attempt is gone. Not being able to ask is no news."""
        delays = Delays()
        while True:
            try:
                with trio.move_on_after(self._stage.poll_delay()):
                    await self._spawner.wait_news(spawn_id)
            except UnreachableError:
                await trio.sleep(next(delays))
            status = await self._poll(spawn_id)
            if isinstance(status, Gone):
                return status

    async def _poll(self, spawn_id: str) -> Running | Gone | None:
        """None: the backend could not be asked."""
        try:
            return await self._spawner.poll(spawn_id)
        except UnreachableError as error:
            logger.warning("cannot tell whether %s runs: %s", spawn_id, error)
            return None

    # --- check ---

    async def _check(self, checking: Checking) -> None:
        """After a restart: adopt it, or see that it is gone. While nobody can tell, keep it and its route."""
        for delay in Delays():
            status = await self._poll(checking.spawn_id)
            if status is not None:
                break
            await trio.sleep(delay)
        if isinstance(status, Gone):
            await self._report(ServerLost(checking.spawn_id, status.exit_status))
            return
        if await self._wait_answer(checking.url, checking.prefix):
            why = "It runs, but did not answer after a restart of the hub."
            await self._stage.stop(self._server_id, Stop(why, checking.spawn_id))
        else:
            await self._report(ServerAdopted(checking.spawn_id))

    # --- stop ---

    async def _stop(self, stopping: Stopping) -> News:
        gone = await self._end(stopping.spawn_id)
        faults.point("spawner stopped")
        return ServerStopped(stopping.spawn_id, _status(gone), leftover=gone is None)

    async def _end(self, spawn_id: str) -> Gone | None:
        """End an attempt; None if that could not be confirmed in time."""
        with trio.move_on_after(self._stage.deadlines.stop):
            for delay in Delays():
                try:
                    return await self._spawner.stop(spawn_id)
                except UnreachableError as error:
                    logger.warning("cannot end %s yet: %s", spawn_id, error)
                except Exception:
                    logger.exception("ending %s failed", spawn_id)
                await trio.sleep(delay)
        return None

    async def _end_leftover(self, spawn_id: str) -> None:
        """Go on ending what the server has left behind; the duty has no deadline."""
        for delay in Delays():
            gone = await self._end(spawn_id)
            if gone is not None:
                await self._report(LeftoverEnded(spawn_id, gone.exit_status))
                return
            await trio.sleep(delay)


class Ended:
    """How an attempt ended, if it did, while something else was waited for."""

    gone: Gone | None = None


def _status(gone: Gone | None) -> int | None:
    return None if gone is None else gone.exit_status


def _ended_early(gone: Gone) -> SpawnError:
    how = "" if gone.exit_status is None else f" with status {gone.exit_status}"
    return SpawnError(f"The server ended{how} before it was ready.", exit_status=gone.exit_status)


class Delays:
    """Seconds to wait before asking again: doubling, for ever."""

    def __init__(self) -> None:
        self._next = RETRY_FIRST / 2

    def __iter__(self) -> Delays:
        return self

    def __next__(self) -> float:
        self._next = min(self._next * 2, RETRY_LAST)
        return self._next
