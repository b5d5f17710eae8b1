"""Who has come by which share code, for as long as the code is there. A table of `share_codes`."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from sqlite_utils import Database

from core.events.record import Record, utc_text

TABLES = ("share_code_uses",)


class CodeUse(NamedTuple):
    """`code`: its id. `user`: who has come by it, by name, first `at` that moment. `still`: they have a share."""

    code: str
    user: str
    at: str
    still: bool


def create(db: Database) -> None:
    db.execute(
        "CREATE TABLE share_code_uses (code TEXT, user TEXT, position INTEGER, at TEXT, "
        "PRIMARY KEY (code, user)) STRICT"
    )
    db.execute("CREATE INDEX share_code_uses_user ON share_code_uses (user)")


def came(db: sqlite3.Connection, record: Record, user_id: str) -> None:
    """The first time counts."""
    row = (record.key, user_id, record.position, utc_text(record.at))
    db.execute("INSERT OR IGNORE INTO share_code_uses VALUES (?, ?, ?, ?)", row)


def remove(db: sqlite3.Connection, which: str, key: str) -> None:
    """Those of codes that have this `key` in their column `which`, and are about to go."""
    db.execute(
        f"DELETE FROM share_code_uses WHERE code IN (SELECT id FROM share_codes WHERE {which} = ?)",  # noqa: S608
        (key,),
    )


def forget(db: sqlite3.Connection, user_id: str) -> None:
    """A user who has gone."""
    db.execute("DELETE FROM share_code_uses WHERE user = ?", (user_id,))


def on_server(db: sqlite3.Connection, server_id: str, limit: int) -> list[CodeUse]:
    """Who has come by the codes of a server, the last ones first."""
    rows = db.execute(
        "SELECT code, users.name, share_code_uses.at, shares.id IS NOT NULL "
        "FROM share_codes JOIN share_code_uses ON code = share_codes.id "
        "JOIN users ON users.id = share_code_uses.user "
        "LEFT JOIN shares ON shares.server = share_codes.server AND shares.grantee = 'user/' || users.id "
        "WHERE share_codes.server = ? ORDER BY share_code_uses.position DESC LIMIT ?",
        (server_id, limit),
    ).fetchall()
    return [CodeUse(code, user, at, bool(still)) for code, user, at, still in rows]
