"""The proxies that follow the hub's routes: who is connected, and how far each has come."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import trio


class Proxies:
    def __init__(self) -> None:
        self._applied: dict[str, int] = {}
        self._connections: dict[str, int] = {}
        self._moved = trio.Event()
        self.seen: dict[str, datetime] = {}  # when routes that lead to no server were last used
        # told up to which position every connected proxy has come
        self.on_applied: Callable[[int], None] = lambda _: None

    def connect(self, proxy: str) -> None:
        self._connections[proxy] = self._connections.get(proxy, 0) + 1

    def disconnect(self, proxy: str) -> None:
        """A proxy may re-join before the hub has noticed that its old connection is dead."""
        left = self._connections[proxy] - 1
        if left:
            self._connections[proxy] = left
        else:
            del self._connections[proxy]
            self._applied.pop(proxy, None)
        self._tell()

    def applied(self, proxy: str, position: int) -> None:
        if proxy in self._connections:
            self._applied[proxy] = max(position, self._applied.get(proxy, 0))
            self.on_applied(min(self._applied.get(other, 0) for other in self._connections))
            self._tell()

    @property
    def connected(self) -> list[str]:
        return list(self._connections)

    def behind(self, position: int) -> int:
        """How far the slowest connected proxy is from that position; 0 where none is connected."""
        return max((0, *(position - self._applied.get(proxy, 0) for proxy in self._connections)))

    async def wait_connected(self) -> None:
        """Return once some proxy follows the hub and has a table."""
        while not self._applied:
            await self._moved.wait()

    async def wait_applied(self, position: int) -> None:
        """Return once every connected proxy has the routes as of `position`; at once if none is connected."""
        while any(self._applied.get(proxy, 0) < position for proxy in self._connections):
            await self._moved.wait()

    def _tell(self) -> None:
        self._moved.set()
        self._moved = trio.Event()
