"""Append and read: the event log as the rest of the hub sees it."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from time import perf_counter

import outcome
import trio

from core.errors import DoubtError, UnavailableError
from core.events.file.database import MEMORY, log_id, open_for_reading, open_for_writing
from core.events.file.folding import Projection
from core.events.file.reading import read_records, read_stream, version_of
from core.events.file.writer import Writer
from core.events.file.writer_thread import Result, WriterThread, no_way_back
from core.events.log import command_keys
from core.events.log.append_request import AppendRequest, IdempotencyRecord, Outcome, Write
from core.events.log.listeners import Listener, Listeners
from core.events.log.protocol import Log
from core.events.log.side_tables import SideTableChange
from core.events.record import HUB, By, Record, utc_text

BATCH = 2000  # units a transaction at most
CHUNK = 200  # rows read on the event loop before others get a turn

logger = logging.getLogger("callboard.store")


class EventStore:
    """The log on SQLite, with one writer.

    `run` must be running for appends to be answered. `threaded=False` commits on the event loop itself, for
    tests whose clock jumps while a thread runs. `now`, `connect`, `log`: see Writer.
    """

    def __init__(
        self,
        path: str,
        projections: Sequence[Projection] = (),
        *,
        now: Callable[[], datetime] | None = None,
        threaded: bool = True,
        connect: Callable[[str], sqlite3.Connection] = open_for_writing,
        log: Log | None = None,
    ) -> None:
        self.path = path
        self._writer = Writer(path, projections, now, connect, log)
        self._threaded = threaded and path != MEMORY  # there the loop reads through the writer's connection
        self._thread = WriterThread()
        self._queue: list[AppendRequest] = []
        self._work = trio.Event()
        self._is_over = False
        self._is_loss_told = False
        self._listeners = Listeners(self._writer.position, lambda after, count: self.read_all(after, count))
        self.on_commit: Callable[[int, float], None] = lambda appends, seconds: None
        self.on_lost: Callable[[str], None] = lambda what: None  # called once; see Writer.lost
        # What the event loop reads through: small reads only, closed before the next await.
        self.db = self._writer.connection if path == MEMORY else open_for_reading(path)

    def close(self) -> None:
        self._thread.close()
        if self.db is not self._writer.connection:
            self.db.close()
        self._writer.close()

    @property
    def trouble(self) -> str:
        """Why nothing can be recorded now, in SQLite's words; empty while all is well."""
        return self._writer.trouble

    @property
    def has_room(self) -> bool:
        """Whether room is kept for what is urgent; without it, all else is refused."""
        return self._writer.has_room

    @property
    def lost(self) -> str:
        """What has become of the file, if it is no longer where it should be."""
        return self._writer.lost

    @property
    def waiting(self) -> int:
        """How many appends wait for the writer."""
        return len(self._queue)

    # --- append ---

    async def append(
        self,
        *writes: Write,
        by: By,
        idempotency: IdempotencyRecord | None = None,
        changes: Sequence[SideTableChange] = (),
    ) -> list[Record]:
        """Record all the events or none; returns once they are on disk, and is not cancelled before that.

        Raises UnavailableError when the log cannot be written, RepeatedError when the idempotency key is taken,
        whatever HubError a projection refuses with, and VersionError for two writers on one stream (a bug).
        What is urgent is recorded even when the disk is full, as far as the ballast goes. `changes`: those in
        the same transaction that are no events, such as of secrets.
        """
        return await self._carry_out(AppendRequest(writes, by, idempotency, changes))

    async def amend(self, *changes: SideTableChange) -> None:
        """Changes that are no events: all of them or none. Raises UnavailableError."""
        await self._carry_out(AppendRequest((), HUB, changes=changes))

    async def store_outcome(self, key: str, digest: str, outcome: Outcome) -> None:
        """The final answer to a command that may be repeated. Raises UnavailableError."""
        change = command_keys.answered(self.db, key, digest, outcome, utc_text(self._writer.now()))
        if change is not None:
            await self.amend(change)

    async def forget_keys(self, before: datetime) -> None:
        """Drop the idempotency keys taken before that moment, or after now. Raises UnavailableError."""
        now = utc_text(self._writer.now())
        while changes := command_keys.expired(self.db, utc_text(before), now):
            await self.amend(*changes)

    async def _carry_out(self, unit: AppendRequest) -> list[Record]:
        if self._is_over:
            raise UnavailableError("The hub is shutting down.")
        unit.task = trio.lowlevel.current_task()
        self._queue.append(unit)
        self._work.set()
        await trio.lowlevel.wait_task_rescheduled(no_way_back)
        if unit.error is not None:
            raise unit.error
        return unit.records

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """The writer: takes the queue, commits it in one thread hop, wakes those who wait.

        When it is cancelled it first records what is queued; later appends are refused.
        """
        self._is_over = False
        task_status.started()
        try:
            while True:
                await self._work.wait()
                await self._empty_queue()
        finally:
            self._is_over = True
            await self._empty_queue()

    async def _empty_queue(self) -> None:
        with trio.CancelScope(shield=True):
            while self._queue:
                await self._round()
        self._work = trio.Event()

    async def _round(self) -> None:
        batch, self._queue = self._queue[:BATCH], self._queue[BATCH:]
        await self._commit(batch, partial(self._settle, batch, perf_counter()))

    def _settle(self, batch: Sequence[AppendRequest], began: float, result: Result) -> None:
        """Wakes those who wait, and tells the others."""
        if isinstance(result, outcome.Error):
            for unit in batch:
                unit.error = UnavailableError(
                    "The hub is going down; whether this was carried out is not known."
                )
        self.on_commit(len(batch), perf_counter() - began)
        for unit in batch:
            assert unit.task is not None
            trio.lowlevel.reschedule(unit.task)
        self._announce([record for unit in batch if unit.error is None for record in unit.records])
        self._tell_of_loss()

    async def look(self) -> None:
        """Notice a file that is no longer where it should be, though nothing is being recorded."""
        await self._commit([], lambda _: self._tell_of_loss())

    def _tell_of_loss(self) -> None:
        if self.lost and not self._is_loss_told:
            self._is_loss_told = True
            self.on_lost(self.lost)

    async def _commit(self, batch: Sequence[AppendRequest], then: Callable[[Result], None]) -> None:
        """`then`: called on the event loop, before anybody can hear of the commit in another way."""
        commit = partial(self._writer.commit, batch)
        if self._threaded:
            await self._thread.carry_out(commit, then)
            return
        result: Result = outcome.capture(commit)
        then(result)
        result.unwrap()

    # --- being told ---

    @property
    def head(self) -> int:
        """The last event that listeners were told of."""
        return self._listeners.head

    @property
    def has_told_all(self) -> bool:
        """Whether listeners have heard of everything that is recorded, or about to be."""
        return self.head == self._writer.position

    def listen(self, listener: Listener, hears: Iterable[type] | None = None) -> None:
        """Call `listener` with every batch of new records, on the event loop, in order. It must be quick.

        It hears of them before those who appended them go on. `hears`: the types of events that it is about, so
        that it is not called for batches without any; None: all.
        """
        self._listeners.add(listener, hears)

    def _announce(self, records: Sequence[Record]) -> None:
        try:
            self._listeners.tell(records)
        except sqlite3.Error as error:
            logger.warning("what was recorded cannot be read, and is told of with the next: %s", error)

    async def wait_stream(self, stream: str) -> None:
        """Return at the next event of this stream. Read first, then wait: no await in between."""
        await self._listeners.wait_stream(stream)

    async def wait_any(self) -> None:
        """Return at the next event of any stream."""
        await self._listeners.wait_any()

    # --- read ---

    async def read(self, stream: str, after: int = 0) -> list[Record]:
        """The events of a stream from version `after` + 1 on."""
        records: list[Record] = []
        while True:
            chunk = read_stream(self.db, stream, after, CHUNK)
            records.extend(chunk)
            if len(chunk) < CHUNK:
                return records
            after = chunk[-1].version
            await trio.lowlevel.checkpoint()

    def version(self, stream: str) -> int:
        """How many events the stream has. Raises DoubtError where the log cannot be read."""
        try:
            return version_of(self.db, stream)
        except sqlite3.Error as error:
            raise DoubtError(f"The log cannot be read now: {error}.") from error

    def read_all(self, after: int = 0, count: int = CHUNK) -> list[Record]:
        """The next events of the whole log, 200 at most."""
        return read_records(self.db, after, min(count, CHUNK))

    def stored_outcome(self, key: str) -> tuple[str, Outcome] | None:
        """The request digest and the outcome stored under an idempotency key."""
        return command_keys.stored(self.db, key)

    @property
    def id(self) -> str:
        """Names the log, and every copy of it."""
        return log_id(self.db)

    def fact(self, name: str) -> str:
        """Something fixed when the log was made, such as its `salt`."""
        (value,) = self.db.execute("SELECT value FROM log_facts WHERE name = ?", (name,)).fetchone()
        return str(value)


__all__ = ["EventStore", "Write"]
