"""What every event is about and what that was called at the time; and the history of each user, server and group.

Nothing here ends with what it is about: the log shows what happened to those who have gone, too. Things are written
as streams are: `user/{id}`, `server/{id}`, `group/{id}`, `role/{name}`; and `via/{id}` is all that was done with a
token or in a session. Activity, routes and the hub itself have no history here.
"""

from __future__ import annotations

import heapq
import sqlite3
from collections.abc import Collection, Iterator
from itertools import groupby, islice
from typing import NamedTuple

from sqlite_utils import Database

from core.events.access import AccessRefused
from core.events.file.reading import positions_in
from core.events.group import GroupCreated, GroupEvent, UsersJoined, UsersLeft, group_stream
from core.events.job import JobCancelled, JobRequested
from core.events.oauth import CodeEvent, CodeIssued
from core.events.record import Record
from core.events.role import RoleEvent, RoleGranted, RoleWithdrawn
from core.events.route import RouteAdded, RouteRemoved
from core.events.server import OptionsStored, SpawnCancelled, SpawnRequested, StopRequested, server_stream
from core.events.service import ServiceAdded, ServiceChanged, ServiceRemoved
from core.events.session import SessionEvent, SessionMovedIn, SessionOpened
from core.events.share import (
    ShareCodeEvent,
    ShareCodeExchanged,
    ShareCodeIssued,
    ShareEvent,
    ShareGranted,
)
from core.events.token import TokenEvent, TokenIssued, token_stream
from core.events.user import (
    ServerAdded,
    ServerRemovalRequested,
    ServerRemoved,
    ServerRenamed,
    ServerTitled,
    UserCreated,
    UserEvent,
    UserRenamed,
    user_stream,
)
from core.naming.ids import is_id

NAME = "histories"
VERSION = 4
TABLES = ("belongings", "called", "histories")
EVENTS: tuple[type, ...] = (
    *(UserEvent | GroupEvent | TokenEvent | SessionEvent | CodeEvent | RoleEvent).__args__,
    *(ShareEvent | ShareCodeEvent).__args__,
    AccessRefused,
    *(SpawnRequested, SpawnCancelled, StopRequested, OptionsStored),
    *(ServiceAdded, ServiceChanged, ServiceRemoved, RouteAdded, RouteRemoved, JobRequested, JobCancelled),
)


class About(NamedTuple):
    """Ids, but for services and roles, which are their names. `others`: whom else it names, as streams.

    `stream`: its own. `via`: the id of the token or the session it was done with.
    """

    user: str = ""
    server: str = ""
    group: str = ""
    service: str = ""
    role: str = ""
    others: tuple[str, ...] = ()
    stream: str = ""
    via: str = ""

    def things(self) -> set[str]:
        """All that this event is part of the history of."""
        found = {one for one in self.others if not one.startswith("service/")}
        if self.stream:
            found.add(self.stream)
        if self.user:
            found.add(user_stream(self.user))
        if self.server:
            found.add(server_stream(self.server))
        if self.group:
            found.add(group_stream(self.group))
        if is_id(self.via):
            found.add(via(self.via))
        return found


class Belonging(NamedTuple):
    """Whose a server, token, session, share or code is. `other`: the service that owns a token, or a grantee."""

    user: str = ""
    server: str = ""
    other: str = ""


def create(db: Database) -> None:
    """`called`: the name of a thing from position `since` on.

    `histories`: what is about a thing and not in its own stream, nor in that of one of its servers: so what happens
    most, to servers, costs nothing here.
    """
    db.execute(
        "CREATE TABLE belongings (thing TEXT PRIMARY KEY, user TEXT, server TEXT, other TEXT) STRICT, WITHOUT ROWID"
    )
    db.execute("CREATE INDEX belongings_user ON belongings (user, thing)")
    db.execute(
        "CREATE TABLE called (thing TEXT, since INTEGER, name TEXT, PRIMARY KEY (thing, since)) STRICT, WITHOUT ROWID"
    )
    db.execute("CREATE INDEX called_name ON called (name, thing)")
    db.execute(
        "CREATE TABLE histories (thing TEXT, position INTEGER, PRIMARY KEY (thing, position)) STRICT, WITHOUT ROWID"
    )


