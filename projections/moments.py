"""Moments in tables when the clock is corrected: what was recorded ahead of time is brought back."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from core.events.hub import ClockCorrected
from core.events.record import utc_text


def take_back(
    db: sqlite3.Connection, correction: ClockCorrected, table: str, begun: str, *others: str
) -> None:
    """In rows that have begun ahead of time (by the column `begun`), this moment and the `others` lose its offset.

    So what was issued for an hour lives for an hour, and not for as long as the clock was ahead. `table`: one with
    row ids.
    """
    columns = (begun, *others)
    rows = db.execute(
        f"SELECT {', '.join(columns)}, rowid FROM {table} WHERE {begun} > ?",  # noqa: S608
        (utc_text(correction.after),),
    ).fetchall()
    db.executemany(
        f"UPDATE {table} SET {', '.join(f'{column} = ?' for column in columns)} WHERE rowid = ?",  # noqa: S608
        [(*(_earlier(moment, correction) for moment in moments), row) for *moments, row in rows],
    )


def _earlier(moment: str | None, correction: ClockCorrected) -> str | None:
    return None if moment is None else utc_text(datetime.fromisoformat(moment) - correction.offset)
