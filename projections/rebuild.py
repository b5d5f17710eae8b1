"""Drop, replay, compare: whether the kept tables are what the log says, and making them so."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

from core.events.file.database import MEMORY, open_log
from core.events.file.folding import Folding, Projection

OnProgress = Callable[[int], None]
"""Told how many more events were folded."""


def rebuild(
    log: sqlite3.Connection, projections: Sequence[Projection], on_progress: OnProgress = lambda _: None
) -> int:
    """Drop the tables and fold them afresh, in one transaction; the number of events read.

    No hub may be running on this log.
    """
    log.execute("BEGIN IMMEDIATE")
    try:
        count = Folding(projections).rebuild(log, log, on_progress=on_progress)
    except BaseException:
        log.execute("ROLLBACK")
        raise
    log.execute("COMMIT")
    return count


def rebuilt(
    log: sqlite3.Connection,
    projections: Sequence[Projection],
    until: int | None = None,
    on_progress: OnProgress = lambda _: None,
    into: str = MEMORY,
) -> sqlite3.Connection:
    """A database of its own with the projections folded afresh from `log`, which may be in use.

    `until`: the last position, for how things were then: every query may be asked of it. `into`: a new file, if not
    memory.
    """
    own = open_log(into)
    try:
        own.execute("BEGIN IMMEDIATE")
        Folding(projections).rebuild(own, log, until, on_progress)
        own.execute("COMMIT")
    except BaseException:
        own.close()
        raise
    return own


def up_to_date(log: sqlite3.Connection, projections: Sequence[Projection]) -> list[Projection]:
    """Those whose tables are as this program has them; a hub's next start rebuilds the others."""
    kept = dict(log.execute("SELECT name, version FROM projections").fetchall())
    return [one for one in projections if kept.get(one.NAME) == one.VERSION]


def drift(
    log: sqlite3.Connection, projections: Sequence[Projection], on_progress: OnProgress = lambda _: None
) -> list[str]:
    """One line for each row in which the tables kept beside `log` are not what it says; empty when all is well.

    While a hub is at work: in one read transaction.
    """
    fresh = rebuilt(log, projections, on_progress=on_progress)
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
