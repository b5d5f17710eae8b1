"""Stands for an engine that servers were started in and that the configuration names no more."""

from __future__ import annotations

from collections.abc import Collection
from typing import NoReturn

import trio

from core.errors import SpawnError, UnreachableError
from core.plugins.spawner import Attempt, Gone, Listed, Report, Spawner, Status, TellStatus


class MissingSpawner(Spawner):
    """Nothing can be asked of it, so nothing in it is ever taken for gone."""

    def __init__(self, name: str) -> None:
        self.title = f"The spawner {name}, which the configuration names no more,"
        self._why = f"The configuration names no spawner {name} any more."

    async def start(self, attempt: Attempt, report: Report) -> str:
        del attempt, report
        await trio.lowlevel.checkpoint()
        raise SpawnError(self._why)

    async def poll(self, spawn_id: str) -> Status:
        del spawn_id
        await self._refuse()

    async def poll_many(self, spawn_ids: Collection[str], tell: TellStatus) -> None:
        del spawn_ids, tell
        await self._refuse()

    async def stop(self, spawn_id: str) -> Gone:
        del spawn_id
        await self._refuse()

    async def listed(self) -> list[Listed]:
        await self._refuse()

    async def _refuse(self) -> NoReturn:
        await trio.lowlevel.checkpoint()
        raise UnreachableError(self._why)
