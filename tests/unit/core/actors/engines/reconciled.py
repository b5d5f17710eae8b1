"""A reconciler over an engine in memory: what it has recorded, and when it looks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import trio

from core.actors.engines.engine import Engine
from core.actors.engines.reconciler import Doubt, Knowledge, Policy, Reconciler
from core.engine import Command, decide, evolve
from core.engine import Engine as EngineState
from core.events.engine import EngineEvent
from core.plugins.spawner import Spawner
from core.reconcile.mark import opened
from core.reconcile.sorting_out import Strays

KEY = b"k" * 32


def all_due(marks: Mapping[str, str]) -> Strays:
    """All strays are this log's."""
    return Strays(due=tuple(sorted(marks)))


class Reconciled:
    """`knows`: the spawn ids that servers know. `events`: what was recorded. `found`: by an earlier hub, since when."""

    def __init__(
        self,
        spawner: Spawner,
        sort_out: Callable[[Mapping[str, str]], Strays] = all_due,
        *,
        policy: Policy | None = None,
        doubt: Doubt | None = None,
        name: str = "simulated",
        **more: Any,
    ) -> None:
        self.policy = policy or Policy(grace=0)
        self.events: list[EngineEvent] = []
        self.state = EngineState()
        self.knows: set[str] = set()
        self.found: dict[str, datetime] = {}
        self.engine = Engine(name, spawner)
        self.breaks: list[Exception] = []  # what the next recordings raise
        knowledge = Knowledge(
            self._known, sort_out, lambda mark: opened(mark, KEY), lambda _: False, lambda: self.found
        )
        self.reconciler = Reconciler(
            self.engine, knowledge, lambda: self.policy, self._record, doubt or Doubt(), **more
        )

    async def _known(self) -> Collection[str]:
        await trio.lowlevel.checkpoint()
        return set(self.knows)

    async def _record(self, command: Command) -> EngineState:
        await trio.lowlevel.checkpoint()
        if self.breaks:
            raise self.breaks.pop(0)
        for event in decide(self.state, command):
            self.state = evolve(self.state, event)
            self.events.append(event)
            self.found = {one: datetime.now(UTC) for one in self.state.strays}
        return self.state

    def found_before(self, spawn_id: str, seconds: float) -> None:
        """By an earlier hub, so long ago."""
        self.state = EngineState(strays=self.state.strays | {spawn_id})
        self.found[spawn_id] = datetime.now(UTC) - timedelta(seconds=seconds)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Reconciled]:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.reconciler.run)
            yield self
            nursery.cancel_scope.cancel()

    def names(self) -> list[str]:
        return [type(event).__name__ for event in self.events]
