"""Which server is reached under which path: what the proxy follows.

A row stays when its server stops, without a target, so that a proxy that was away learns of the removal.
"""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from sqlite_utils import Database

from core.events.record import Record
from core.events.server import (
    ServerDied,
    ServerLost,
    SpawnAnswered,
    SpawnCancelled,
    SpawnFailed,
    SpawnRequested,
    StopRequested,
)
from core.events.user import ServerRemoved

NAME = "routes"
VERSION = 1
TABLES = ("routes",)
EVENTS = (
    SpawnRequested,
    SpawnAnswered,
    SpawnCancelled,
    SpawnFailed,
    StopRequested,
    ServerDied,
    ServerLost,
    ServerRemoved,
)


class Route(NamedTuple):
    """`target`: None once it is gone. `position`: of the event that changed it last."""

    server: str
    spec: str
    target: str | None
    user: str
    user_name: str
    server_name: str
    position: int


_ALL = f"SELECT {', '.join(Route._fields)} FROM routes "  # noqa: S608


def create(db: Database) -> None:
    db.table("routes").create(
        {
            "server": str,
            "spec": str,
            "target": str,
            "user": str,
            "user_name": str,
            "server_name": str,
            "position": int,
        },
        pk="server",
        strict=True,
    )
    db.table("routes").create_index(["position"])
    db.execute("CREATE INDEX routes_live ON routes (spec) WHERE target IS NOT NULL")


def project(db: sqlite3.Connection, record: Record) -> None:
    server = record.stream.partition("/")[2]
    match record.event:
        case SpawnRequested() as spawn:
            db.execute(
                "INSERT OR REPLACE INTO routes VALUES (?, ?, NULL, ?, ?, ?, ?)",
                (server, spawn.prefix, spawn.user, spawn.user_name, spawn.server_name, record.position),
            )
        case SpawnAnswered(url=url):
            db.execute(
                "UPDATE routes SET target = ?, position = ? WHERE server = ?", (url, record.position, server)
            )
        case SpawnCancelled() | SpawnFailed() | StopRequested() | ServerDied() | ServerLost():
            db.execute(
                "UPDATE routes SET target = NULL, position = ? WHERE server = ? AND target IS NOT NULL",
                (record.position, server),
            )
        case ServerRemoved(server=removed):
            db.execute(
                "UPDATE routes SET target = NULL, position = ? WHERE server = ? AND target IS NOT NULL",
                (record.position, removed),
            )


# --- queries ---


def live(db: sqlite3.Connection, after: str = "", count: int = 200) -> list[Route]:
    """The next routes, by server, that lead somewhere."""
    rows = db.execute(
        _ALL + "WHERE target IS NOT NULL AND server > ? ORDER BY server LIMIT ?", (after, count)
    ).fetchall()
    return [Route(*row) for row in rows]


def changed(db: sqlite3.Connection, after: int, count: int = 200) -> list[Route]:
    """The next routes that changed after position `after`, the removed ones included."""
    rows = db.execute(_ALL + "WHERE position > ? ORDER BY position LIMIT ?", (after, count)).fetchall()
    return [Route(*row) for row in rows]


def by_spec(db: sqlite3.Connection, spec: str) -> Route | None:
    row = db.execute(_ALL + "WHERE spec = ? AND target IS NOT NULL", (spec,)).fetchone()
    return None if row is None else Route(*row)


def of_server(db: sqlite3.Connection, server: str) -> Route | None:
    row = db.execute(_ALL + "WHERE server = ?", (server,)).fetchone()
    return None if row is None else Route(*row)
