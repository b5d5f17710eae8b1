"""What each state of a server calls for. Every piece bears being cancelled, and being called again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import assert_never

import trio

from core.actors.asking import Pauses, end_attempt, forget, retry_forever
from core.actors.servers.deadlines import NEVER, TOO_MANY
from core.actors.servers.endings import end_of, exit_status_of, why_not_adopted
from core.actors.servers.runtime import ServerRuntime
from core.actors.servers.sight import Sight
from core.actors.servers.start_work import StartWork
from core.errors import SpawnError, UnreachableError
from core.events.server import (
    LeftoverEnded,
    OutOfSight,
    ServerAdopted,
    ServerLost,
    ServerStopped,
    SpawnAdmitted,
    SpawnFailed,
)
from core.machine import faults
from core.plugins.spawner import Gone, Lost, Progress, Running
from core.server import Checking, News, Queued, Ready, Report, Server, Spawning, Stop, Stopped, Stopping

LOST_POLL_INTERVAL = 30.0  # seconds at most between looks at a server whose node is lost
TIMEOUT = 3600.0  # seconds at most until the end of a leftover is asked for anew


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
                await self._start(server)
            case Ready(spawn_id):
                # it is polled too, but not from here
                await self._report(end_of(spawn_id, await self._sight.wait_lost(spawn_id, NEVER)))
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

    @property
    def _sight(self) -> Sight:
        return Sight(self._runtime, self._deadlines)

    async def _start(self, spawning: Spawning) -> None:
        start = StartWork(
            self._server_id,
            self._runtime,
            self._deadlines,
            self._report,
            self._add_message,
            self._be_patient,
        )
        await self._report(await start.live(spawning))

    # --- queue ---

    async def _wait_turn(self, queued: Queued) -> None:
        async with self._runtime.wait_turn(self._server_id, self._deadlines.turn) as has_come:
            await self._report(SpawnAdmitted(queued.spawn_id) if has_come else self._waited_too_long(queued))

    def _waited_too_long(self, queued: Queued) -> SpawnFailed:
        timeout = self._deadlines.turn
        reason = f"Too many servers are starting: this one's turn did not come within {timeout:g} seconds."
        return SpawnFailed(queued.spawn_id, reason, TOO_MANY)

    # --- ready ---

    async def look(self, ready: Ready) -> None:
        """Poll now; a death is recorded as the watch would have done. Raises what keeps it from asking."""
        status = await self._sight.poll(ready.spawn_id)
        if not isinstance(status, Running):
            await self._report(end_of(ready.spawn_id, status))

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
            status = await retry_forever(
                "tell whether it runs:", spawn_id, lambda: self._sight.poll(spawn_id)
            )
            if isinstance(status, Gone):
                return status
            if isinstance(status, Lost):
                await self._wait_seen(spawn_id, status)
                continue
            found = await self._sight.wait_answer_or_end(spawn_id, checking.url, checking.prefix)
            if isinstance(found, Lost):
                continue
            if not isinstance(found, SpawnError) or await self._sight.can_be_asked(spawn_id):
                return found

    async def _wait_seen(self, spawn_id: str, lost: Lost) -> None:
        """Return when asking anew may tell more of it than that it is lost."""
        await self._report(OutOfSight(spawn_id, lost.reason))
        await trio.sleep(min(self._runtime.poll_delay(), LOST_POLL_INTERVAL))

    # --- stop ---

    async def _stop(self, stopping: Stopping) -> News:
        gone = await end_attempt(self._spawner, stopping.spawn_id, self._deadlines.stop)
        faults.point("spawner stopped")
        await self._runtime.after_end(self._server_id)
        return ServerStopped(stopping.spawn_id, exit_status_of(gone), leftover=gone is None)

    async def _end_leftover(self, spawn_id: str, is_last: bool) -> None:
        """Go on ending what the server has left behind; the duty has no deadline.

        `is_last`: there was no attempt since, so its output is still of interest.
        """
        pauses = Pauses("end", spawn_id)
        timeout = self._deadlines.stop
        while (gone := await end_attempt(self._spawner, spawn_id, timeout)) is None:
            timeout = min(2 * timeout, TIMEOUT)
            await pauses.after(UnreachableError("its end is not confirmed"))
        if not is_last:
            await retry_forever("drop what is left of", spawn_id, lambda: forget(self._spawner, spawn_id))
        await self._report(LeftoverEnded(spawn_id, exit_status_of(gone)))
