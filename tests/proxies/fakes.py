"""A log of routes and a proxy that takes them, both in memory, for what is done between the two."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import trio

from core.reconcile.routes import Held, Told, path_of
from web.proxies.carrier import TroubleError

HUB = "/"


def told(target: str, spec: str) -> Told:
    return Told(
        target, {"hub": True, "jupyterhub": True} if spec == HUB else {"user": spec, "jupyterhub": True}
    )


def led(held: Held) -> dict[str, str]:
    """Where the routes lead that bear the mark."""
    return {path: data["target"] for path, data in held.items() if data.get("jupyterhub")}


class Wanted:
    """A log of routes, as `RouteTable` shows one."""

    def __init__(self) -> None:
        self._rows: dict[str, tuple[int, Told | None]] = {HUB: (0, told("http://127.0.0.1:8081", HUB))}
        self.head = 0
        self.starting: set[str] = set()
        self._moved = trio.Event()

    def under_way(self) -> set[str]:
        return set(self.starting)

    def change(self, spec: str, target: str | None) -> None:
        self.head += 1
        self._rows[spec] = (self.head, None if target is None else told(target, spec))
        self._moved.set()
        self._moved = trio.Event()

    async def every(self) -> dict[str, Told]:
        await trio.lowlevel.checkpoint()
        return {spec: it for spec, (_, it) in self._rows.items() if it is not None}

    def changes(self, after: int) -> tuple[int, dict[str, Told | None]] | None:
        found = sorted((at, spec, it) for spec, (at, it) in self._rows.items() if at > after)[:3]
        return (found[-1][0], {spec: it for _, spec, it in found}) if found else None

    async def wait(self) -> None:
        await self._moved.wait()


class FakeProxy:
    """In memory. `faults`: of the next requests: refused, done with the answer lost, or hung for a while."""

    name = "fake"

    def __init__(self) -> None:
        self.held: dict[str, dict[str, Any]] = {}
        self.faults: list[str] = []
        self.under_way = 0

    async def routes(self) -> Held:
        return await self._answer(lambda: {path: dict(data) for path, data in self.held.items()})

    async def has(self, spec: str) -> bool:
        return await self._answer(lambda: path_of(spec) in self.held)

    async def set(self, spec: str, told: Told) -> None:
        await self._answer(lambda: self.held.update({path_of(spec): {"target": told.target, **told.data}}))

    async def remove(self, path: str) -> None:
        await self._answer(lambda: self.held.pop(path, None))

    async def _answer(self, act: Callable[[], Any]) -> Any:
        fault = self.faults.pop(0) if self.faults else ""
        self.under_way += 1
        await trio.sleep(3 if fault == "hung" else 0.001)
        self.under_way -= 1
        if fault == "refused":
            raise TroubleError("refuses this hub's token")
        result = act()
        if fault:
            raise TroubleError("does not answer")
        return result
