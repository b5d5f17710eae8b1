"""Append and read: the event log as the rest of the hub sees it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import outcome
import trio

from core.events.chain import COLUMNS
from core.events.database import MEMORY, Projection, open_for_reading
from core.events.record import By, Record
from core.events.writer import Claim, Outcome, Unit, Write, Writer, read_records, to_record

BATCH = 2000  # units a transaction at most
CHUNK = 200  # rows read on the event loop before others get a turn

Listener = Callable[[Sequence[Record]], None]


class EventStore:
    """The log on SQLite, with one writer.

    `run` must be running for appends to be answered. `threaded=False` commits on the event loop itself, for
    tests whose clock jumps while a thread runs.
    """

    def __init__(
        self,
        path: str,
        projections: Sequence[Projection] = (),
        *,
        now: Callable[[], datetime] | None = None,
        threaded: bool = True,
    ) -> None:
        self.path = path
        self._writer = Writer(path, projections, now)
        if self._writer.stale:
            self._writer.fill(self._writer.stale)
        self._threaded = threaded
        self._thread = trio.CapacityLimiter(1)
        self._queue: list[tuple[Unit, trio.lowlevel.Task]] = []
        self._jobs: list[tuple[Callable[[], Any], trio.lowlevel.Task]] = []
        self._work = trio.Event()
        self._listeners: list[Listener] = []
        self._lots: dict[str, trio.lowlevel.ParkingLot] = {}
        self._everything = trio.lowlevel.ParkingLot()
        self.head = self._writer.position
        # What the event loop reads through: small reads only, closed before the next await.
        self.db = self._writer.connection if path == MEMORY else open_for_reading(path)

    def close(self) -> None:
        if self.db is not self._writer.connection:
            self.db.close()
        self._writer.close()

    # --- append ---

    async def append(
        self, *writes: Write, by: By, claim: Claim | None = None, urgent: bool = False
    ) -> list[Record]:
        """Record all the events or none; returns once they are on disk, and is not cancelled before that.

        Raises UnavailableError when the log cannot be written, RepeatedError when the claim's key is taken,
        whatever HubError a projection refuses with, and VersionError for two writers on one stream (a bug).
        """
        unit = Unit(writes, by, claim, urgent)
        self._queue.append((unit, trio.lowlevel.current_task()))
        self._work.set()
        await trio.lowlevel.wait_task_rescheduled(_no_way_back)
        if unit.error is not None:
            raise unit.error
        return unit.records

    async def store_outcome(self, key: str, digest: str, answer: Outcome) -> None:
        await self._do(lambda: self._writer.store_outcome(key, digest, answer))

    async def forget_keys(self, before: datetime) -> None:
        await self._do(lambda: self._writer.forget_keys(before))

    async def _do(self, job: Callable[[], Any]) -> Any:
        self._jobs.append((job, trio.lowlevel.current_task()))
        self._work.set()
        return await trio.lowlevel.wait_task_rescheduled(_no_way_back)

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """The writer: swaps the queue, commits it in one thread hop, wakes those who wait."""
        task_status.started()
        while True:
            await self._work.wait()
            self._work = trio.Event()
            with trio.CancelScope(shield=True):
                while self._queue or self._jobs:
                    await self._round()

    async def _round(self) -> None:
        batch, self._queue = self._queue[:BATCH], self._queue[BATCH:]
        jobs, self._jobs = self._jobs, []
        if batch:
            await self._in_thread(self._writer.commit, [unit for unit, _ in batch])
            records = [record for unit, _ in batch for record in unit.records]
            for _, task in batch:
                trio.lowlevel.reschedule(task)
            self._announce(records)
        for job, task in jobs:
            result = await outcome.acapture(self._in_thread, job)
            trio.lowlevel.reschedule(task, result)

    async def _in_thread(self, function: Callable[..., Any], *args: Any) -> Any:
        if self._threaded:
            return await trio.to_thread.run_sync(function, *args, limiter=self._thread)
        return function(*args)

    # --- being told ---

    def listen(self, listener: Listener) -> None:
        """Call `listener` with every batch of new records, on the event loop, in order. It must be quick."""
        self._listeners.append(listener)

    def _announce(self, records: Sequence[Record]) -> None:
        if not records:
            return
        self.head = records[-1].position
        for listener in self._listeners:
            listener(records)
        for stream in {record.stream for record in records}:
            if lot := self._lots.pop(stream, None):
                lot.unpark_all()
        self._everything.unpark_all()

    async def wait_stream(self, stream: str) -> None:
        """Return at the next event of this stream. Read first, then wait: no await in between."""
        await self._lots.setdefault(stream, trio.lowlevel.ParkingLot()).park()

    async def wait_any(self) -> None:
        """Return at the next event of any stream."""
        await self._everything.park()

    # --- read ---

    async def read(self, stream: str, after: int = 0) -> list[Record]:
        """The events of a stream from version `after` + 1 on."""
        records: list[Record] = []
        while True:
            rows = self.db.execute(
                f"SELECT {COLUMNS} FROM events WHERE stream = ? AND version > ? "  # noqa: S608
                "ORDER BY version LIMIT ?",
                (stream, after, CHUNK),
            ).fetchall()
            records.extend(map(to_record, rows))
            if len(rows) < CHUNK:
                return records
            after = records[-1].version
            await trio.lowlevel.checkpoint()

    def version(self, stream: str) -> int:
        """How many events the stream has."""
        (version,) = self.db.execute(
            "SELECT coalesce(max(version), 0) FROM events WHERE stream = ?", (stream,)
        ).fetchone()
        return int(version)

    def read_all(self, after: int = 0, count: int = CHUNK) -> list[Record]:
        """The next events of the whole log."""
        return read_records(self.db, after, min(count, CHUNK))

    def stored_outcome(self, key: str) -> tuple[str, Outcome] | None:
        """The request digest and the outcome stored under an idempotency key."""
        row = self.db.execute(
            "SELECT digest, status, body FROM command_keys WHERE key = ?", (key,)
        ).fetchone()
        return (row[0], Outcome(row[1], row[2])) if row else None

    def fact(self, name: str) -> str:
        """Something fixed when the log was made, such as its `salt`."""
        (value,) = self.db.execute("SELECT value FROM log_facts WHERE name = ?", (name,)).fetchone()
        return str(value)


def _no_way_back(_: object) -> trio.lowlevel.Abort:
    return trio.lowlevel.Abort.FAILED


__all__ = ["EventStore", "Write"]
