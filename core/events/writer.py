"""The writer's side of the log: one connection, one transaction for many callers, one sync.

Everything here runs in the writer thread (or inline where threads are off), never on the event loop.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from msgspec import Struct

from core import faults
from core.errors import RepeatedError, UnavailableError
from core.events import Event, codec
from core.events.chain import COLUMNS, GENESIS, Row, digest_of
from core.events.database import (
    MEMORY,
    Projection,
    ballast_path,
    create_projections,
    open_for_writing,
)
from core.events.record import By, Record, utc_text

BALLAST_SIZE = 4 * 2**20
KNOWN_VERSIONS = 50_000  # streams whose version is remembered; the rest is looked up

_INSERT = f"INSERT INTO events ({COLUMNS}) VALUES ({', '.join('?' * len(Row._fields))})"  # noqa: S608


class VersionError(Exception):
    """Two tasks write one stream: a bug."""


class Write(NamedTuple):
    """Events for one stream, which is expected to be at `version`."""

    stream: str
    version: int
    events: Sequence[Event]


class Outcome(Struct, frozen=True):
    """What a command that may be repeated answers: an HTTP status and a JSON body (empty: none)."""

    status: int
    body: bytes = b""


class Claim(NamedTuple):
    """An idempotency key, recorded with the command's events. `outcome` reads the new state of affairs."""

    key: str
    digest: str
    outcome: Callable[[sqlite3.Connection], Outcome]


class Unit:
    """What one caller appends: all of it or nothing."""

    __slots__ = ("by", "claim", "error", "last_digest", "records", "urgent", "writes")

    def __init__(self, writes: Sequence[Write], by: By, claim: Claim | None, urgent: bool) -> None:
        self.writes = writes
        self.by = by
        self.claim = claim
        self.urgent = urgent  # a stop or a revocation: may use the ballast of a full disk
        self.records: list[Record] = []
        self.last_digest = b""
        self.error: Exception | None = None


