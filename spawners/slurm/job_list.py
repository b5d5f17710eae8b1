"""What squeue has told last: one question for everybody who wants to know, and never two within a moment."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping

import trio
from msgspec import Struct

from core.errors import UnreachableError
from spawners.slurm.jobs import Job

Ask = Callable[[], Awaitable[list[Job]]]


class Snapshot(Struct, frozen=True):
    """`asked_at`: when the question was put, by trio's clock: what has happened since may be missing."""

    asked_at: float
    jobs: Mapping[str, tuple[Job, ...]]  # by spawn id

    def of(self, spawn_id: str) -> tuple[Job, ...]:
        return self.jobs.get(spawn_id, ())


class JobList:
    """`interval`: seconds between two questions at least."""

    def __init__(self, ask: Ask, interval: float) -> None:
        self._ask = ask
        self._interval = interval
        self._turn = trio.Lock()
        self._last: Snapshot | None = None
        self._failure: tuple[float, UnreachableError] | None = None
        self._next = -float("inf")
        self._waiting: dict[str, trio.lowlevel.ParkingLot] = {}
        self._watchers = 0

    async def since(self, moment: float) -> Snapshot:
        """What was asked for then or later. Raises UnreachableError where that got no answer."""
        while True:
            if self._last is not None and self._last.asked_at >= moment:
                await trio.lowlevel.checkpoint()
                return self._last
            if self._failure is not None and self._failure[0] >= moment:
                await trio.lowlevel.checkpoint()
                raise UnreachableError(str(self._failure[1])) from self._failure[1]
            async with self._turn:
                if not self._is_known(moment):
                    await self._refresh()

    async def now(self) -> Snapshot:
        return await self.since(trio.current_time())

    async def any(self) -> Snapshot:
        """The last one, however old it is."""
        return await self.since(-float("inf")) if self._last is None else self._last

    def _is_known(self, moment: float) -> bool:
        answered = self._last is not None and self._last.asked_at >= moment
        return answered or (self._failure is not None and self._failure[0] >= moment)

    async def _refresh(self) -> None:
        await trio.sleep_until(self._next)
        asked_at = trio.current_time()
        self._next = asked_at + self._interval
        try:
            jobs = await self._ask()
        except UnreachableError as error:
            self._failure = (asked_at, error)
            return
        self._failure = None
        before, self._last = self._last, Snapshot(asked_at, _by_spawn_id(jobs))
        self._tell(before)

    # --- changes ---

    async def watch(self, interval: float, heard: Callable[[], None]) -> None:
        """Ask every so many seconds, and at once whenever others do; until it gets no answer, which it raises."""
        self._watchers += 1
        try:
            while True:
                await self.now()
                heard()
                await trio.sleep(interval)
        finally:
            self._watchers -= 1

    async def wait_change(self, spawn_id: str, seen: tuple[Job, ...]) -> None:
        """Return once something else is known of its jobs than what was seen; it may return sooner."""
        while self._last is None or self._last.of(spawn_id) == seen:
            if self._watchers:
                await self.wait_news(spawn_id)
                return
            await self.now()

    async def wait_news(self, spawn_id: str) -> None:
        """Return when something about its jobs has changed, or `wake` was called."""
        lot = self._waiting.setdefault(spawn_id, trio.lowlevel.ParkingLot())
        try:
            await lot.park()
        finally:
            if not lot:
                self._waiting.pop(spawn_id, None)

    def wake(self, spawn_id: str) -> None:
        """There is other news of it."""
        if lot := self._waiting.get(spawn_id):
            lot.unpark_all()

    def _tell(self, before: Snapshot | None) -> None:
        assert self._last is not None
        for spawn_id in list(self._waiting):
            if before is None or before.of(spawn_id) != self._last.of(spawn_id):
                self.wake(spawn_id)


def _by_spawn_id(jobs: Iterable[Job]) -> dict[str, tuple[Job, ...]]:
    found: dict[str, list[Job]] = {}
    for job in jobs:
        found.setdefault(job.spawn_id, []).append(job)
    return {spawn_id: tuple(sorted(of_it, key=lambda job: job.id)) for spawn_id, of_it in found.items()}
