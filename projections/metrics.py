"""Numbers over several tables, for monitors. It has no table of its own: each is counted when it is asked for."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import datetime, timedelta

from core.events.record import utc_text

PERIODS: Mapping[str, timedelta] = {
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}


def total_users(db: sqlite3.Connection) -> int:
    (number,) = db.execute("SELECT count(*) FROM users").fetchone()
    return int(number)


def active_users(db: sqlite3.Connection, now: datetime) -> dict[str, int]:
    """How many have been seen within each period. Whoever was seen in the last seconds may be missing."""
    since = {period: utc_text(now - length) for period, length in PERIODS.items()}
    count = "SELECT count(*) FROM users WHERE last_activity >= ?"
    return {period: int(db.execute(count, (moment,)).fetchone()[0]) for period, moment in since.items()}


def servers_by_state(db: sqlite3.Connection) -> dict[str, int]:
    """Those that are not stopped; through an index that holds no others."""
    rows = db.execute(
        "SELECT state, count(*) FROM servers WHERE state != 'stopped' GROUP BY state"
    ).fetchall()
    return {state: int(number) for state, number in rows}


def leftovers(db: sqlite3.Connection) -> int:
    """Servers of which an earlier attempt is still to be ended; through an index that holds no others."""
    (number,) = db.execute("SELECT count(*) FROM servers WHERE leftovers != '[]'").fetchone()
    return int(number)


def services_by_process(db: sqlite3.Connection) -> dict[str, int]:
    """Managed ones by what is known of their process: running, stopped, failed, or `""`."""
    rows = db.execute("SELECT process, count(*) FROM services WHERE managed = 1 GROUP BY process").fetchall()
    return {process: int(number) for process, number in rows}
