"""Which names are taken. An event that claims a taken one is refused, and the whole append with it."""

from __future__ import annotations

import sqlite3

from sqlite_utils import Database

from core.errors import AlreadyExistsError
from core.events.record import Record
from core.events.user import (
    ServerAdded,
    ServerRemoved,
    ServerRenamed,
    UserCreated,
    UserDeleted,
    UserRenamed,
)

NAME = "names"
VERSION = 1
TABLES = ("names",)
EVENTS = (UserCreated, UserRenamed, UserDeleted, ServerAdded, ServerRenamed, ServerRemoved)


def create(db: Database) -> None:
    """`scope`: the id of whom the name is unique within, `""` for the whole hub. `holder`: an id."""
    db.table("names").create(
        {"kind": str, "scope": str, "name": str, "holder": str}, pk=("kind", "scope", "name"), strict=True
    )
    db.table("names").create_index(["holder"])
    db.table("names").create_index(["scope"])


def project(db: sqlite3.Connection, record: Record) -> None:
    entity = record.stream.partition("/")[2]
    match record.event:
        case UserCreated(name=name):
            _claim(db, "user", "", name, entity)
        case UserRenamed(name=name):
            db.execute("DELETE FROM names WHERE holder = ? AND kind = 'user'", (entity,))
            _claim(db, "user", "", name, entity)
        case UserDeleted():
            db.execute("DELETE FROM names WHERE holder = ? OR scope = ?", (entity, entity))
        case ServerAdded(server=server, name=name):
            _claim(db, "server", entity, name, server)
        case ServerRenamed(server=server, name=name):
            db.execute("DELETE FROM names WHERE holder = ?", (server,))
            _claim(db, "server", entity, name, server)
        case ServerRemoved(server=server):
            db.execute("DELETE FROM names WHERE holder = ?", (server,))


def _claim(db: sqlite3.Connection, kind: str, scope: str, name: str, holder: str) -> None:
    row = (kind, scope, name, holder)
    if db.execute("INSERT INTO names VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", row).rowcount == 0:
        raise AlreadyExistsError(f"There is already a {kind} named {name!r}.")
