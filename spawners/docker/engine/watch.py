"""One watch for all containers of a hub: a list now and then, and between lists the engine's events."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import trio

from core.errors import UnreachableError
from core.plugins.spawner import Beat
from spawners.docker.engine.calls import Engine
from spawners.docker.engine.found import HUB, SPAWN_ID, Summary
from spawners.docker.engine.listing import Listing

LIST_INTERVAL = 15.0  # seconds; events that an engine has dropped are made up for by then
BEGUN, GONE = frozenset({"start"}), frozenset({"die", "destroy"})


class View:
    """Which attempts are known to run. Pure."""

    def __init__(self) -> None:
        self.running: frozenset[str] = frozenset()
        self._gone_meanwhile: set[str] = set()

    def take(self, event: dict[str, Any]) -> str:
        """The spawn id of an attempt that has ended; "" for other news."""
        actor = event.get("Actor")
        labels = actor.get("Attributes") if isinstance(actor, dict) else None
        spawn_id = labels.get(SPAWN_ID) if isinstance(labels, dict) else None
        if not isinstance(spawn_id, str):
            return ""
        if event.get("Action") in BEGUN:
            self._gone_meanwhile.discard(spawn_id)
            self.running |= {spawn_id}
        elif event.get("Action") in GONE:
            self._gone_meanwhile.add(spawn_id)
            self.running -= {spawn_id}
            return spawn_id
        return ""

    def begin_list(self) -> None:
        """What ends from now on may be told of as running by the list that is asked for."""
        self._gone_meanwhile.clear()

    def replace(self, listed: list[Summary]) -> frozenset[str]:
        """What has ended since the last list, as far as it was not known."""
        now = frozenset(one.spawn_id for one in listed) - self._gone_meanwhile
        gone, self.running = self.running - now, now
        return gone


class Watch:
    """`tidy`: told of each list, to remove what should not be there."""

    def __init__(
        self,
        engine: Engine,
        listing: Listing,
        hub_label: str,
        tidy: Callable[[list[Summary]], Awaitable[None]],
    ) -> None:
        self._engine = engine
        self._listing = listing
        self._label = f"{HUB}={hub_label}"
        self._tidy = tidy
        self._view = View()
        self._is_live = False
        self._waiting: dict[str, trio.Event] = {}

    async def run(self, beat: Beat) -> None:
        """Until it breaks off, which raises UnreachableError."""
        try:
            async with (
                self._engine.events(self._label, sorted(BEGUN | GONE)) as events,
                trio.open_nursery() as nursery,
            ):
                nursery.start_soon(self._keep_listing, beat)
                async for event in events:
                    self._wake(self._view.take(event))
                raise UnreachableError("the container engine has ended its stream of events")
        finally:
            self._is_live = False

    def sees(self, spawn_id: str) -> bool:
        """Whether it ran when the engine was heard of last: its end will be noticed, though perhaps later."""
        return spawn_id in self._view.running

    def sees_now(self, spawn_id: str) -> bool:
        """Whether it runs. False: that is not known."""
        return self._is_live and self.sees(spawn_id)

    async def wait_gone(self, spawn_id: str) -> None:
        """Return when it is seen to run no more."""
        while self.sees(spawn_id):
            await self._waiting.setdefault(spawn_id, trio.Event()).wait()

    async def _keep_listing(self, beat: Beat) -> None:
        while True:
            self._view.begin_list()
            listed = await self._listing.now()
            for spawn_id in self._view.replace(listed):
                self._wake(spawn_id)
            self._is_live = True
            beat()
            await self._tidy(listed)
            await trio.sleep(LIST_INTERVAL)

    def _wake(self, spawn_id: str) -> None:
        waiting = self._waiting.pop(spawn_id, None)
        if waiting is not None:
            waiting.set()
