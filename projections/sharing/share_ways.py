"""By which shares people may use which servers: directly, and through groups that they are in. Tables of `shares`."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from typing import NamedTuple

import msgspec
from sqlite_utils import Database

from core.events.group import GroupCreated, GroupDeleted, UsersJoined, UsersLeft
from core.events.record import Record
from core.events.share import ShareGranted, ShareRevoked
from core.events.user import ServerRemoved, UserDeleted

TABLES = ("share_teams",)
EVENTS = (
    GroupCreated,
    UsersJoined,
    UsersLeft,
    GroupDeleted,
    UserDeleted,
    ServerRemoved,
    ShareGranted,
    ShareRevoked,
)


class Way(NamedTuple):
    """`user`, `server`, `owner`: ids. `grantee`: `user/{id}` or `group/{id}`, with whom the server is shared."""

    user: str
    server: str
    owner: str
    grantee: str


def create(db: Database) -> None:
    """`team`: `group/{id}`. The members of all groups once more: a projection reads its own tables only."""
    db.execute(
        "CREATE TABLE share_teams (team TEXT, member TEXT, PRIMARY KEY (team, member)) STRICT, WITHOUT ROWID"
    )
    db.execute("CREATE INDEX share_teams_member ON share_teams (member)")


def project(db: sqlite3.Connection, record: Record) -> None:
    match record.event:
        case GroupCreated(users=users) | UsersJoined(users=users):
            rows = [(record.stream, user) for user in users]
            db.executemany("INSERT OR IGNORE INTO share_teams VALUES (?, ?)", rows)
        case UsersLeft(users=users):
            rows = [(record.stream, user) for user in users]
            db.executemany("DELETE FROM share_teams WHERE team = ? AND member = ?", rows)
        case GroupDeleted():
            db.execute("DELETE FROM share_teams WHERE team = ?", (record.stream,))
        case UserDeleted():
            db.execute("DELETE FROM share_teams WHERE member = ?", (record.key,))


# --- queries ---

_DIRECT = (
    "SELECT substr(grantee, 6) AS user, server, owner, grantee FROM shares WHERE grantee LIKE 'user/%' AND"
)
_BY_GROUP = (
    "SELECT member AS user, server, owner, grantee FROM shares JOIN share_teams ON team = grantee WHERE"
)
_AMONG = "(SELECT value FROM json_each(?))"


def touched(db: sqlite3.Connection, record: Record) -> set[Way]:
    """Those that the event opens, once it is in the tables, or closes, as long as it is not."""
    entity = record.key
    match record.event:
        case ShareGranted() | ShareRevoked():
            return _ways(db, "id = ?", entity)
        case ServerRemoved(server=server):
            return _ways(db, "server = ?", server)
        case UserDeleted():
            return _ways(db, "owner = ?", entity)
        case GroupDeleted():
            return _ways(db, "grantee = ?", record.stream)
        case UsersJoined(users=users) | UsersLeft(users=users):
            return _found(db, f"{_BY_GROUP} team = ? AND member IN {_AMONG}", record.stream, _json(users))
    return set()


def besides(db: sqlite3.Connection, ways: Collection[Way]) -> dict[tuple[str, str], Way]:
    """Other ways to the servers of these, than by the shares with their users and groups: by user and server."""
    servers, grantees = {way.server for way in ways}, {way.grantee for way in ways}
    where = f"server IN {_AMONG} AND grantee NOT IN {_AMONG}"
    found = _ways(db, where, _json(servers), _json(grantees))
    return {(way.user, way.server): way for way in sorted(found)}


def _ways(db: sqlite3.Connection, where: str, *parameters: str) -> set[Way]:
    return _found(db, f"{_DIRECT} {where} UNION ALL {_BY_GROUP} {where}", *parameters, *parameters)


def _found(db: sqlite3.Connection, query: str, *parameters: str) -> set[Way]:
    """An owner has no need of a share."""
    return {Way(*row) for row in db.execute(query, parameters) if row[0] != row[2]}


def _json(values: Collection[str]) -> str:
    return msgspec.json.encode(sorted(values)).decode()
