"""Finds, starts and restarts the actors of servers, by the id of the server.

One for one: a server whose actor dies of a bug is rebuilt from the log, and nobody else notices. One that dies
for the fifth time (`INTENSITY`) within `PERIOD` seconds is isolated: its callers are told, and it is rebuilt
after `ISOLATION` seconds.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Protocol

import trio

from core.actors.servers.polls import Polls
from core.actors.servers.runtime import ServerRuntime
from core.actors.servers.server import LOG_RETRY, ServerActor
from core.actors.servers.work_task import WorkTask
from core.errors import UnavailableError
from core.events.file.disk import unreadable
from core.events.file.writer import IdempotencyRecord
from core.events.record import HUB, By, Record
from core.events.stop_reason import StopReason
from core.server import Command, Ready, Server, Stop, has_ended

logger = logging.getLogger("callboard.supervisor")

INTENSITY, PERIOD, ISOLATION = 5, 10.0, 60.0


class KnownServers(Protocol):
    """What the tables say of a server."""

    def fold_from(self, server_id: str) -> int:
        """Where in its stream folding may begin."""

    def has_ended(self, server_id: str) -> bool:
        """Whether nothing of it is left."""


class Supervisor:
    def __init__(self, runtime: ServerRuntime, known: KnownServers) -> None:
        self._runtime = runtime
        self._known = known
        self._since: Record | None = None
        self._actors: dict[str, ServerActor] = {}
        self._running: set[str] = set()  # those that have a task
        self._deaths: dict[str, list[float]] = {}
        self._isolated: set[str] = set()
        self._polls = Polls(runtime.poll_delay, self._poll)
        self._nursery: trio.Nursery | None = None
        self.restarts = 0

    async def run(
        self, since: Record | None, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """The nursery of all actors and of their work. It ends when cancelled. `since`: the record of this start."""
        self._since = since
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            nursery.start_soon(self._polls.run)
            task_status.started()
            await trio.sleep_forever()

    async def ask(
        self, server_id: str, command: Command, *, by: By, idempotency: IdempotencyRecord | None = None
    ) -> Server:
        return await self.actor(server_id).ask(command, by=by, idempotency=idempotency)

    async def end(self, server_id: str, why: str, reason: StopReason) -> None:
        """Have the server stopped; returns once nothing is left of it, nor of what it has left behind."""
        actor = self.actor(server_id)
        await actor.ask(Stop(why, reason=reason), by=HUB)
        await actor.wait_until(has_ended)

    def has_ended(self, server_id: str) -> bool:
        """Whether nothing of it is left, and nobody is about to start it: only its actor could."""
        return server_id not in self._actors and self._known.has_ended(server_id)

    def actor(self, server_id: str) -> ServerActor:
        """The one actor of this server, awake. Raises UnavailableError while it is isolated."""
        if server_id in self._isolated:
            raise _set_aside()
        actor = self._actors.get(server_id)
        if actor is None:
            fold_from = self._known.fold_from(server_id)
            actor = ServerActor(server_id, self._runtime, self, fold_from=fold_from, since=self._since)
            self._actors[server_id] = actor
            self.wake(actor)
        return actor

    async def look(self, server_id: str) -> None:
        """Have the death of a server that is thought to run noticed now, not at the next poll."""
        actor = self._actors.get(server_id)
        if actor is not None and server_id not in self._isolated:
            await actor.look()

    def awake(self) -> Iterator[ServerActor]:
        """The actors that are not at rest."""
        return iter(tuple(self._actors.values()))

    @property
    def isolated(self) -> list[str]:
        """The servers whose actors died too often."""
        return sorted(self._isolated)

    # --- keeping actors ---

    def wake(self, actor: ServerActor) -> None:
        if actor.server_id not in self._running and not actor.is_at_rest:
            assert self._nursery is not None, "the supervisor is not running"
            self._running.add(actor.server_id)
            self._nursery.start_soon(self._tend, actor)

    def begin(self, task: WorkTask) -> None:
        assert self._nursery is not None, "the supervisor is not running"
        self._nursery.start_soon(task.run)

    def watch(self, server_id: str, ready: Ready) -> None:
        self._polls.add(server_id, ready.spawn_id)

    def poll_anew(self) -> None:
        """How long it is between polls has changed."""
        states = [(actor.server_id, actor.state) for actor in self._actors.values()]
        self._polls.begin_anew(
            (server_id, state.spawn_id) for server_id, state in states if isinstance(state, Ready)
        )

    async def _poll(self, server_id: str, spawn_id: str) -> bool:
        """Whether to go on: False once this attempt is no longer ready."""
        actor = self._actors.get(server_id)
        if actor is not None and server_id not in self._isolated:
            await actor.poll()
        state = None if actor is None else actor.state
        return isinstance(state, Ready) and state.spawn_id == spawn_id

    async def _tend(self, actor: ServerActor) -> None:
        """Run the actor until it has nothing to do; after a bug, again."""
        while True:
            try:
                await actor.run()
                break
            except Exception as error:
                if (reason := unreadable(error)) is not None:
                    await self._put_off(actor, reason)
                    continue
                logger.exception("the actor of server %s died", actor.server_id)
            self.restarts += 1
            if self._dies_too_often(actor.server_id):
                await self._isolate(actor)
        # No await since it found nothing to do: nobody has asked in between.
        self._running.remove(actor.server_id)
        if actor.may_rest:
            del self._actors[actor.server_id]
            self._deaths.pop(actor.server_id, None)
            actor.is_at_rest = True

    async def _put_off(self, actor: ServerActor, reason: UnavailableError) -> None:
        """It is no fault of the actor's that it cannot read now: its callers are told why, and it goes on later."""
        logger.warning("server %s has to wait: %s", actor.server_id, reason.message)
        actor.abandon(reason)
        await trio.sleep(LOG_RETRY.longest)

    def _dies_too_often(self, server_id: str) -> bool:
        now = trio.current_time()
        recent = [death for death in self._deaths.get(server_id, ()) if now - death <= PERIOD]
        self._deaths[server_id] = [*recent, now]
        return len(recent) + 1 >= INTENSITY

    async def _isolate(self, actor: ServerActor) -> None:
        logger.error("server %s is set aside: its actor died %d times", actor.server_id, INTENSITY)
        self._isolated.add(actor.server_id)
        actor.abandon(_set_aside())
        try:
            await trio.sleep(ISOLATION)
        finally:
            self._isolated.remove(actor.server_id)
            del self._deaths[actor.server_id]


def _set_aside() -> UnavailableError:
    return UnavailableError("The hub failed to manage this server and has set it aside for a minute.")
