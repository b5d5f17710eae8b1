"""Drop, replay, compare: whether the kept tables are what the log says, and making them so."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from core.events.database import MEMORY, open_log
from core.events.folding import Folding, Projection


def rebuild(log: sqlite3.Connection, projections: Sequence[Projection]) -> int:
    """Drop the tables and fold them afresh, in one transaction; the number of events read.

    No hub may be running on this log.
    """
    log.execute("BEGIN IMMEDIATE")
    try:
        count = Folding(projections).rebuild(log, log)
    except BaseException:
        log.execute("ROLLBACK")
        raise
    log.execute("COMMIT")
    return count


def rebuilt(log: sqlite3.Connection, projections: Sequence[Projection]) -> sqlite3.Connection:
    """A database in memory with the projections folded afresh from `log`, which may be in use."""
    memory = open_log(MEMORY)
    Folding(projections).rebuild(memory, log)
    return memory


def drift(log: sqlite3.Connection, projections: Sequence[Projection]) -> list[str]:
    """One line for each row in which the tables kept beside `log` are not what it says; empty when all is well."""
    fresh = rebuilt(log, projections)
    try:
        return differences(log, fresh, projections)
    finally:
        fresh.close()


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
