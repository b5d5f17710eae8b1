"""What spawners of JupyterHub's kind keep of servers, encrypted: the state of a class may hold its secrets.

This table is no fold of the log, for secrets are not events: its rows are written by whoever starts the servers, and
what is kept of a server goes with it. So it is made once, and a rebuild leaves it as it is.
"""

from __future__ import annotations

import sqlite3

from sqlite_utils import Database

from core.events.log.side_tables import KeyAndValue, SideTableChange
from core.events.record import Record
from core.events.user import ServerRemoved

NAME = "spawner_states"
VERSION = 1
TABLES: tuple[str, ...] = ()  # none that may be dropped, or must equal what the log says
EVENTS = (ServerRemoved,)

SIDE_TABLE = KeyAndValue(NAME, "key", "sealed")


def create(db: Database) -> None:
    """`key`: `attempt/` and a spawn id, or `server/` and a server's id. `sealed`: see core/secrets/crypt.py."""
    db.execute(
        "CREATE TABLE IF NOT EXISTS spawner_states (key TEXT PRIMARY KEY, sealed BLOB NOT NULL) STRICT"
    )


def project(db: sqlite3.Connection, record: Record) -> None:
    assert isinstance(record.event, ServerRemoved)
    db.execute("DELETE FROM spawner_states WHERE key = ?", (f"server/{record.event.server}",))


# --- changes ---


def kept(key: str, sealed: bytes | None) -> SideTableChange:
    """`sealed`: None where nothing is kept from now on."""
    return SideTableChange(NAME, key, sealed)


# --- queries ---


def sealed(db: sqlite3.Connection, key: str) -> bytes | None:
    return SIDE_TABLE.value(db, key)


def keys(db: sqlite3.Connection) -> list[str]:
    """All of them: about as many as servers run."""
    return [key for (key,) in db.execute("SELECT key FROM spawner_states ORDER BY key")]
