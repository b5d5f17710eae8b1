"""What each state of a server calls for. Every piece bears being cancelled, and being called again."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol, assert_never

import trio
from msgspec import Struct

from core.actors.asking import Pauses, retry_forever, root_cause, wait_out_of_sight
from core.actors.servers.endings import as_failure, end_of, exit_status_of, why_not_adopted, why_not_ready
from core.actors.servers.start_clock import StartClock
from core.errors import DoubtError, HubError, SilentError, SpawnError, UnreachableError
from core.events.file.disk import unreadable
from core.events.file.store import EventStore
from core.events.server import (
    LeftoverEnded,
    OutOfSight,
    ServerAdopted,
    ServerLost,
    ServerStopped,
    SpawnAdmitted,
    SpawnAnswered,
    SpawnFailed,
    SpawnSucceeded,
)
from core.machine import faults
from core.plugins.hook_errors import as_spawn_error, log_failure
from core.plugins.spawner import (
    LOST,
    Attempt,
    Gone,
    Lost,
    Progress,
    Running,
    Spawner,
    Status,
    Telling,
    UserOptions,
)
from core.server import Checking, News, Queued, Ready, Report, Server, Spawning, Stop, Stopped, Stopping

logger = logging.getLogger("callboard.server")

NEVER = float("inf")
LOST_POLL_INTERVAL = 30.0  # seconds at most between looks at a server whose node is lost
TIMEOUT = 3600.0  # seconds at most until the end of a leftover is asked for anew
TOO_MANY = 429  # HTTP's status for what has waited for its turn in vain
GRACE = 15.0  # seconds after which a state is ended whose own deadlines have not ended it


class Deadlines(Struct, frozen=True):
    """Seconds. `stop` covers a spawner's whole escalation, from asking to killing; `hook` what follows an end.

    `turn`: to wait for one's turn to start; `waiting`: in the queue of an engine.
    """

    start: float = 60
    answer: float = 30
    routed: float = 2
    stop: float = 70
    poll: float = 30
    hook: float = 0
    turn: float = 3600
    waiting: float = 86_400


class ServerRuntime(Protocol):
    """What an actor needs of the hub around it."""

    store: EventStore
    spawner: Spawner
    mailbox_size: int

    def deadlines_of(self, user_options: UserOptions) -> Deadlines:
        """For a server that was started with these options."""

    def wait_turn(self, server_id: str, timeout: float) -> AbstractAsyncContextManager[bool]:
        """Wait until a queued server may start, and hold its place in the body. False: not in so many seconds."""

    def waits_in_engine(self, server_id: str, waits: bool) -> None:
        """Told when a start comes to stand in the queue of its engine, and when it does so no more."""

    async def attempt(self, server_id: str, spawning: Spawning, telling: Telling) -> Attempt:
        """All that the spawner needs to know of this start. May raise SpawnError."""

    async def wait_up(self, spawn_id: str, url: str) -> None:
        """Return once this attempt answers at this URL; the caller sets the deadline. May raise SpawnError."""

    async def poll(self, spawn_id: str) -> Status:
        """As the spawner's, which may be asked after many at once."""

    async def wait_routed(self, server_id: str) -> None:
        """Return once every proxy that is waited for has this server's route."""

    def unrouted(self, server_id: str) -> str:
        """What to tell who waits, where some proxy does not have it yet; no start waits for that one from now on."""

    async def after_end(self, server_id: str) -> None:
        """Do what is to be done when an attempt has been ended. Raises nothing, and ends within `deadlines.hook`."""

    def poll_delay(self) -> float:
        """Seconds until a running server is to be polled again; infinity for never."""

    def on_change(self, server_id: str, before: Server, after: Server) -> None:
        """Told of every change of phase, at once."""


