"""Finds, starts and restarts the actors of servers, by the id of the server.

One for one: a server whose actor dies of a bug is rebuilt from the log, and nobody else notices. One that dies
more than `INTENSITY` times within `PERIOD` seconds is isolated for `ISOLATION` seconds: its callers are told.
"""

from __future__ import annotations

import collections
import logging
from collections.abc import Iterator
from typing import Protocol

import trio

from core.actors.server import ServerActor
from core.actors.server_work import Stage
from core.errors import UnavailableError
from core.events.record import By, Record
from core.events.writer import Claim
from core.server import Command, Server

logger = logging.getLogger("callboard.supervisor")

INTENSITY, PERIOD, ISOLATION = 5, 10.0, 60.0


class Folds(Protocol):
    """Where in a server's stream folding may begin."""

    def fold_from(self, server_id: str) -> int: ...


class Supervisor:
    def __init__(self, stage: Stage, folds: Folds, *, since: Record | None = None) -> None:
        self._stage = stage
        self._folds = folds
        self._since = since
        self._actors: dict[str, ServerActor] = {}
        self._isolated: dict[str, float] = {}
        self._nursery: trio.Nursery | None = None
        self.restarts = 0

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """The nursery of all actors. It ends when cancelled."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            task_status.started()
            await trio.sleep_forever()

    async def ask(self, server_id: str, command: Command, *, by: By, claim: Claim | None = None) -> Server:
        return await self.actor(server_id).ask(command, by=by, claim=claim)

    def actor(self, server_id: str) -> ServerActor:
        """The one actor of this server, awake. Raises UnavailableError while it is isolated."""
        actor = self._actors.get(server_id)
        if actor is None:
            self._check_isolation(server_id)
            assert self._nursery is not None, "the supervisor is not running"
            actor = ServerActor(
                server_id, self._stage, fold_from=self._folds.fold_from(server_id), since=self._since
            )
            self._actors[server_id] = actor
            self._nursery.start_soon(self._tend, actor)
        return actor

    async def look(self, server_id: str) -> None:
        """Have the death of a server that is thought to run noticed now, not at the next poll."""
        actor = self._actors.get(server_id)
        if actor is not None:
            await actor.look()

    def awake(self) -> Iterator[ServerActor]:
        return iter(tuple(self._actors.values()))

    @property
    def isolated(self) -> list[str]:
        """The servers whose actors died too often."""
        now = trio.current_time()
        return [server_id for server_id, until in self._isolated.items() if until > now]

    def _check_isolation(self, server_id: str) -> None:
        until = self._isolated.get(server_id)
        if until is None:
            return
        if trio.current_time() < until:
            raise UnavailableError("The hub failed to manage this server and has set it aside for a minute.")
        del self._isolated[server_id]

    async def _tend(self, actor: ServerActor) -> None:
        deaths: collections.deque[float] = collections.deque(maxlen=INTENSITY)
        while True:
            try:
                await actor.run()
            except Exception:
                logger.exception("the actor of server %s died", actor.server_id)
                self.restarts += 1
                deaths.append(trio.current_time())
                if len(deaths) == INTENSITY and deaths[-1] - deaths[0] <= PERIOD:
                    self._isolate(actor)
                    return
            if actor.may_rest:
                del self._actors[actor.server_id]  # no await since it decided to rest: nothing is lost
                actor.is_at_rest = True
                return

    def _isolate(self, actor: ServerActor) -> None:
        logger.error("server %s is set aside: its actor died %d times", actor.server_id, INTENSITY)
        del self._actors[actor.server_id]
        actor.is_at_rest = True
        self._isolated[actor.server_id] = trio.current_time() + ISOLATION
        actor.abandon(UnavailableError("The hub failed to manage this server and has set it aside."))
