"""Ending containers, and seeing to it that what is known of one outlives it."""

from __future__ import annotations

import logging
from contextlib import suppress

import trio

from core.naming.ids import is_id
from spawners.docker.endings import Endings, Owner
from spawners.docker.engine.calls import Engine, EngineRefusal
from spawners.docker.engine.found import (
    SERVER_ID,
    USER_ID,
    Alive,
    Container,
    Ended,
    Summary,
    name_of,
    stage_of,
)
from spawners.docker.output import Piece
from spawners.docker.settings import USUAL_GRACE
from spawners.docker.taken_in import Newcomers
from spawners.docker.written import Written

logger = logging.getLogger("callboard.spawner")


class Ender:
    """`remove`: whether a container goes once it has ended."""

    def __init__(
        self, engine: Engine, endings: Endings, newcomers: Newcomers, written: Written, *, remove: bool
    ) -> None:
        self._engine = engine
        self._newcomers = newcomers
        self._endings = endings
        self._written = written
        self._remove = remove

    async def end(self, name: str, container: Container, stage: Alive) -> None:
        """As its image and the configuration want it to be ended."""
        grace = container.config.stop_timeout
        with suppress(EngineRefusal):  # it has ended meanwhile
            if stage.is_paused:  # what is frozen cannot end
                await self._engine.unpause(name)
            await self._engine.stop(name, USUAL_GRACE if grace is None else grace)

    async def keep(self, spawn_id: str, container: Container, ended: Ended) -> None:
        """Write down how it has ended and what it wrote, then remove it."""
        if self._endings.ended(spawn_id) is None:
            output = await self._written.of(spawn_id, container)
            if not await self._write(spawn_id, ended, output, self._owner(spawn_id, container)):
                return  # the container is the only one that knows
        if self._remove:
            await self.remove(spawn_id)

    async def remove(self, spawn_id: str) -> None:
        """But not what another hub has made: people may have files in it, which that one would have kept."""
        if self._newcomers.of(spawn_id) is None:
            await self._engine.remove(name_of(spawn_id))

    def _owner(self, spawn_id: str, container: Container) -> Owner:
        if (taken := self._newcomers.of(spawn_id)) is not None:
            return taken.owner
        return Owner(container.label(USER_ID), container.label(SERVER_ID))

    async def bar(self, spawn_id: str) -> None:
        """See to it that nothing is ever started that has not been made yet."""
        await self._write(spawn_id, Ended(), [], Owner())

    async def _write(self, spawn_id: str, ended: Ended, output: list[Piece], owner: Owner) -> bool:
        """False where that is not possible."""
        try:
            await trio.to_thread.run_sync(self._endings.write, spawn_id, ended, output, owner)
        except OSError as error:
            logger.warning("cannot write down how %s has ended: %s", spawn_id, error)
            return False
        return True

    async def tidy(self, listed: list[Summary]) -> None:
        """What was made after it had been stopped, by an engine that was late, goes."""
        for one in listed:
            if is_id(one.spawn_id) and self._endings.ended(one.spawn_id) is not None:
                await self._remove_late(one.spawn_id)

    async def _remove_late(self, spawn_id: str) -> None:
        """Unless it has ended since it was listed."""
        name = name_of(spawn_id)
        container = await self._engine.container(name)
        if container is not None and not isinstance(stage_of(container), Ended):
            logger.warning("removing the container of %s, which was stopped before it was made", spawn_id)
            await self._engine.remove(name)