class ServerWork:
    """The work of one server's states. `tell` returns once the server has answered a command, however late.

    `be_patient`: told of more seconds that the present state may last.
    """

    __slots__ = ("_add_message", "_be_patient", "_deadlines", "_runtime", "_server_id", "_spawner", "_tell")

    def __init__(
        self,
        server_id: str,
        runtime: ServerRuntime,
        tell: Callable[[Report | Stop], Awaitable[None]],
        add_message: Callable[[Progress], None],
        be_patient: Callable[[float], None],
    ) -> None:
        self._server_id = server_id
        self._runtime = runtime
        self._spawner = runtime.spawner
        self._tell = tell
        self._add_message = add_message
        self._be_patient = be_patient
        self._deadlines = runtime.deadlines_of({})  # until a state says more

    def live(self, server: Server) -> Awaitable[None]:
        """Do what this state calls for, and report how it went, which ends the state."""
        self._deadlines = self._runtime.deadlines_of(server.user_options or {})
        return self._live_with_leftovers(server) if server.leftovers else self._live(server)

    async def _live_with_leftovers(self, server: Server) -> None:
        async with trio.open_nursery() as nursery:
            for spawn_id in server.leftovers:
                nursery.start_soon(self._end_leftover, spawn_id, spawn_id == server.spawn_id)
            await self._live(server)

    async def _live(self, server: Server) -> None:
        match server:
            case Stopped():
                return
            case Queued():
                await self._wait_turn(server)
            case Spawning():
                await self._report(await self._spawn(server))
            case Ready(spawn_id):
                # it is polled too, but not from here
                await self._report(end_of(spawn_id, await self._wait_out_of_sight(spawn_id, NEVER)))
            case Checking():
                await self._check(server)
            case Stopping():
                await self._report(await self._stop(server))
            case _:
                assert_never(server)
        await trio.lowlevel.checkpoint()  # the state has been left: here the work is cancelled
        raise AssertionError(f"the work of {type(server).__name__} is done, but the state goes on")

    async def _report(self, news: News) -> None:
        await self._tell(Report(news))

    # --- queue ---

    async def _wait_turn(self, queued: Queued) -> None:
        async with self._runtime.wait_turn(self._server_id, self._deadlines.turn) as has_come:
            await self._report(SpawnAdmitted(queued.spawn_id) if has_come else self._waited_too_long(queued))

    def _waited_too_long(self, queued: Queued) -> SpawnFailed:
        timeout = self._deadlines.turn
        reason = f"Too many servers are starting: this one's turn did not come within {timeout:g} seconds."
        return SpawnFailed(queued.spawn_id, reason, TOO_MANY)

    # --- spawn ---

    async def _spawn(self, spawning: Spawning) -> News:
        """How the start went. Raises DoubtError where the log could not be read, which says nothing about it."""
        try:
            await self._start(spawning)
        except Exception as error:
            doubt = unreadable(root_cause(error))
            if isinstance(doubt, DoubtError):
                raise doubt from error
            failure = _as_spawn_error(spawning.spawn_id, error)
        else:
            return SpawnSucceeded(spawning.spawn_id)
        gone = None
        if failure.reason != LOST:  # else nobody could confirm its end
            gone = await self._end(spawning.spawn_id, self._deadlines.stop)
        await self._runtime.after_end(self._server_id)
        return as_failure(spawning.spawn_id, failure, gone)

    async def _start(self, spawning: Spawning) -> None:
        """Return once the server answers and has its route. Raises what keeps it from that."""
        async with trio.open_nursery() as nursery:  # of what hooks have to tell meanwhile
            await self._start_telling(spawning, Telling(self._add_message, nursery))
            nursery.cancel_scope.cancel()

    async def _start_telling(self, spawning: Spawning, telling: Telling) -> None:
        deadlines = self._deadlines
        with trio.move_on_after(deadlines.start) as starting:
            clock = StartClock(starting, deadlines.waiting)
            url = await self._ask_to_start(spawning, telling, clock)
        if starting.cancelled_caught:
            raise _too_late(clock, deadlines)
        if not isinstance(url, str) or not url:
            raise SpawnError("The spawner does not say where the server is.")
        faults.point("spawner started")
        trouble = await self._wait_answer_or_end(spawning.spawn_id, url, spawning.prefix)
        if trouble is not None:
            raise why_not_ready(trouble)
        faults.point("server answered")
        await self._report(SpawnAnswered(spawning.spawn_id, url))
        with trio.move_on_after(deadlines.routed):
            await self._runtime.wait_routed(self._server_id)
        if told := self._runtime.unrouted(self._server_id):
            self._add_message(Progress(told))
        faults.point("server routed")

    async def _ask_to_start(self, spawning: Spawning, telling: Telling, clock: StartClock) -> str:
        def report(message: Progress) -> None:
            if message.is_waiting and not clock.waits:
                self._be_patient(deadlines.waiting)
            if message.is_waiting != clock.waits:
                self._runtime.waits_in_engine(self._server_id, message.is_waiting)
            clock.heard(message)
            telling.by_spawner(message)

        deadlines = self._deadlines
        self._runtime.waits_in_engine(self._server_id, False)  # an actor that died may have left it there
        attempt = await self._runtime.attempt(self._server_id, spawning, telling)
        pauses, told = Pauses("start", spawning.spawn_id), ""
        while True:
            try:
                if spawning.previous and spawning.previous not in spawning.leftovers:
                    await self._forget(spawning.previous)
                url = await self._spawner.start(attempt, report)
            except Exception as error:
                reason = root_cause(error)
                if not isinstance(reason, UnreachableError):
                    raise
                if isinstance(reason, SilentError) and str(reason) != told:
                    told = str(reason)
                    self._add_message(Progress(told))
                await pauses.after(error)
            else:
                self._runtime.waits_in_engine(self._server_id, False)
                return url

    async def _forget(self, spawn_id: str) -> None:
        """Let its output go. That this fails is no reason not to go on."""
        try:
            await self._spawner.forget(spawn_id)
        except Exception as error:
            if isinstance(root_cause(error), UnreachableError):
                raise
            logger.exception("cannot drop what is left of %s", spawn_id)

    # --- waiting for an answer ---

    async def _wait_answer_or_end(
        self, spawn_id: str, url: str, prefix: str
    ) -> SpawnError | Lost | Gone | None:
        """None once the server answers; else why it was given up, or how it ended or was lost meanwhile."""
        ended = Ended()

        async def watch() -> None:
            ended.status = await self._wait_out_of_sight(spawn_id, self._runtime.poll_delay())
            nursery.cancel_scope.cancel()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch)
            given_up = await self._wait_answer(spawn_id, url, prefix)
            nursery.cancel_scope.cancel()
        return ended.status or given_up

    async def _wait_answer(self, spawn_id: str, url: str, prefix: str) -> SpawnError | None:
        timeout = self._deadlines.answer
        pauses = Pauses("wait for an answer of", spawn_id)
        with trio.move_on_after(timeout):
            while True:
                try:
                    await self._runtime.wait_up(spawn_id, f"{url}{prefix}api")
                except Exception as error:
                    reason = root_cause(error)
                    if isinstance(reason, SpawnError):
                        return reason
                    await pauses.after(error)
                else:
                    return None
        return SpawnError(f"The server did not answer at {url} within {timeout:g} seconds.")

    # --- whether it runs ---

    async def look(self, ready: Ready) -> None:
        """Poll now; a death is recorded as the watch would have done. Raises what keeps it from asking."""
        status = await self._poll(ready.spawn_id)
        if not isinstance(status, Running):
            await self._report(end_of(ready.spawn_id, status))

    async def _wait_out_of_sight(self, spawn_id: str, poll_every: float) -> Gone | Lost:
        return await wait_out_of_sight(self._spawner, spawn_id, lambda: self._poll(spawn_id), poll_every)

    async def _poll(self, spawn_id: str) -> Status:
        """Raises UnreachableError also where there is no answer in time."""
        with trio.move_on_after(self._deadlines.poll):
            return await self._runtime.poll(spawn_id)
        raise UnreachableError("no answer in time")

    # --- check ---

    async def _check(self, checking: Checking) -> None:
        """In doubt: adopt it, or see that it is gone. While nobody can tell, keep it and its route."""
        spawn_id = checking.spawn_id
        found = await self._find_out(checking)
        match found:
            case None:
                await self._report(ServerAdopted(spawn_id))
            case Gone():
                await self._report(ServerLost(spawn_id, exit_status_of(found), found.told))
            case _:
                await self._tell(Stop(why_not_adopted(found), spawn_id, "reconciler"))

    async def _find_out(self, checking: Checking) -> SpawnError | Gone | None:
        """None if it runs and answers. That it does not answer counts only where it is known to run."""
        spawn_id = checking.spawn_id
        while True:
            status = await retry_forever("tell whether it runs:", spawn_id, lambda: self._poll(spawn_id))
            if isinstance(status, Gone):
                return status
            if isinstance(status, Lost):
                await self._wait_seen(spawn_id, status)
                continue
            found = await self._wait_answer_or_end(spawn_id, checking.url, checking.prefix)
            if isinstance(found, Lost):
                continue
            if not isinstance(found, SpawnError) or await self._can_be_asked(spawn_id):
                return found

    async def _wait_seen(self, spawn_id: str, lost: Lost) -> None:
        """Return when asking anew may tell more of it than that it is lost."""
        await self._report(OutOfSight(spawn_id, lost.reason))
        await trio.sleep(min(self._runtime.poll_delay(), LOST_POLL_INTERVAL))

    async def _can_be_asked(self, spawn_id: str) -> bool:
        try:
            await self._poll(spawn_id)
        except Exception:
            return False
        return True

    # --- stop ---

    async def _stop(self, stopping: Stopping) -> News:
        gone = await self._end(stopping.spawn_id, self._deadlines.stop)
        faults.point("spawner stopped")
        await self._runtime.after_end(self._server_id)
        return ServerStopped(stopping.spawn_id, exit_status_of(gone), leftover=gone is None)

    async def _end(self, spawn_id: str, timeout: float) -> Gone | None:
        """End an attempt; None if that could not be confirmed in time."""
        with trio.move_on_after(timeout):
            return await retry_forever("end", spawn_id, lambda: self._spawner.stop(spawn_id))
        return None

    async def _end_leftover(self, spawn_id: str, is_last: bool) -> None:
        """Go on ending what the server has left behind; the duty has no deadline.

        `is_last`: there was no attempt since, so its output is still of interest.
        """
        pauses = Pauses("end", spawn_id)
        timeout = self._deadlines.stop
        while (gone := await self._end(spawn_id, timeout)) is None:
            timeout = min(2 * timeout, TIMEOUT)
            await pauses.after(UnreachableError("its end is not confirmed"))
        if not is_last:
            await retry_forever("drop what is left of", spawn_id, lambda: self._forget(spawn_id))
        await self._report(LeftoverEnded(spawn_id, exit_status_of(gone)))


