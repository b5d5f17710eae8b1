"""What logins keep about users for the hub's own use: tokens of other services and the like, encrypted.

This table is no fold of the log, for secrets are not events: a row is written in the transaction of the event
that says it changed, and goes with its user. So it is made once, and a rebuild leaves it as it is.
"""

from __future__ import annotations

import sqlite3

from msgspec import UNSET, UnsetType
from sqlite_utils import Database

from core.events.log.side_tables import KeyAndValue, SideTableChange
from core.events.record import Record
from core.events.user import UserDeleted

NAME = "auth_states"
VERSION = 1
TABLES: tuple[str, ...] = ()  # none that may be dropped, or must equal what the log says
EVENTS = (UserDeleted,)

SIDE_TABLE = KeyAndValue(NAME, "user", "sealed")


def create(db: Database) -> None:
    """`user`: an id. `sealed`: see core/secrets/crypt.py."""
    db.execute("CREATE TABLE IF NOT EXISTS auth_states (user TEXT PRIMARY KEY, sealed BLOB NOT NULL) STRICT")


def project(db: sqlite3.Connection, record: Record) -> None:
    db.execute("DELETE FROM auth_states WHERE user = ?", (record.key,))


# --- changes, in the transaction of an event ---


def kept(
    user_id: str, sealed: bytes | None, *, replaces: bytes | UnsetType | None = UNSET
) -> SideTableChange:
    """`sealed`: None where nothing is kept from now on. `replaces`: unless it has changed meanwhile."""
    return SideTableChange(NAME, user_id, sealed, replaces)


# --- queries ---


def sealed(db: sqlite3.Connection, user_id: str) -> bytes | None:
    row = db.execute("SELECT sealed FROM auth_states WHERE user = ?", (user_id,)).fetchone()
    return None if row is None else bytes(row[0])


def some(db: sqlite3.Connection, after: str) -> list[tuple[str, bytes]]:
    """The next 200 by user id."""
    return db.execute(
        "SELECT user, sealed FROM auth_states WHERE user > ? ORDER BY user LIMIT 200", (after,)
    ).fetchall()
