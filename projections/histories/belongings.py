"""Whose every server, token, session, share and code is, also of those that have gone."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import NamedTuple

from sqlite_utils import Database

from core.events.oauth import CodeIssued
from core.events.record import Record
from core.events.server import SpawnRequested, server_stream
from core.events.session import SessionMovedIn, SessionOpened
from core.events.share import ShareCodeIssued, ShareGranted
from core.events.token import TokenIssued, token_stream
from core.events.user import ServerAdded, ServerRenamed, UserCreated


class Belonging(NamedTuple):
    """Whose a server, token, session, share or code is. `other`: the service that owns a token, or a grantee."""

    user: str = ""
    server: str = ""
    other: str = ""


def create(db: Database) -> None:
    db.execute(
        "CREATE TABLE belongings (thing TEXT PRIMARY KEY, user TEXT, server TEXT, other TEXT) STRICT, WITHOUT ROWID"
    )
    db.execute("CREATE INDEX belongings_user ON belongings (user, thing)")


def project(db: sqlite3.Connection, record: Record) -> None:
    for thing, belonging in _new_belongings(record):
        db.execute("INSERT OR REPLACE INTO belongings VALUES (?, ?, ?, ?)", (thing, *belonging))


def _new_belongings(record: Record) -> Iterator[tuple[str, Belonging]]:
    entity = record.key
    match record.event:
        case UserCreated(default_server=server) | ServerAdded(server=server):
            yield server_stream(server), Belonging(entity)
        case ServerRenamed(default_server=server) if server:
            yield server_stream(server), Belonging(entity)
        case SpawnRequested(spawn_id=spawn_id, user=user):  # its token bears the same id
            yield token_stream(spawn_id), Belonging(user, entity)
        case TokenIssued(owner=owner):
            kind, _, key = owner.partition("/")
            yield record.stream, Belonging(key) if kind == "user" else Belonging(other=owner)
        case SessionOpened(user=user) | SessionMovedIn(user=user) | CodeIssued(user=user):
            yield record.stream, Belonging(user)
        case ShareGranted(owner=owner, server=server, grantee=grantee):
            yield record.stream, Belonging(owner, server, grantee)
        case ShareCodeIssued(owner=owner, server=server):
            yield record.stream, Belonging(owner, server)


# --- queries ---


def belonging(db: sqlite3.Connection, thing: str) -> Belonging:
    row = db.execute("SELECT user, server, other FROM belongings WHERE thing = ?", (thing,)).fetchone()
    return Belonging() if row is None else Belonging(*row)


def servers_of(db: sqlite3.Connection, thing: str) -> list[str]:
    """All servers that a user has or had, none for what is no user."""
    kind, _, user = thing.partition("/")
    if kind != "user":
        return []
    rows = db.execute(
        "SELECT thing FROM belongings WHERE user = ? AND thing > 'server/' AND thing < 'server0'", (user,)
    ).fetchall()
    return [server for (server,) in rows]
