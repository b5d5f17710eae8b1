"""Drop, replay, compare: whether the kept tables are what the log says."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from core.events.database import MEMORY, Projection, create_projections, open_for_writing
from core.events.writer import read_records


def rebuilt(log: sqlite3.Connection, projections: Sequence[Projection]) -> sqlite3.Connection:
    """A database in memory with the projections folded afresh from `log`."""
    memory = open_for_writing(MEMORY)
    create_projections(memory, projections)
    handlers: dict[type, list[Projection]] = {}
    for projection in projections:
        for event in projection.EVENTS:
            handlers.setdefault(event, []).append(projection)
    after = 0
    while records := read_records(log, after, 1000):
        for record in records:
            for projection in handlers.get(type(record.event), ()):
                projection.project(memory, record)
        after = records[-1].position
    return memory


def differences(
    kept: sqlite3.Connection, fresh: sqlite3.Connection, projections: Sequence[Projection]
) -> list[str]:
    """One line for each row that stands in only one of the two; empty when they agree."""
    found = []
    for projection in projections:
        for table in projection.TABLES:
            rows = [
                set(db.execute(f"SELECT * FROM [{table}]").fetchall())  # noqa: S608
                for db in (kept, fresh)
            ]
            found += [f"{table}: only kept: {row}" for row in sorted(rows[0] - rows[1], key=repr)]
            found += [f"{table}: only rebuilt: {row}" for row in sorted(rows[1] - rows[0], key=repr)]
    return found
