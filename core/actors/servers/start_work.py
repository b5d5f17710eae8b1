"""A start, from the attempt that is made to the route that leads to the server."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import trio

from core.actors.asking import Pauses, end_attempt, forget, root_cause
from core.actors.servers.deadlines import TOO_MANY, Deadlines
from core.actors.servers.endings import as_failure, why_not_ready
from core.actors.servers.runtime import ServerRuntime
from core.actors.servers.sight import Sight
from core.actors.servers.start_clock import StartClock
from core.errors import DoubtError, HubError, SilentError, SpawnError, UnreachableError
from core.events.file.disk import unreadable
from core.events.server import SpawnAnswered, SpawnSucceeded
from core.machine import faults
from core.plugins.hook_errors import as_spawn_error, log_failure
from core.plugins.spawner import LOST, Progress, Telling
from core.server import News, Spawning

logger = logging.getLogger("callboard.server")


class StartWork:
    """What `Spawning` calls for. `report`, `add_message`, `be_patient`: see `ServerWork`."""

    __slots__ = (
        "_add_message",
        "_be_patient",
        "_deadlines",
        "_report",
        "_runtime",
        "_server_id",
        "_sight",
        "_spawner",
    )

    def __init__(
        self,
        server_id: str,
        runtime: ServerRuntime,
        deadlines: Deadlines,
        report: Callable[[News], Awaitable[None]],
        add_message: Callable[[Progress], None],
        be_patient: Callable[[float], None],
    ) -> None:
        self._server_id = server_id
        self._runtime = runtime
        self._spawner = runtime.spawner
        self._deadlines = deadlines
        self._sight = Sight(runtime, deadlines)
        self._report = report
        self._add_message = add_message
        self._be_patient = be_patient

    async def live(self, spawning: Spawning) -> News:
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
            gone = await end_attempt(self._spawner, spawning.spawn_id, self._deadlines.stop)
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
        trouble = await self._sight.wait_answer_or_end(spawning.spawn_id, url, spawning.prefix)
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
                    await forget(self._spawner, spawning.previous)
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


def _too_late(clock: StartClock, deadlines: Deadlines) -> SpawnError:
    if clock.waits:
        return SpawnError(
            f"The server waited in the queue of its engine for {deadlines.waiting:g} seconds.",
            status=TOO_MANY,
        )
    return SpawnError(f"The server did not start within {deadlines.start:g} seconds.")


def _as_spawn_error(spawn_id: str, error: Exception) -> SpawnError:
    reason = root_cause(error)
    if not isinstance(reason, HubError):
        log_failure(logger, f"start of {spawn_id}", reason)
    return as_spawn_error(reason)
