"""The file as a copy of a log that is kept elsewhere, and the cursor that says up to where. See log.py."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from core.events.file.chain import GENESIS, columns_of, digest_of, netstring
from core.events.file.database import INSERT_EVENT, DatabaseError, check_shapes
from core.events.file.folding import Folding
from core.events.file.reading import record_of
from core.events.log.protocol import Batch, Log, Row, Unit
from core.events.log.side_tables import SideTableChange

CHUNK = 500  # batches read at a time

_CURSOR = "INSERT OR REPLACE INTO log_facts VALUES ('cursor', ?)"


class LogCopy:
    """`cursor`: the number of the last batch that the file's transaction, open or committed, has."""

    def __init__(self, log: Log, folding: Folding) -> None:
        self._log = log
        self._folding = folding
        self.cursor = 0

    def begin(self, db: sqlite3.Connection) -> None:
        """In a transaction, when the file has been opened for the first time: bring it up to the log, or begin one.

        Raises DatabaseError where it is not a copy of this log, LogUnreachableError, OSError.
        """
        self.cursor = _cursor(db)
        if self.cursor == 0 and _head(db)[0]:
            raise DatabaseError("The file has events, and is no copy of a log that is kept elsewhere.")
        if self.cursor:
            self._check_same(db)
        self.catch_up(db)
        if self.cursor == 0:
            (salt,) = db.execute("SELECT value FROM log_facts WHERE name = 'salt'").fetchone()
            self.append(db, [Unit((), (SideTableChange("log_facts", "salt", salt.encode()),))])

    def append(self, db: sqlite3.Connection, units: Sequence[Unit]) -> None:
        """To the log, from the file's open transaction, which has all of it: only its COMMIT remains."""
        number = self.cursor + 1
        db.execute(_CURSOR, (str(number),))
        self.cursor = number
        self._log.append(Batch(number, tuple(units)))

    def catch_up(self, db: sqlite3.Connection) -> None:
        """In a transaction: fold what the log has and the file has not."""
        self.cursor = begin = _cursor(db)
        while batches := self._log.read(self.cursor, CHUNK):
            for batch in batches:
                self._take(db, batch)
        if self.cursor != begin:
            db.execute(_CURSOR, (str(self.cursor),))
            check_shapes(db, "the log")

    def close(self) -> None:
        self._log.close()

    def _take(self, db: sqlite3.Connection, batch: Batch) -> None:
        if batch.number != self.cursor + 1:
            raise DatabaseError(f"Batch {self.cursor + 1} is missing from the log.")
        position, digest = _head(db)
        for unit in batch.units:
            for row in unit.rows:
                position, digest = position + 1, _following(row, position, digest)
            db.executemany(INSERT_EVENT, unit.rows)
            self._folding.project(db, [record_of((*row[:3], *row[4:10])) for row in unit.rows])
            for change in unit.changes:
                self._folding.side_tables.apply(db, change)
        self.cursor = batch.number

    def _check_same(self, db: sqlite3.Connection) -> None:
        """The last batch that the file has is the log's too."""
        found = self._log.read(self.cursor - 1, 1)
        rows = [row for batch in found for unit in batch.units for row in unit.rows]
        if not found or (rows and (rows[-1][0], rows[-1][-1]) != _head(db)):
            raise DatabaseError("The file is a copy of another log, or of more than this one has.")


def _following(row: Row, position: int, digest: str) -> str:
    """The row's digest. Raises DatabaseError where it does not follow from the event before it."""
    at, stream, version, tag, payload, *envelope, found = row
    columns = columns_of(
        position + 1, netstring(stream), version, netstring(tag), "".join(map(netstring, envelope))
    )
    if at != position + 1 or digest_of(digest, columns, payload.encode()) != found:
        raise DatabaseError(f"Event {at} of the log does not follow from event {position}.")
    return found


def _head(db: sqlite3.Connection) -> tuple[int, str]:
    row = db.execute("SELECT position, digest FROM events ORDER BY position DESC LIMIT 1").fetchone()
    return (0, GENESIS) if row is None else (row[0], row[1])


def _cursor(db: sqlite3.Connection) -> int:
    row = db.execute("SELECT value FROM log_facts WHERE name = 'cursor'").fetchone()
    return 0 if row is None else int(row[0])