def project(db: sqlite3.Connection, record: Record) -> None:
    for thing, belonging in _new_belongings(record):
        db.execute("INSERT OR REPLACE INTO belongings VALUES (?, ?, ?, ?)", (thing, *belonging))
    for thing, name in new_names(record):
        db.execute("INSERT OR REPLACE INTO called VALUES (?, ?, ?)", (thing, record.position, name))
    for thing in _to_note(db, record):
        db.execute("INSERT INTO histories VALUES (?, ?)", (thing, record.position))


def via(credential: str) -> str:
    """What was done with this token, or in this session, as a thing."""
    return f"via/{credential}"


def _to_note(db: sqlite3.Connection, record: Record) -> set[str]:
    """Of what its stream does not say."""
    if record.kind == "server":
        return {via(record.by.via)} if is_id(record.by.via) else set()
    return about(db, record).things() - {record.stream}


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


def about(db: sqlite3.Connection, record: Record) -> About:
    return _about(db, record)._replace(stream=record.stream, via=record.by.via)


def _about(db: sqlite3.Connection, record: Record) -> About:
    kind, entity = record.kind, record.key
    match record.event:
        case (
            ServerAdded(server=server)
            | ServerRenamed(server=server)
            | ServerTitled(server=server)
            | ServerRemovalRequested(server=server)
            | ServerRemoved(server=server)
        ):
            return About(user=entity, server=server)
        case UsersJoined(users=users) | UsersLeft(users=users) | GroupCreated(users=users):
            return About(group=entity, others=tuple(map(user_stream, users)))
        case RoleGranted(holders=holders) | RoleWithdrawn(holders=holders):
            return About(role=entity, others=holders)
        case AccessRefused(users=tried):
            return About(others=tuple(map(user_stream, tried)))
        case SpawnRequested(user=user):
            return About(user=user, server=entity)
        case ShareCodeExchanged(user=user):
            code = belonging(db, record.stream)
            return About(code.user, code.server, others=(user_stream(user),))
    match kind:
        case "user":
            return About(user=entity)
        case "server":
            return About(user=belonging(db, record.stream).user, server=entity)
        case "group":
            return About(group=entity)
        case "role":
            return About(role=entity)
        case "service":
            return About(service=entity)
        case "token":
            token = belonging(db, record.stream)
            return About(token.user, token.server, service=token.other.removeprefix("service/"))
        case "session" | "oauth-code":
            return About(user=belonging(db, record.stream).user)
        case "share" | "share-code":
            share = belonging(db, record.stream)
            return About(share.user, share.server, others=(share.other,) if share.other else ())
        case _:
            return About()


# --- queries ---


def belonging(db: sqlite3.Connection, thing: str) -> Belonging:
    row = db.execute("SELECT user, server, other FROM belongings WHERE thing = ?", (thing,)).fetchone()
    return Belonging() if row is None else Belonging(*row)


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


def positions(
    db: sqlite3.Connection,
    things: Collection[str],
    after: int,
    upto: int,
    count: int,
    *,
    newest_first: bool = False,
) -> list[int]:
    """The next events about any of these things: behind `after` up to `upto`, which for the newest first is below."""
    found = [_noted(db, thing, after, upto, count, newest_first) for thing in things]
    streams = {stream for thing in things for stream in (thing, *servers_of(db, thing))}
    found += [
        positions_in(db, stream, after, upto, count, newest_first=newest_first) for stream in sorted(streams)
    ]
    merged = heapq.merge(*found, reverse=newest_first)
    return [position for position, _ in islice(groupby(merged), count)]


def _noted(
    db: sqlite3.Connection, thing: str, after: int, upto: int, count: int, newest_first: bool
) -> list[int]:
    where = "position < ? AND position >= ?" if newest_first else "position > ? AND position <= ?"
    order = "DESC" if newest_first else "ASC"
    rows = db.execute(
        f"SELECT position FROM histories WHERE thing = ? AND {where} ORDER BY position {order} LIMIT ?",  # noqa: S608
        (thing, after, upto, count),
    ).fetchall()
    return [position for (position,) in rows]


def servers_of(db: sqlite3.Connection, thing: str) -> list[str]:
    """All servers that a user has or had, none for what is no user."""
    kind, _, user = thing.partition("/")
    if kind != "user":
        return []
    rows = db.execute(
        "SELECT thing FROM belongings WHERE user = ? AND thing > 'server/' AND thing < 'server0'", (user,)
    ).fetchall()
    return [server for (server,) in rows]
