"""The proxies that carry the hub's routes: which there are, how far each has come, and whom a start waits for."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Protocol

import trio
from msgspec import Struct

logger = logging.getLogger("callboard.proxy")

_LATE = "the proxy %s is not waited for until it has caught up: %s"
GONE_TOLD = timedelta(minutes=10)  # how long one is told of that has gone without a word


class Known(Struct):
    """A proxy. `name`: what people call it. `applied`: up to which position it has the routes; None: it has none.

    `trouble`: what keeps it from taking them, in words. `left_out`: since when no start waits for it.
    """

    name: str
    connections: int = 0
    applied: int | None = None
    trouble: str = ""
    left_out: datetime | None = None
    leaves: bool = False

    def lacks(self, position: int) -> bool:
        return self.behind(position) > 0

    def behind(self, position: int) -> int:
        return max(0, position - (self.applied or 0))


class Driven(Protocol):
    """One that is told of its routes by the hub, rather than asking for them."""

    async def check(self) -> None:
        """Compare all routes now. Raises UnavailableError."""

    def move(self, api_url: str, token: str) -> None:
        """It is somewhere else, or knows another token; what is empty stays."""


class Proxies:
    """Each reports how far it has come; one that is not in time is left out until it has caught up."""

    def __init__(self) -> None:
        self._known: dict[str, Known] = {}
        self._gone: dict[str, datetime] = {}  # by name
        self._asked = 0  # the last position that somebody has waited for
        self._moved = trio.Event()
        self.driven: Driven | None = None  # the one that the hub drives, if it does
        self.is_expected = False  # without one nobody reaches anything
        self.seen: dict[str, datetime] = {}  # when routes that lead to no server were last used
        # told up to which position every proxy that is waited for has come
        self.on_applied: Callable[[int], None] = lambda _: None

    # --- what they tell ---

    def connect(self, proxy: str, name: str = "") -> None:
        known = self._known.setdefault(proxy, Known(name or proxy))
        known.connections += 1
        self._gone.pop(known.name, None)

    def disconnect(self, proxy: str) -> None:
        """A proxy may re-join before the hub has noticed that its old connection is dead."""
        known = self._known[proxy]
        known.connections -= 1
        if not known.connections:
            del self._known[proxy]
            if not known.leaves and known.name not in {other.name for other in self._known.values()}:
                self._gone[known.name] = datetime.now(UTC)
        self._tell()

    def rename(self, proxy: str, name: str) -> None:
        if proxy in self._known:
            self._known[proxy].name = name

    def leaves(self, proxy: str) -> None:
        """It ends in good order: that it will be gone is no trouble."""
        if proxy in self._known:
            self._known[proxy].leaves = True

    def applied(self, proxy: str, position: int) -> None:
        if (known := self._known.get(proxy)) is None:
            return
        known.applied, known.trouble = max(position, known.applied or 0), ""
        if known.left_out and not known.lacks(self._asked):
            logger.info("the proxy %s has caught up: starts wait for it again", known.name)
            known.left_out = None
        if waited_for := list(self._waited_for()):
            self.on_applied(min(other.applied or 0 for other in waited_for))
        self._tell()

    def fails(self, proxy: str, trouble: str) -> None:
        """What it has is not known, and why."""
        known = self._known[proxy]
        known.applied, known.trouble = None, trouble
        self._tell()

    # --- how they do ---

    @property
    def connected(self) -> list[str]:
        return list(self._known)

    def every(self) -> list[Known]:
        return list(self._known.values())

    def gone(self) -> dict[str, datetime]:
        """Since when, by name: of those that left without a word, and of which none has come back."""
        now = datetime.now(UTC)
        self._gone = {name: at for name, at in self._gone.items() if now - at < GONE_TOLD}
        return dict(self._gone)

    def behind(self, position: int) -> int:
        """How far the slowest connected proxy is from that position; 0 where none is connected."""
        return max((0, *(known.behind(position) for known in self._known.values())))

    # --- waiting ---

    async def wait_connected(self) -> None:
        """Return once some proxy follows the hub and has a table."""
        while all(known.applied is None for known in self._known.values()):
            await self._moved.wait()

    async def wait_applied(self, position: int) -> None:
        """Return once every proxy that is waited for has the routes as of `position`; at once if there is none."""
        self._asked = max(self._asked, position)
        while any(known.lacks(position) for known in self._waited_for()):
            await self._moved.wait()

    def leave_out(self, position: int) -> list[Known]:
        """Those that do not have the routes as of `position`: nobody waits for them until they have caught up."""
        late = [known for known in self._known.values() if known.lacks(position)]
        for known in late:
            if known.left_out is None:
                known.left_out = datetime.now(UTC)
                logger.warning(_LATE, known.name, known.trouble or "it has not taken a route in time")
        return late

    def _waited_for(self) -> Iterator[Known]:
        return (known for known in self._known.values() if known.left_out is None)

    def _tell(self) -> None:
        self._moved.set()
        self._moved = trio.Event()


def told_of_late(late: int, proxies: int) -> str:
    """For the person whose server is ready."""
    if late == proxies:
        return "The proxy does not know the way to the server yet: it can be reached once the proxy does."
    return (
        f"{late} of {proxies} proxies do not know the way to the server yet: it can be reached by the others."
    )