def last_resort(server: Server, deadlines: Deadlines) -> tuple[float, News | None]:
    """How long a state may last, in seconds, and the news that ends it then.

    The work of a state has deadlines of its own; this is for work that does not heed them.
    """
    match server:
        case Queued(spawn_id=spawn_id):
            reason = "The start was given up: its turn to start has not come."
            return deadlines.turn + GRACE, SpawnFailed(spawn_id, reason, TOO_MANY)
        case Spawning(spawn_id=spawn_id):
            timeout = deadlines.start + deadlines.answer + deadlines.routed + deadlines.stop + deadlines.hook
            reason = "The start was given up: the spawner did not do so in time."
            return timeout + GRACE, SpawnFailed(spawn_id, reason, leftover=True)
        case Stopping(spawn_id=spawn_id):
            return deadlines.stop + deadlines.hook + GRACE, ServerStopped(spawn_id, leftover=True)
        case _:
            return NEVER, None


def _too_late(clock: StartClock, deadlines: Deadlines) -> SpawnError:
    if clock.waits:
        return SpawnError(
            f"The server waited in the queue of its engine for {deadlines.waiting:g} seconds.",
            status=TOO_MANY,
        )
    return SpawnError(f"The server did not start within {deadlines.start:g} seconds.")


class Ended:
    """How an attempt ended or was lost, if it was, while something else was waited for."""

    status: Gone | Lost | None = None


def _as_spawn_error(spawn_id: str, error: Exception) -> SpawnError:
    reason = root_cause(error)
    if not isinstance(reason, HubError):
        log_failure(logger, f"start of {spawn_id}", reason)
    return as_spawn_error(reason)
