"""All engines of a hub behind the protocol of one: whatever is asked of an attempt is asked where it runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from functools import partial
from typing import Any

import trio

from core.actors.engines.engine import Engine
from core.actors.engines.missing import MissingSpawner
from core.plugins.spawner import (
    Attempt,
    Beat,
    Elsewhere,
    Gone,
    Kept,
    Listed,
    Report,
    Spawner,
    Status,
    TellStatus,
    UserOptions,
)

REMEMBERED = 20_000  # attempts


class Engines(Spawner):
    """`main`: the one of `c.JupyterHub.spawner_class`, where all runs that does not say otherwise."""

    def __init__(self, main: Engine, others: Collection[Engine], engine_of: Callable[[str], str]) -> None:
        """`engine_of`: the name of the engine of an attempt; `""` for one of which the log does not say it."""
        self.main = main
        self._by_name: Mapping[str, Engine] = {engine.name: engine for engine in (main, *others)}
        self._missing: dict[str, Engine] = {}
        self._places: dict[str, str] = {}  # of attempts that were asked about
        self._engine_of = engine_of

    def __iter__(self) -> Iterator[Engine]:
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    def named(self, name: str) -> Engine:
        """`""`: the main one. One that is not there cannot be asked: nothing in it is taken for gone."""
        if not name:
            return self.main
        return self._by_name.get(name) or self._missing.setdefault(name, Engine(name, MissingSpawner(name)))

    def of(self, spawn_id: str) -> Engine:
        """It is asked for every server of every answer: where an attempt is never changes."""
        if len(self._by_name) == 1:
            return self.main
        name = self._places.get(spawn_id) or self._engine_of(spawn_id)
        if name:
            if len(self._places) >= REMEMBERED:
                self._places.clear()
            self._places[spawn_id] = name
        return self.named(name)

    # --- the protocol ---

    async def run(self, beat: Beat) -> None:
        """Nothing: each has a watch of its own."""
        del beat

    async def start(self, attempt: Attempt, report: Report) -> str:
        engine = self.of(attempt.spawn_id)
        return await engine.ask(partial(engine.spawner.start, attempt, report))

    async def port_reported(self, spawn_id: str, port: int) -> None:
        await self.of(spawn_id).spawner.port_reported(spawn_id, port)

    async def take_in(self, found: Elsewhere, *, for_sure: bool = True) -> None:
        await self.of(found.spawn_id).spawner.take_in(found, for_sure=for_sure)

    def hand_over(self, spawn_id: str) -> dict[str, Any]:
        return self.of(spawn_id).spawner.hand_over(spawn_id)

    async def wait_up(self, spawn_id: str, url: str) -> None:
        await self.of(spawn_id).spawner.wait_up(spawn_id, url)

    async def poll(self, spawn_id: str) -> Status:
        engine = self.of(spawn_id)
        return await engine.ask(partial(engine.spawner.poll, spawn_id))

    async def poll_many(self, spawn_ids: Collection[str], tell: TellStatus) -> None:
        """Each engine is asked by itself: one that does not answer holds up no other."""
        by_engine: defaultdict[str, list[str]] = defaultdict(list)
        for spawn_id in spawn_ids:
            by_engine[self.of(spawn_id).name].append(spawn_id)
        failures: list[Exception] = []

        async def ask(name: str, wanted: list[str]) -> None:
            engine = self.named(name)
            try:
                await engine.ask(partial(engine.spawner.poll_many, wanted, tell))
            except Exception as error:
                failures.append(error)

        async with trio.open_nursery() as nursery:
            for name, wanted in by_engine.items():
                nursery.start_soon(ask, name, wanted)
        if failures:
            raise failures[0]

    async def wait_news(self, spawn_id: str) -> None:
        engine = self.of(spawn_id)
        await engine.ask(partial(engine.spawner.wait_news, spawn_id))

    async def stop(self, spawn_id: str) -> Gone:
        engine = self.of(spawn_id)
        return await engine.ask(partial(engine.spawner.stop, spawn_id))

    async def listed(self) -> list[Listed]:
        found = [one for engine in self for one in await engine.ask(engine.spawner.listed)]
        return sorted(found, key=lambda one: one.spawn_id)

    def state(self, spawn_id: str) -> dict[str, Any]:
        return self.of(spawn_id).spawner.state(spawn_id)

    async def last_lines(self, spawn_id: str) -> list[str]:
        engine = self.of(spawn_id)
        return await engine.ask(partial(engine.spawner.last_lines, spawn_id))

    def follow_output(self, spawn_id: str, after: int = 0) -> AsyncIterator[tuple[bytes, int]]:
        return self.of(spawn_id).spawner.follow_output(spawn_id, after)

    async def forget(self, spawn_id: str) -> None:
        engine = self.of(spawn_id)
        await engine.ask(partial(engine.spawner.forget, spawn_id))

    def may_keep(self, kept: Kept) -> bool:
        return any(engine.spawner.may_keep(kept) for engine in self)

    async def delete_forever(self, kept: Kept) -> None:
        """In all of them, for a server may have run in each."""
        for engine in self:
            await engine.ask(partial(engine.spawner.delete_forever, kept))

    def free_now(self) -> Mapping[str, str]:
        """Of all of them."""
        return {name: words for engine in self for name, words in engine.spawner.free_now().items()}

    def unsupported_options(self, user_options: UserOptions) -> frozenset[str]:
        return self.main.spawner.unsupported_options(user_options)
