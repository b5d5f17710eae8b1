"""Who waits for a turn to start, and when their users had their last: what a hub that restarts goes on from."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from sqlite_utils import Database

from core.events.record import Record
from core.events.server import SpawnAdmitted, SpawnCancelled, SpawnFailed, SpawnRequested

NAME = "spawn_queue"
VERSION = 1
TABLES = ("spawn_queue", "spawn_turns")
EVENTS = (SpawnRequested, SpawnAdmitted, SpawnFailed, SpawnCancelled)


class Waiting(NamedTuple):
    """`position`: of the event that asked."""

    server: str
    user: str
    position: int


def create(db: Database) -> None:
    db.table("spawn_queue").create({"server": str, "user": str, "position": int}, pk="server", strict=True)
    db.table("spawn_queue").create_index(["user"])
    db.table("spawn_queue").create_index(["position"])
    # Of users who wait: the position of the last turn they had.
    db.table("spawn_turns").create({"user": str, "position": int}, pk="user", strict=True)


def project(db: sqlite3.Connection, record: Record) -> None:
    server = record.key
    match record.event:
        case SpawnRequested(queued=True, user=user):
            db.execute("INSERT OR REPLACE INTO spawn_queue VALUES (?, ?, ?)", (server, user, record.position))
        case SpawnAdmitted():
            _leave(db, server, record.position)
        case SpawnFailed() | SpawnCancelled():
            _leave(db, server)


def _leave(db: sqlite3.Connection, server: str, turn: int | None = None) -> None:
    left = db.execute("DELETE FROM spawn_queue WHERE server = ? RETURNING user", (server,)).fetchone()
    if left is None:
        return
    (user,) = left
    if turn is not None:
        db.execute("INSERT OR REPLACE INTO spawn_turns VALUES (?, ?)", (user, turn))
    db.execute(
        "DELETE FROM spawn_turns WHERE user = ? AND user NOT IN (SELECT user FROM spawn_queue)", (user,)
    )


# --- queries ---


def waiting(db: sqlite3.Connection, after: int = 0) -> list[Waiting]:
    """The next of all that wait, by position."""
    rows = db.execute(
        "SELECT server, user, position FROM spawn_queue WHERE position > ? ORDER BY position LIMIT 200",
        (after,),
    ).fetchall()
    return [Waiting(*row) for row in rows]


def last_turn(db: sqlite3.Connection, user: str) -> int | None:
    """The position of the last turn of a user who waits."""
    row = db.execute("SELECT position FROM spawn_turns WHERE user = ?", (user,)).fetchone()
    return None if row is None else int(row[0])
