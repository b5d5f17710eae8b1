"""What attempts have written: asked of the engine while there is a container, and then read where it was kept."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import trio

from spawners.docker.endings import Endings
from spawners.docker.engine.calls import Engine, EngineRefusal, EngineTrouble
from spawners.docker.engine.found import Container, Ended, stage_of
from spawners.docker.output import Frames, Piece, last_lines, since, tail
from spawners.docker.taken_in import Newcomers

logger = logging.getLogger("callboard.spawner")

_LINES_KEPT = "2000"
_LOOK_AGAIN = 1.0  # seconds, at a container that runs and whose output has ended


class Written:
    def __init__(self, engine: Engine, endings: Endings, newcomers: Newcomers) -> None:
        self._engine = engine
        self._newcomers = newcomers
        self._endings = endings

    async def last_lines(self, spawn_id: str) -> list[str]:
        name = self._newcomers.called(spawn_id)
        if self._endings.ended(spawn_id) is not None:
            return last_lines(self._endings.output(spawn_id))
        container = await self._engine.container(name)
        return [] if container is None else last_lines(await self.of(spawn_id, container))

    async def follow(self, spawn_id: str, after: int = 0) -> AsyncIterator[tuple[bytes, int]]:
        """The places are moments, in nanoseconds since 1970."""
        name = self._newcomers.called(spawn_id)
        while True:
            container = await self._engine.container(name)
            has_ended = container is None or isinstance(stage_of(container), Ended)
            pieces = self._kept(spawn_id) if container is None else self._following(name, container, after)
            begin = after
            async with aclosing(pieces):
                async for at, data in pieces:
                    if at > begin:
                        after = max(at, after + 1)  # two may have been written at the same moment
                        yield data, after
            if has_ended:
                return
            await trio.sleep(_LOOK_AGAIN)

    async def _kept(self, spawn_id: str) -> AsyncGenerator[Piece, None]:
        for piece in self._endings.output(spawn_id):
            yield piece

    async def _following(self, name: str, container: Container, after: int) -> AsyncGenerator[Piece, None]:
        frames = Frames(is_terminal=container.config.tty)
        try:
            async with self._engine.output(name, follow=True, since=since(after)) as data:
                async for chunk in data:
                    for piece in frames.take(chunk):
                        yield piece
        except EngineRefusal:
            return  # removed meanwhile, or of a kind that keeps no output

    async def of(self, spawn_id: str, container: Container) -> list[Piece]:
        """The last of what a container has; nothing where the engine keeps no output."""
        name = self._newcomers.called(spawn_id)
        try:
            async with self._engine.output(name, follow=False, tail=_LINES_KEPT) as data:
                return await tail(Frames(is_terminal=container.config.tty), data)
        except (EngineRefusal, EngineTrouble, ValueError) as error:
            logger.warning("cannot read what %s has written: %s", spawn_id, error)
            return []
