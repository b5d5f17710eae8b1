"""The end of the log: where the next event goes, and putting it there."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta

from core.events import codec
from core.events.file.chain import GENESIS, columns_of, digest_of, netstring
from core.events.file.database import INSERT_EVENT, noted_shapes, shape_noted
from core.events.file.folding import Folding
from core.events.file.reading import version_of
from core.events.hub import CLOCK, ClockCorrected
from core.events.log import command_keys
from core.events.log.append_request import AppendRequest, VersionError, Write
from core.events.log.protocol import Row, Unit
from core.events.log.side_tables import SideTableChange
from core.events.record import HUB, Record, utc_text

KNOWN_VERSIONS = 50_000  # streams whose version is remembered; the rest is looked up
TOLERANCE = timedelta(seconds=1)  # a clock set back by no more is waited for: time stands still


class LogEnd:
    """Begins with what the file says. Whoever rolls a transaction back needs a new one."""

    def __init__(
        self, connection: sqlite3.Connection, folding: Folding, *, keeps_units: bool = False
    ) -> None:
        self._connection = connection
        self._folding = folding
        row = connection.execute(
            "SELECT position, digest, at FROM events ORDER BY position DESC LIMIT 1"
        ).fetchone()
        position, digest, at = row or (0, GENESIS, "0001-01-01T00:00:00Z")
        self.position: int = position
        self.digest: str = digest
        self._last_at = datetime.fromisoformat(at)
        self._versions: dict[str, int] = {}
        self._shapes = noted_shapes(connection)
        self._new_shapes: list[SideTableChange] = []
        self._units: list[Unit] | None = [] if keeps_units else None

    def take_units(self) -> list[Unit]:
        """What the open transaction adds, for a log that is kept elsewhere; none where it is not."""
        units = self._units or []
        if units:
            self._units = []
        return units

    def follow_clock(self, now: datetime) -> None:
        """Record that the clock was set back, if it was: times go on from `now`. Comes before any unit."""
        if self._last_at - now <= TOLERANCE:
            return
        version = version_of(self._connection, CLOCK)
        event = ClockCorrected(before=self._last_at, after=now)
        self._last_at = now
        self.put([AppendRequest([Write(CLOCK, version, [event])], HUB)], now)

    def put(self, units: Sequence[AppendRequest], now: datetime) -> None:
        """Add all the units to the open transaction. Raises whatever one of them is refused with."""
        if len(self._versions) > KNOWN_VERSIONS:
            self._versions.clear()
        at = self._last_at = max(now, self._last_at)
        rows: list[Row] = []
        placed: list[Unit] = []
        for unit in units:
            begin = len(rows)
            if unit.idempotency:
                command_keys.check_free(self._connection, unit.idempotency)
            unit.records = self._place(unit, at, rows)
            self._folding.project(self._connection, unit.records)
            changes = self._change(unit, at)
            if self._units is not None and (len(rows) > begin or changes):
                placed.append(Unit(tuple(rows[begin:]), changes))
        if rows:
            self._connection.executemany(INSERT_EVENT, rows)
        if self._units is not None:
            self._units += placed

    def _change(self, unit: AppendRequest, at: datetime) -> tuple[SideTableChange, ...]:
        """Make the changes that are no events, behind the unit's events; those that did change something."""
        if not (unit.idempotency or unit.changes or self._new_shapes):
            return ()
        changes, self._new_shapes = [*self._new_shapes, *unit.changes], []
        if unit.idempotency:
            changes.append(command_keys.taken(self._connection, unit.idempotency, utc_text(at)))
        apply = self._folding.side_tables.apply
        return tuple(change for change in changes if apply(self._connection, change))

    def put_alone(self, unit: AppendRequest, now: datetime) -> None:
        """Add one unit; if it is refused, it is as if it had never been here."""
        head = self.position, self.digest, self._last_at
        self._connection.execute("SAVEPOINT unit")
        try:
            for write in unit.writes:
                self._versions[write.stream] = version_of(self._connection, write.stream)
            self.put([unit], now)
        except Exception:
            unit.records = []
            self._new_shapes = []
            if self._connection.in_transaction:  # a failing disk may have ended it
                self._connection.execute("ROLLBACK TO unit")
                self._connection.execute("RELEASE unit")
                self.position, self.digest, self._last_at = head
                self._versions.clear()
                self._shapes = noted_shapes(self._connection)
            raise
        self._connection.execute("RELEASE unit")

    def _place(self, unit: AppendRequest, at: datetime, rows: list[Row]) -> list[Record]:
        """Give the unit's events their places in the log: as records, and as rows to be inserted."""
        by, at_text = unit.by, utc_text(at)
        origin = (by.principal, by.via, by.request, by.cause)
        envelope = "".join(map(netstring, (at_text, *origin)))
        position, digest = self.position, self.digest
        records: list[Record] = []
        for stream, expected, events in unit.writes:
            version = self._check_version(stream, expected)
            stream_column = netstring(stream)
            for event in events:
                position += 1
                version += 1
                tag, payload = codec.tag_of(event), codec.encode(event)
                if tag not in self._shapes:
                    self._note_shape(tag)
                columns = columns_of(position, stream_column, version, netstring(tag), envelope)
                digest = digest_of(digest, columns, payload)
                rows.append((position, stream, version, tag, payload.decode(), at_text, *origin, digest))
                records.append(Record(position, stream, version, at, by, event))
            self._versions[stream] = version
        self.position, self.digest = position, digest
        return records

    def _check_version(self, stream: str, expected: int) -> int:
        """A stream we do not know may be new: should it not be, the index of streams and versions refuses it."""
        version = self._versions.get(stream)
        if version is None:
            version = version_of(self._connection, stream) if expected else 0
        if version != expected:
            raise VersionError(f"{stream} is at version {version}, not {expected}")
        return version

    def _note_shape(self, tag: str) -> None:
        self._new_shapes.append(shape_noted(tag))
        self._shapes.add(tag)
