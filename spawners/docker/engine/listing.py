"""Lists of all containers, asked for no more than once a second, however many want to know."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import trio
from msgspec.structs import replace

from spawners.docker.engine.calls import Engine
from spawners.docker.engine.found import HUB, SPAWN_ID, Summary

INTERVAL = 1.0  # seconds from one list to the next


class Listing:
    """Of what has not ended. `others`: the spawn ids of containers that another hub has made, by their ids."""

    def __init__(
        self, engine: Engine, hub_label: str, others: Callable[[], Mapping[str, str]] = dict
    ) -> None:
        self._engine = engine
        self._others = others
        self._label = f"{HUB}={hub_label}"
        self._turn = trio.Lock()
        self._asked = -math.inf  # when the engine was asked last
        self._as_of = -math.inf  # when the list was asked for that is known
        self._known: list[Summary] = []

    async def now(self) -> list[Summary]:
        """A list that was asked for after this call began. All who wait for one are told the same."""
        called = trio.current_time()
        async with self._turn:
            if self._as_of < called:
                await trio.sleep_until(self._asked + INTERVAL)
                self._asked = asked = trio.current_time()
                self._known = await self._engine.containers(self._label) + await self._of_others()
                self._as_of = asked
            return self._known

    async def _of_others(self) -> list[Summary]:
        """As if they bore a label."""
        if not (others := self._others()):
            return []
        found = await self._engine.containers_alive(others)
        return [replace(one, labels={SPAWN_ID: others[one.id]}) for one in found if one.id in others]
