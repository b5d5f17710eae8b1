"""The files of attempts: a lock for each, and what it writes if it is a process of this machine."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path

import trio

from core.naming.ids import is_id
from spawners import output_file
from spawners.jupyterhub.attempt_lock import held

FOLLOW_PAUSE = 0.25  # seconds between looks at what is new


class KeptFiles:
    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def held(self, spawn_id: str) -> AbstractAsyncContextManager[None]:
        """Be the only one who works at this attempt."""
        return held(Path(self._path(spawn_id, "lock")))

    def output(self, spawn_id: str) -> str:
        return self._path(spawn_id, "out")

    def trim(self, spawn_id: str) -> None:
        output_file.trim(self.output(spawn_id))

    def last_lines(self, spawn_id: str) -> list[str]:
        return output_file.last_lines(self.output(spawn_id))

    async def follow(
        self, spawn_id: str, after: int, has_ended: Callable[[], Awaitable[bool]]
    ) -> AsyncIterator[tuple[bytes, int]]:
        """Each piece of the output, with the place behind it in bytes, until the attempt has ended."""
        path, offset = self.output(spawn_id), after
        while True:
            is_over = await has_ended()
            data, offset = output_file.read(path, offset)
            if data:
                yield data, offset
            elif is_over:
                return
            else:
                await trio.sleep(FOLLOW_PAUSE)

    def drop(self, spawn_id: str) -> None:
        """By who holds it: this attempt is never begun again."""
        for kind in ("out", "lock"):
            with suppress(FileNotFoundError):
                os.unlink(self._path(spawn_id, kind))

    def _path(self, spawn_id: str, kind: str) -> str:
        if not is_id(spawn_id):
            raise ValueError(f"not a spawn id: {spawn_id!r}")
        return f"{self._directory}/{spawn_id}.{kind}"
