"""When jobs are to be tried, as their table says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from core.events.log.tables import Tables
from core.events.record import By
from projections import jobs


class Timetable:
    def __init__(self, db: Tables) -> None:
        self._db = db

    def due(self, now: datetime) -> Iterator[tuple[str, By]]:
        """The ids of all that are to be tried by now, and who asked for them."""
        after = ("", 0)
        while rows := jobs.due(self._db, now, after):
            for row in rows:
                yield row.id, By(row.principal, row.via, cause=row.position)
            after = (rows[-1].due, rows[-1].position)

    def next_due(self, now: datetime) -> datetime | None:
        return jobs.next_due(self._db, now)
