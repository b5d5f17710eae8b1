"""How fast the log takes events: many callers to one commit, beside one commit for each event.

    python -m benchmarks.appends [--seconds 4] [--directory /on/the/disk/to/measure]

Both sides run the same writer with the same projections, sync every commit, and reach it through one worker
thread. They take turns in short slices, so that a busy machine slows both alike: read the ratio first.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import trio

import projections
from core.events import Event
from core.events.file.store import EventStore
from core.events.file.writer import Writer
from core.events.log.append_request import AppendRequest, Write
from core.events.record import By
from core.events.server import (
    ServerStopped,
    SpawnAnswered,
    SpawnProgressed,
    SpawnRequested,
    SpawnSucceeded,
    StopRequested,
    server_stream,
)
from core.events.user import UserCreated, user_stream
from core.token import quick_digest
from projections.rebuild import rebuilt

SLICES = 4

_numbers = itertools.count(10**24)


def new_id(kind: str) -> str:
    """As `core.naming.ids.new_id` makes them, in order; but quicker, for it is the log that is to be measured."""
    return f"{kind}{next(_numbers)}"


BY = By(f"user/{new_id('u')}", new_id("t"), new_id("r"))

Append = Callable[[Write], Awaitable[object]]
Workload = Callable[[int], Iterator[Write]]


def progress(number: int) -> Iterator[Write]:
    """The messages of one start after another, ten each; every server is a stream of its own."""
    while True:
        stream, spawn_id = server_stream(new_id("v")), new_id("s")
        for version in range(10):
            message = f"Pulling image quay.io/jupyter/base-notebook:latest, layer {version} of 10"
            yield Write(stream, version, [SpawnProgressed(spawn_id, message, version * 10.0)])


def users(number: int) -> Iterator[Write]:
    """New users: three tables and a name to claim."""
    while True:
        user_id = new_id("u")
        yield Write(user_stream(user_id), 0, [UserCreated(f"user-{user_id}", new_id("v"))])


def server_life(number: int) -> Iterator[Write]:
    """One user, whose server starts, says something, is ready, and stops; again and again."""
    user_id, server_id = new_id("u"), new_id("v")
    yield Write(user_stream(user_id), 0, [UserCreated(f"user-{user_id}", server_id)])
    version = 0
    while True:
        spawn_id = new_id("s")
        for event in _one_life(spawn_id, user_id):
            yield Write(server_stream(server_id), version, [event])
            version += 1


def _one_life(spawn_id: str, user_id: str) -> list[Event]:
    prefix, options = f"/user/user-{user_id}/", {"image": "quay.io/jupyter/base-notebook", "cpus": 2}
    return [
        SpawnRequested(
            spawn_id, user_id, f"user-{user_id}", "", prefix, options, quick_digest(spawn_id), ["self"]
        ),
        SpawnProgressed(spawn_id, "Spawning server...", 5.0),
        SpawnProgressed(spawn_id, "Waiting for the server to answer", 60.0),
        SpawnAnswered(spawn_id, "http://10.0.0.17:8888"),
        SpawnSucceeded(spawn_id),
        StopRequested(spawn_id, "idle for an hour"),
        ServerStopped(spawn_id, 0),
    ]


class Measured(NamedTuple):
    events: int
    seconds: float
    waits: list[float]

    @property
    def rate(self) -> float:
        return self.events / self.seconds

    def wait(self, share: float) -> float:
        """Milliseconds within which this share of the appends was answered."""
        return sorted(self.waits)[int(len(self.waits) * share)] * 1000


class Callers:
    """`count` tasks that each append one event, wait for the answer, and append the next."""

    def __init__(self, append: Append, workload: Workload, count: int) -> None:
        self._append = append
        self._writes = [workload(number) for number in range(count)]
        self._waits: list[float] = []
        self._seconds = 0.0

    async def run(self, seconds: float) -> None:
        began = time.perf_counter()
        async with trio.open_nursery() as nursery:
            for writes in self._writes:
                nursery.start_soon(self._call, writes, began + seconds)
        self._seconds += time.perf_counter() - began

    async def _call(self, writes: Iterator[Write], until: float) -> None:
        while (asked := time.perf_counter()) < until:
            await self._append(next(writes))
            self._waits.append(time.perf_counter() - asked)

    @property
    def measured(self) -> Measured:
        return Measured(len(self._waits), self._seconds, self._waits)


def one_by_one(writer: Writer) -> Append:
    turn = trio.CapacityLimiter(1)

    async def append(write: Write) -> None:
        unit = AppendRequest([write], BY)
        await trio.to_thread.run_sync(writer.commit, [unit], limiter=turn)
        if unit.error is not None:
            raise unit.error

    return append


def together(store: EventStore) -> Append:
    async def append(write: Write) -> None:
        await store.append(write, by=BY)

    return append


async def compare(
    workload: Workload, count: int, seconds: float, directory: Path
) -> tuple[Measured, Measured]:
    """One commit each, and group commit, in turns."""
    writer = Writer(str(directory / "alone.sqlite"), projections.ALL)
    store = EventStore(str(directory / "together.sqlite"), projections.ALL)
    alone = Callers(one_by_one(writer), workload, count)
    grouped = Callers(together(store), workload, count)
    async with trio.open_nursery() as nursery:
        await nursery.start(store.run)
        for _ in range(SLICES):
            await alone.run(seconds / SLICES)
            await grouped.run(seconds / SLICES)
        nursery.cancel_scope.cancel()
    writer.close()
    store.close()
    return alone.measured, grouped.measured


async def ceiling(workload: Workload, seconds: float, directory: Path) -> Measured:
    store = EventStore(str(directory / "ceiling.sqlite"), projections.ALL)
    callers = Callers(together(store), workload, 1000)
    async with trio.open_nursery() as nursery:
        await nursery.start(store.run)
        await callers.run(seconds)
        nursery.cancel_scope.cancel()
    _print_rebuild(store)
    store.close()
    return callers.measured


def _print_rebuild(store: EventStore) -> None:
    began = time.perf_counter()
    rebuilt(store.db, projections.ALL).close()
    seconds = time.perf_counter() - began
    print(f"    rebuild of all tables      {store.head / seconds:9,.0f} events/s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4, help="for each side of each comparison")
    parser.add_argument("--writers", type=int, default=100)
    parser.add_argument("--directory", default=None, help="where the logs are made; default: TMPDIR")
    asked = parser.parse_args()
    gc.freeze()  # as the hub does once it has started
    gc.set_threshold(50_000, 50, 100)
    for workload in (progress, users, server_life):
        with tempfile.TemporaryDirectory(dir=asked.directory) as name:
            print(f"{workload.__name__}:", flush=True)
            alone, grouped = trio.run(compare, workload, asked.writers, asked.seconds, Path(name))
            _print_line("one commit each", asked.writers, alone)
            _print_line("group commit", asked.writers, grouped)
            print(f"    ratio                      {grouped.rate / alone.rate:9.1f}")
            _print_line("group commit", 1000, trio.run(ceiling, workload, asked.seconds, Path(name)))


def _print_line(what: str, writers: int, result: Measured) -> None:
    print(
        f"    {what:15} {writers:5} callers {result.rate:9,.0f} events/s   "
        f"p50 {result.wait(0.5):7.2f} ms   p99 {result.wait(0.99):7.2f} ms",
        flush=True,
    )


if __name__ == "__main__":
    main()