class Writer:
    def __init__(
        self, path: str, projections: Sequence[Projection], now: Callable[[], datetime] | None = None
    ) -> None:
        self._path = path
        self._projections = projections
        self._now = now or (lambda: datetime.now(UTC))
        self._handlers: dict[type, list[Callable[[sqlite3.Connection, Record], None]]] = {}
        for projection in projections:
            for event in projection.EVENTS:
                self._handlers.setdefault(event, []).append(projection.project)
        self._open()
        with self._transaction():
            self.stale = create_projections(self.connection, projections)

    def _open(self) -> None:
        self.connection = open_for_writing(self._path)
        self._read_head()

    def _read_head(self) -> None:
        row = self.connection.execute(
            "SELECT position, digest, at FROM events ORDER BY position DESC LIMIT 1"
        ).fetchone()
        self.position: int = row[0] if row else 0
        self._digest: bytes = row[1] if row else GENESIS
        last: str = row[2] if row else ""
        self._last_at = datetime.fromisoformat(last) if last else datetime.min.replace(tzinfo=UTC)
        self._versions: dict[str, int] = {}

    def close(self) -> None:
        self.connection.close()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._rollback()
            raise
        self.connection.execute("COMMIT")

    # --- appending ---

    def commit(self, units: Sequence[Unit]) -> None:
        """Record the units in one transaction. Each then holds its records, or the error that refused it."""
        try:
            self._commit(units)
        except sqlite3.Error as error:
            self._settle(units, error)
            urgent = [unit for unit in units if unit.urgent and unit.error]
            if urgent and self._drop_ballast():
                self._retry(urgent)
        else:
            self._keep_ballast()

    def _commit(self, units: Sequence[Unit]) -> None:
        """All at once, as if nobody could be refused; where somebody is, again with a savepoint for each."""
        _fault("before", units)
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            self._write(units)
        except Exception as error:
            if is_disk_trouble(error):
                raise
            self._rollback()
            self.connection.execute("BEGIN IMMEDIATE")
            for unit in units:
                self._write_alone(unit)
        _fault("in", units)
        self.connection.execute("COMMIT")
        _fault("after", units)

    def _write_alone(self, unit: Unit) -> None:
        before = self.position, self._digest, self._last_at
        self.connection.execute("SAVEPOINT unit")
        try:
            self._write([unit])
        except Exception as error:
            if is_disk_trouble(error):
                raise
            self.connection.execute("ROLLBACK TO unit")
            self.position, self._digest, self._last_at = before
            for write in unit.writes:
                self._versions.pop(write.stream, None)
            unit.records = []
            unit.error = error
        self.connection.execute("RELEASE unit")

    def _write(self, units: Sequence[Unit]) -> None:
        at = self._last_at = max(self._now(), self._last_at)
        at_text = utc_text(at)
        rows: list[Row] = []
        for unit in units:
            unit.records = records = []
            by = unit.by
            for stream, expected, events in unit.writes:
                version = self._version(stream)
                if version != expected:
                    raise VersionError(f"{stream} is at version {version}, not {expected}")
                for event in events:
                    version += 1
                    self.position += 1
                    payload = codec.encode(event)
                    tag = codec.tag_of(event)
                    columns = (self.position, stream, version, tag, payload, at_text)
                    self._digest = digest_of(
                        self._digest, *columns, by.principal, by.via, by.request, by.cause
                    )
                    rows.append(
                        Row(*columns, by.principal, by.via, by.request, by.cause, digest=self._digest)
                    )
                    records.append(Record(self.position, stream, version, at, by, event))
                self._versions[stream] = version
            unit.last_digest = self._digest
            self._project(records)
            if unit.claim:
                self._claim(unit.claim, at_text)
        self.connection.executemany(_INSERT, rows)

    def _project(self, records: Sequence[Record]) -> None:
        for record in records:
            for project in self._handlers.get(type(record.event), ()):
                project(self.connection, record)

    def _claim(self, claim: Claim, at: str) -> None:
        outcome = claim.outcome(self.connection)
        cursor = self.connection.execute(
            "INSERT INTO command_keys VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (claim.key, claim.digest, outcome.status, outcome.body, at),
        )
        if cursor.rowcount == 0:
            raise RepeatedError("This command was carried out before.")

    def _version(self, stream: str) -> int:
        known = self._versions.get(stream)
        if known is not None:
            return known
        if len(self._versions) >= KNOWN_VERSIONS:
            self._versions.clear()
        (version,) = self.connection.execute(
            "SELECT coalesce(max(version), 0) FROM events WHERE stream = ?", (stream,)
        ).fetchone()
        return int(version)

    # --- when the disk says no ---

    def _rollback(self) -> None:
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")
        self._read_head()

    def _settle(self, units: Sequence[Unit], error: sqlite3.Error) -> None:
        """After a failed commit only the file knows what happened: ask it, through a new connection."""
        lost: Exception = UnavailableError(f"The log cannot be written now: {error}. Nothing was changed.")
        try:
            if self._path == MEMORY:
                self._rollback()
            else:
                self.connection.close()
                self._open()
            for unit in units:
                if unit.error is None and not self._is_there(unit):
                    unit.error = lost
        except sqlite3.Error:
            for unit in units:
                unit.error = unit.error or lost
        for unit in units:
            if unit.error is not None:
                unit.records = []

    def _is_there(self, unit: Unit) -> bool:
        if not unit.records:
            return False
        row = self.connection.execute(
            "SELECT digest FROM events WHERE position = ?", (unit.records[-1].position,)
        ).fetchone()
        return row is not None and row[0] == unit.last_digest

    def _retry(self, units: Sequence[Unit]) -> None:
        for unit in units:
            unit.error = None
        try:
            self._commit(units)
        except sqlite3.Error as error:
            self._settle(units, error)

    def _drop_ballast(self) -> bool:
        try:
            ballast_path(self._path).unlink()
        except OSError:
            return False
        self._ballast_kept = False
        return True

    _ballast_kept = False

    def _keep_ballast(self) -> None:
        """A file that a full disk can give up, so that servers can still be stopped and tokens revoked."""
        if self._ballast_kept or self._path == MEMORY:
            return
        path = ballast_path(self._path)
        with contextlib.suppress(OSError):
            if not path.exists() or path.stat().st_size < BALLAST_SIZE:
                with path.open("wb") as file:
                    os.posix_fallocate(file.fileno(), 0, BALLAST_SIZE)
            self._ballast_kept = True

    # --- keys of commands ---

    def store_outcome(self, key: str, digest: str, outcome: Outcome) -> None:
        """The final answer to a command that may be repeated."""
        at = utc_text(self._now())
        self.connection.execute(
            "INSERT INTO command_keys VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT DO UPDATE SET status = excluded.status, body = excluded.body",
            (key, digest, outcome.status, outcome.body, at),
        )

    def forget_keys(self, before: datetime) -> None:
        self.connection.execute("DELETE FROM command_keys WHERE at < ?", (utc_text(before),))

    # --- filling projections from the log ---

    def fill(self, projections: Sequence[Projection], chunk: int = 1000) -> int:
        """Fold the whole log into empty tables, in one transaction; the number of events read."""
        handlers: dict[type, list[Callable[[sqlite3.Connection, Record], None]]] = {}
        for projection in projections:
            for event in projection.EVENTS:
                handlers.setdefault(event, []).append(projection.project)
        after = 0
        with self._transaction():
            while records := read_records(self.connection, after, chunk):
                for record in records:
                    for project in handlers.get(type(record.event), ()):
                        project(self.connection, record)
                after = records[-1].position
        return after


def to_record(row: Sequence[object]) -> Record:
    position, stream, version, _, payload, at, principal, via, request, cause, _ = row
    by = By(principal, via, request, cause)  # type: ignore[arg-type]
    moment = datetime.fromisoformat(at)  # type: ignore[arg-type]
    return Record(position, stream, version, moment, by, codec.decode(payload))  # type: ignore[arg-type]


def read_records(connection: sqlite3.Connection, after: int, count: int) -> list[Record]:
    """The next `count` events of the whole log, from position `after` + 1 on."""
    rows = connection.execute(
        f"SELECT {COLUMNS} FROM events WHERE position > ? ORDER BY position LIMIT ?",  # noqa: S608
        (after, count),
    ).fetchall()
    return [to_record(row) for row in rows]


def is_disk_trouble(error: Exception) -> bool:
    """Whether the file is the problem. A broken constraint is a bug of one unit, and refuses that unit alone."""
    return isinstance(error, sqlite3.Error) and not isinstance(
        error, sqlite3.IntegrityError | sqlite3.ProgrammingError | sqlite3.InterfaceError
    )


def _fault(when: str, units: Sequence[Unit]) -> None:
    if faults.ARMED:
        for unit in units:
            for write in unit.writes:
                for event in write.events:
                    faults.point(f"{when} {type(event).__name__}")
