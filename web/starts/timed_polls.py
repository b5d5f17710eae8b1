"""A spawner whose polls are timed."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any, cast

from core.plugins.spawner import Gone, Running, Spawner


class _TimedPolls:
    def __init__(self, spawner: Spawner, observe: Callable[[float, bool], None]) -> None:
        self._spawner = spawner
        self._observe = observe

    async def poll(self, spawn_id: str) -> Running | Gone:
        began = perf_counter()
        status = await self._spawner.poll(spawn_id)
        self._observe(perf_counter() - began, isinstance(status, Running))
        return status

    def __getattr__(self, name: str) -> Any:
        """All else is the spawner's own."""
        return getattr(self._spawner, name)


def with_timed_polls(spawner: Spawner, observe: Callable[[float, bool], None]) -> Spawner:
    """`observe` is told of each poll that was answered: seconds, and whether the server runs."""
    return cast(Spawner, _TimedPolls(spawner, observe))
