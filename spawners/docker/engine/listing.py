"""Lists of all containers, asked for no more than once a second, however many want to know."""

from __future__ import annotations

import math

import trio

from spawners.docker.engine.calls import Engine
from spawners.docker.engine.found import HUB, Summary

INTERVAL = 1.0  # seconds from one list to the next


class Listing:
    """Of what has not ended."""

    def __init__(self, engine: Engine, hub_label: str) -> None:
        self._engine = engine
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
                self._known = await self._engine.containers(self._label)
                self._as_of = asked
            return self._known
