"""What logins keep about users for the hub's own use: tokens of other services and the like, encrypted.

This table is no fold of the log, for secrets are not events: a row is written in the transaction of the event
that says it changed, and goes with its user. So it is made once, and a rebuild leaves it as it is.
"""

from __future__ import annotations

import sqlite3

from sqlite_utils import Database

from core.events.record import Record
from core.events.user import UserDeleted

NAME = "auth_states"
VERSION = 1
TABLES: tuple[str, ...] = ()  # none that may be dropped, or must equal what the log says
EVENTS = (UserDeleted,)


def create(db: Database) -> None:
    """`user`: an id. `sealed`: see core/secrets/crypt.py."""
    db.execute("CREATE TABLE IF NOT EXISTS auth_states (user TEXT PRIMARY KEY, sealed BLOB NOT NULL) STRICT")


def project(db: sqlite3.Connection, record: Record) -> None:
    db.execute("DELETE FROM auth_states WHERE user = ?", (record.key,))


# --- changes, in the transaction of an event ---


def keep(db: sqlite3.Connection, user_id: str, sealed: bytes | None) -> None:
    """None: nothing is kept from now on."""
    if sealed is None:
        db.execute("DELETE FROM auth_states WHERE user = ?", (user_id,))
    else:
        db.execute("INSERT OR REPLACE INTO auth_states VALUES (?, ?)", (user_id, sealed))


def exchange(db: sqlite3.Connection, user_id: str, before: bytes, after: bytes) -> None:
    """The same, sealed anew, unless it has changed meanwhile."""
    db.execute("UPDATE auth_states SET sealed = ? WHERE user = ? AND sealed = ?", (after, user_id, before))


# --- queries ---


def sealed(db: sqlite3.Connection, user_id: str) -> bytes | None:
    row = db.execute("SELECT sealed FROM auth_states WHERE user = ?", (user_id,)).fetchone()
    return None if row is None else bytes(row[0])


def some(db: sqlite3.Connection, after: str) -> list[tuple[str, bytes]]:
    """The next 200 by user id."""
    return db.execute(
        "SELECT user, sealed FROM auth_states WHERE user > ? ORDER BY user LIMIT 200", (after,)
    ).fetchall()
