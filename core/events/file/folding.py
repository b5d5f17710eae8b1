"""Events to the tables of projections: as they are recorded, and afresh from the log."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from sqlite_utils import Database

from core.events.file.database import SIDE_TABLES
from core.events.file.reading import read_records
from core.events.log import command_keys
from core.events.log.side_tables import HasSideTable, SideTables
from core.events.record import Record

CHUNK = 1000  # events read at a time


class Projection(Protocol):
    """A table (or a few) that events build, in the transaction that records them. A module serves as one.

    `VERSION` is raised whenever the columns or their meaning change: the table is then rebuilt from the log.
    `project` reads and writes its own tables only, for they are also rebuilt on their own.
    """

    NAME: str
    VERSION: int
    TABLES: tuple[str, ...]
    EVENTS: tuple[type, ...]

    def create(self, db: Database) -> None: ...

    def project(self, db: sqlite3.Connection, record: Record) -> None:
        """Change the tables for one event. May raise a HubError: the append is then refused as a whole."""


class Folding:
    """Which projections hear of which events, and who keeps what is no event."""

    def __init__(self, projections: Sequence[Projection]) -> None:
        self._projections = projections
        self._listeners: dict[type, tuple[Callable[[sqlite3.Connection, Record], None], ...]] = {}
        for projection in projections:
            for event in projection.EVENTS:
                self._listeners[event] = (*self._listeners.get(event, ()), projection.project)
        kept = (one.SIDE_TABLE for one in projections if isinstance(one, HasSideTable))
        self.side_tables = SideTables((*SIDE_TABLES, command_keys, *kept))

    def project(self, db: sqlite3.Connection, records: Iterable[Record]) -> None:
        for record in records:
            for project in self._listeners.get(type(record.event), ()):
                project(db, record)

    def bring_up(self, db: sqlite3.Connection) -> int:
        """Rebuild the tables of projections that are new or changed; call it in a transaction.

        Returns the number of events read. Projections we do not have are forgotten: were they ever to come
        back, their tables would lack what happens now.
        """
        known = dict(db.execute("SELECT name, version FROM projections").fetchall())
        for name in known.keys() - {projection.NAME for projection in self._projections}:
            db.execute("DELETE FROM projections WHERE name = ?", (name,))
        stale = [one for one in self._projections if known.get(one.NAME) != one.VERSION]
        return Folding(stale).rebuild(db, db) if stale else 0

    def rebuild(
        self,
        db: sqlite3.Connection,
        log: sqlite3.Connection,
        until: int | None = None,
        on_progress: Callable[[int], None] = lambda _: None,
    ) -> int:
        """Drop the tables and fold them afresh from `log`; the number of events read.

        `until`: the last position to fold, if not all. `on_progress`: told how many more were folded.
        """
        for projection in self._projections:
            for table in projection.TABLES:
                db.execute(f"DROP TABLE IF EXISTS [{table}]")
            projection.create(Database(db))
            row = (projection.NAME, projection.VERSION)
            db.execute("INSERT OR REPLACE INTO projections VALUES (?, ?)", row)
        position = 0
        while records := read_records(log, position, _next(position, until)):
            self.project(db, records)
            position = records[-1].position
            on_progress(len(records))
        return position


def _next(position: int, until: int | None) -> int:
    """How many events to read."""
    return CHUNK if until is None else max(0, min(CHUNK, until - position))
