"""Which names are taken. An event that claims a taken one is refused, and the whole append with it.

A server keeps the URL it started with, so a renamed user keeps the old name as an alias for as long as a server runs
under it: nobody else can take it.
"""

from __future__ import annotations

import sqlite3

from sqlite_utils import Database

from core.errors import AlreadyExistsError, BusyError, NotFoundError
from core.events.group import GroupCreated, GroupDeleted
from core.events.record import Record
from core.events.server import ServerDied, ServerLost, ServerStopped, SpawnFailed, SpawnRequested
from core.events.user import (
    ServerAdded,
    ServerRemoved,
    ServerRenamed,
    UserCreated,
    UserDeleted,
    UserRenamed,
)

NAME = "names"
VERSION = 2
TABLES = ("names", "names_in_use")
EVENTS = (
    UserCreated,
    UserRenamed,
    UserDeleted,
    GroupCreated,
    GroupDeleted,
    ServerAdded,
    ServerRenamed,
    ServerRemoved,
    SpawnRequested,
    SpawnFailed,
    ServerStopped,
    ServerDied,
    ServerLost,
)


def create(db: Database) -> None:
    """`scope`: the id of whom the name is unique within, `""` for the whole hub. `holder`: an id.

    `names_in_use`: under which name of its user a server runs.
    """
    db.table("names").create(
        {"kind": str, "scope": str, "name": str, "holder": str, "alias": int},
        pk=("kind", "scope", "name"),
        strict=True,
    )
    db.table("names").create_index(["holder"])
    db.table("names").create_index(["scope"])
    db.execute("CREATE INDEX names_aliases ON names (name) WHERE alias")
    db.table("names_in_use").create({"server": str, "user": str, "name": str}, pk="server", strict=True)
    db.table("names_in_use").create_index(["user"])


def project(db: sqlite3.Connection, record: Record) -> None:
    entity = record.key
    match record.event:
        case UserCreated(name=name):
            _claim(db, "user", "", name, entity)
        case UserRenamed(name=name):
            db.execute("UPDATE names SET alias = 1 WHERE holder = ? AND kind = 'user'", (entity,))
            _drop_idle_aliases(db, entity)
            _claim(db, "user", "", name, entity)
        case UserDeleted():
            db.execute("DELETE FROM names WHERE holder = ? OR scope = ?", (entity, entity))
            db.execute("DELETE FROM names_in_use WHERE user = ?", (entity,))
        case GroupCreated(name=name):
            _claim(db, "group", "", name, entity)
        case GroupDeleted():
            db.execute("DELETE FROM names WHERE holder = ?", (entity,))
        case ServerAdded(server=server, name=name):
            _claim(db, "server", entity, name, server)
        case ServerRenamed(server=server, name=name):
            db.execute("DELETE FROM names WHERE holder = ?", (server,))
            _claim(db, "server", entity, name, server)
        case ServerRemoved(server=server):
            db.execute("DELETE FROM names WHERE holder = ?", (server,))
        case SpawnRequested(user=user, user_name=name):
            _use(db, entity, user, name)
        case SpawnFailed() | ServerStopped() | ServerDied() | ServerLost():
            ended = db.execute(
                "DELETE FROM names_in_use WHERE server = ? RETURNING user", (entity,)
            ).fetchone()
            if ended is not None:
                _drop_idle_aliases(db, ended[0])


def _claim(db: sqlite3.Connection, kind: str, scope: str, name: str, holder: str) -> None:
    row = (kind, scope, name, holder)
    claim = (
        "INSERT INTO names VALUES (?, ?, ?, ?, 0) "
        "ON CONFLICT DO UPDATE SET alias = 0 WHERE alias AND holder = excluded.holder"
    )
    if db.execute(claim, row).rowcount == 0:
        raise AlreadyExistsError(f"There is already a {kind} named {name!r}.")


def _use(db: sqlite3.Connection, server: str, user: str, name: str) -> None:
    """A start was prepared under a name that a rename may have taken away meanwhile: then it must not happen."""
    holder = holder_of(db, "user", name)
    if holder is None:
        raise NotFoundError(f"There is no user named {name!r}.")
    if holder != user:
        raise BusyError(f"User {name} has just been renamed or deleted. Please ask again.")
    db.execute("INSERT OR REPLACE INTO names_in_use VALUES (?, ?, ?)", (server, user, name))


def _drop_idle_aliases(db: sqlite3.Connection, user: str) -> None:
    db.execute(
        "DELETE FROM names WHERE holder = ? AND alias "
        "AND name NOT IN (SELECT name FROM names_in_use WHERE user = ?)",
        (user, user),
    )


# --- queries ---


def holder_of(db: sqlite3.Connection, kind: str, name: str, scope: str = "") -> str | None:
    """The id of whoever has this name, be it as an alias."""
    row = db.execute(
        "SELECT holder FROM names WHERE kind = ? AND scope = ? AND name = ?", (kind, scope, name)
    ).fetchone()
    return None if row is None else str(row[0])


def aliases(db: sqlite3.Connection) -> list[tuple[str, str]]:
    """The id of a user and an older name that servers of theirs still run under: of all such users, which are few."""
    return db.execute("SELECT holder, name FROM names WHERE alias LIMIT 200").fetchall()
