"""Logins in the order they came, so many at once from each place. No place waits for another."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio


class Lane:
    def __init__(self, at_once: int) -> None:
        self.places = trio.CapacityLimiter(at_once)
        self.waiting = 0
        self.users = 0  # those who wait and those whose turn it is


class Lanes:
    def __init__(self, at_once: int, *, room: int = 0) -> None:
        """`room`: how many may wait in each lane; 0 for any number."""
        self._at_once = at_once
        self._room = room
        self._lanes: dict[str, Lane] = {}
        self.waiting = 0  # in all lanes

    def is_full(self, key: str) -> bool:
        lane = self._lanes.get(key)
        return lane is not None and 0 < self._room <= lane.waiting

    @asynccontextmanager
    async def turn(self, key: str, *, after: float = 0.0) -> AsyncIterator[None]:
        """Entered after so many seconds, when a turn in this lane is free."""
        lane = self._lanes.setdefault(key, Lane(self._at_once))
        lane.users += 1
        try:
            await self._wait(lane, after)
            try:
                yield
            finally:
                lane.places.release()
        finally:
            lane.users -= 1
            if not lane.users:
                del self._lanes[key]

    async def _wait(self, lane: Lane, seconds: float) -> None:
        lane.waiting += 1
        self.waiting += 1
        try:
            if seconds:
                await trio.sleep(seconds)
            await lane.places.acquire()
        finally:
            lane.waiting -= 1
            self.waiting -= 1
