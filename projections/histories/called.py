"""What users, servers and groups are called, and were called at any time."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator

from sqlite_utils import Database

from core.events.group import GroupCreated
from core.events.record import Record
from core.events.server import server_stream
from core.events.user import ServerAdded, ServerRenamed, UserCreated, UserRenamed


def create(db: Database) -> None:
    """The name of a thing from position `since` on."""
    db.execute(
        "CREATE TABLE called (thing TEXT, since INTEGER, name TEXT, PRIMARY KEY (thing, since)) STRICT, WITHOUT ROWID"
    )
    db.execute("CREATE INDEX called_name ON called (name, thing)")


def project(db: sqlite3.Connection, record: Record) -> None:
    for thing, name in new_names(record):
        db.execute("INSERT OR REPLACE INTO called VALUES (?, ?, ?)", (thing, record.position, name))


def new_names(record: Record) -> Iterator[tuple[str, str]]:
    """Things that bear a name from this event on."""
    match record.event:
        case UserCreated(name=name, default_server=server):
            yield record.stream, name
            yield server_stream(server), ""
        case UserRenamed(name=name) | GroupCreated(name=name):
            yield record.stream, name
        case ServerAdded(server=server, name=name):
            yield server_stream(server), name
        case ServerRenamed(server=server, name=name, default_server=default):
            yield server_stream(server), name
            if default:
                yield server_stream(default), ""


# --- queries ---


def names_of(db: sqlite3.Connection, thing: str) -> list[tuple[int, str]]:
    """What a thing has been called, and from which position on: in that order, the last 200 of them."""
    rows = db.execute(
        "SELECT since, name FROM called WHERE thing = ? ORDER BY since DESC LIMIT 200", (thing,)
    ).fetchall()
    return rows[::-1]


def ever_called(db: sqlite3.Connection, kind: str, name: str) -> list[str]:
    """Users or groups that bear this name or once did."""
    rows = db.execute(
        "SELECT DISTINCT thing FROM called WHERE name = ? AND thing > ? AND thing < ? ORDER BY thing LIMIT 200",
        (name, f"{kind}/", f"{kind}0"),  # 0 comes after the slash
    ).fetchall()
    return [thing for (thing,) in rows]


def servers_ever_called(db: sqlite3.Connection, users: Collection[str], name: str) -> list[str]:
    """The servers of these users (`user/{id}`) that bear this name or once did."""
    found: list[str] = []
    for user in users:
        rows = db.execute(
            "SELECT DISTINCT called.thing FROM belongings JOIN called USING (thing) WHERE user = ? "
            "AND thing > 'server/' AND thing < 'server0' AND name = ? LIMIT 200",
            (user.removeprefix("user/"), name),
        ).fetchall()
        found += [thing for (thing,) in rows]
    return found
