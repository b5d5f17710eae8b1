"""The users, and every query on them."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec
from sqlite_utils import Database

from core.errors import InvalidError, NotFoundError
from core.events.activity import ActivityRecorded
from core.events.hub import ClockCorrected
from core.events.record import Record, utc_text
from core.events.server import ServerDied, ServerLost, ServerStopped, SpawnFailed, SpawnRequested
from core.events.share import ShareGranted
from core.events.user import (
    AdminGranted,
    AdminRevoked,
    ServerRenamed,
    UserCreated,
    UserDeleted,
    UserDeletionRequested,
    UserInfoChanged,
    UserRenamed,
)
from core.naming.names import MAX_USER_NAME
from projections.moments import take_back

NAME = "users"
VERSION = 3
TABLES = ("users", "users_servers")
EVENTS = (
    UserCreated,
    UserRenamed,
    ServerRenamed,
    UserDeleted,
    UserDeletionRequested,
    AdminGranted,
    AdminRevoked,
    UserInfoChanged,
    SpawnRequested,
    SpawnFailed,
    ServerStopped,
    ServerDied,
    ServerLost,
    ShareGranted,
    ActivityRecorded,
    ClockCorrected,
)


class UserRow(NamedTuple):
    """`created` and `last_activity`: UTC, as `utc_text` writes them. `user_info`: a JSON object, if there is one.

    `active`: how many of the servers are not stopped.
    """

    position: int
    id: str
    name: str
    admin: bool
    created: str
    last_activity: str | None
    default_server: str
    leaving: bool
    user_info: str | None
    active: int = 0

    def info(self) -> dict[str, Any] | None:
        return None if self.user_info is None else msgspec.json.decode(self.user_info, type=dict[str, Any])


_COLUMNS = ", ".join(UserRow._fields)
_ALL = f"SELECT {_COLUMNS} FROM users "  # noqa: S608


def create(db: Database) -> None:
    """`position`: of the event that made the user; the API's order. `users_servers`: those that are active."""
    db.table("users").create(
        {
            "position": int,
            "id": str,
            "name": str,
            "admin": int,
            "created": str,
            "last_activity": str,
            "default_server": str,
            "leaving": int,
            "user_info": str,
            "active": int,
        },
        pk="position",
        strict=True,
    )
    db.table("users").create_index(["id"], unique=True)
    db.table("users").create_index(["name"], unique=True)
    db.table("users").create_index(["last_activity"])
    db.execute("CREATE INDEX users_active ON users (position) WHERE active > 0")
    db.execute("CREATE INDEX users_inactive ON users (position) WHERE active = 0")
    db.table("users_servers").create({"server": str, "user": str}, pk="server", strict=True)
    db.execute("CREATE INDEX users_leaving ON users (position) WHERE leaving = 1")
    db.execute("CREATE INDEX users_admin ON users (name, id) WHERE admin = 1")


def project(db: sqlite3.Connection, record: Record) -> None:
    user_id = record.key
    match record.event:
        case UserCreated(name=name, default_server=server, admin=admin, since=since):
            created = utc_text(since or record.at)
            row = (record.position, user_id, name, admin, created, None, server, False, None, 0)
            db.execute("INSERT INTO users VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        case UserRenamed(name=name):
            db.execute("UPDATE users SET name = ? WHERE id = ?", (name, user_id))
        case AdminGranted():
            db.execute("UPDATE users SET admin = 1 WHERE id = ?", (user_id,))
        case AdminRevoked():
            db.execute("UPDATE users SET admin = 0 WHERE id = ?", (user_id,))
        case UserInfoChanged(user_info=info):
            text = None if info is None else msgspec.json.encode(info).decode()
            db.execute("UPDATE users SET user_info = ? WHERE id = ?", (text, user_id))
        case ServerRenamed(default_server=default) if default:
            db.execute("UPDATE users SET default_server = ? WHERE id = ?", (default, user_id))
        case UserDeletionRequested():
            db.execute("UPDATE users SET leaving = 1 WHERE id = ?", (user_id,))
        case UserDeleted():
            db.execute("DELETE FROM users WHERE id = ?", (user_id,))
        case SpawnRequested(user=owner, since=since):
            _started(db, owner, record.stream, utc_text(since or record.at))
        case SpawnFailed() | ServerStopped() | ServerDied() | ServerLost():
            _ended(db, record.stream)
        case ShareGranted(grantee=grantee) if grantee.startswith("user/"):
            _check_still_there(db, grantee.removeprefix("user/"))
        case ActivityRecorded(users=users):
            rows = [(utc_text(at), user, utc_text(at)) for user, at in users.items()]
            db.executemany(
                "UPDATE users SET last_activity = ? WHERE id = ? AND coalesce(last_activity, '') < ?", rows
            )
        case ClockCorrected(after=after) as correction:
            take_back(db, correction, "users", "created")
            db.execute("UPDATE users SET last_activity = ?1 WHERE last_activity > ?1", (utc_text(after),))


def _started(db: sqlite3.Connection, user_id: str, server: str, at: str) -> None:
    """Nothing starts for a user who is on the way out: refused here, where no other event can come between."""
    new = db.execute(
        "INSERT INTO users_servers VALUES (?, ?) ON CONFLICT DO NOTHING", (server, user_id)
    ).rowcount
    change = "UPDATE users SET last_activity = ?, active = active + ? WHERE id = ? AND leaving = 0"
    if db.execute(change, (at, new, user_id)).rowcount == 0:
        raise NotFoundError("There is no such user, or not for much longer.")


def _ended(db: sqlite3.Connection, server: str) -> None:
    row = db.execute("DELETE FROM users_servers WHERE server = ? RETURNING user", (server,)).fetchone()
    if row is not None:
        db.execute("UPDATE users SET active = active - 1 WHERE id = ?", row)


def _check_still_there(db: sqlite3.Connection, user_id: str) -> None:
    """Nothing is shared with a user who was deleted meanwhile."""
    if db.execute("SELECT 1 FROM users WHERE id = ?", (user_id,)).fetchone() is None:
        raise NotFoundError("There is no such user.")


# --- queries ---


def _row(values: tuple[object, ...] | None) -> UserRow | None:
    return None if values is None else UserRow(*values)  # type: ignore[arg-type]


def by_name(db: sqlite3.Connection, name: str) -> UserRow | None:
    return _row(db.execute(_ALL + "WHERE name = ?", (name,)).fetchone())


def by_id(db: sqlite3.Connection, user_id: str) -> UserRow | None:
    return _row(db.execute(_ALL + "WHERE id = ?", (user_id,)).fetchone())


def leaving(db: sqlite3.Connection, after: int = 0) -> list[UserRow]:
    """The next users, by position, whose deletion was asked for and is not over."""
    rows = db.execute(
        _ALL + "WHERE leaving = 1 AND position > ? ORDER BY position LIMIT 200", (after,)
    ).fetchall()
    return [UserRow(*row) for row in rows]


def administrators(db: sqlite3.Connection) -> dict[str, str]:
    """The names and ids of all users with the admin flag."""
    return dict(db.execute("SELECT name, id FROM users WHERE admin = 1").fetchall())


def after(db: sqlite3.Connection, position: int) -> list[UserRow]:
    """The next users, by position."""
    rows = db.execute(_ALL + "WHERE position > ? ORDER BY position LIMIT 200", (position,)).fetchall()
    return [UserRow(*row) for row in rows]


class Visible(NamedTuple):
    """Some users only: those with these names, and the members of the groups with these names."""

    users: Collection[str]
    groups: Collection[str]


class Listing(NamedTuple):
    """Which users, in which order. `state`: of any server of theirs, see `_STATES`.

    `sort`: id, name or last_activity, with a `-` for the other way round. `among`: None for all users. `seen`: when
    users have been seen since it was last recorded, by their ids. `group`: the id of theirs; `""` for all.
    """

    state: str = ""
    name_filter: str = ""
    sort: str = "id"
    offset: int = 0
    limit: int = 200
    among: Visible | None = None
    seen: Mapping[str, datetime] = MappingProxyType({})
    group: str = ""


_ANY_SERVER = "id IN (SELECT user FROM servers WHERE state != 'stopped' AND {})"
_STATES = {
    "": "",
    "active": "active > 0",
    "inactive": "active = 0",
    "running": _ANY_SERVER.format("state = 'ready'"),
    "pending": _ANY_SERVER.format("state != 'ready'"),
    "failed": "id IN (SELECT user FROM servers WHERE failure IS NOT NULL)",
}
_SORTS = {"id": "position", "name": "name", "last_activity": "last_activity"}
_AMONG = (
    "id IN (SELECT id FROM users WHERE name IN (SELECT value FROM json_each(?)) "
    "UNION SELECT member FROM memberships JOIN groups ON groups.id = team "
    "WHERE groups.name IN (SELECT value FROM json_each(?)))"
)


def listed(db: sqlite3.Connection, listing: Listing) -> list[UserRow]:
    """One page of users. Raises InvalidError for an unknown state or sort."""
    column = _SORTS.get(listing.sort.removeprefix("-"))
    if column is None:
        raise InvalidError(f"Users can be sorted by {', '.join(_SORTS)} (or -...), not by {listing.sort!r}.")
    where, parameters = _where(listing)
    direction = "DESC" if listing.sort.startswith("-") else "ASC"
    source = f"SELECT {_COLUMNS}, {column} AS shown FROM users {where}"  # noqa: S608
    if column == "last_activity" and listing.seen:
        source, parameters = _with_seen(where, parameters, listing.seen)
    rows = db.execute(
        f"{source} ORDER BY shown {direction} LIMIT ? OFFSET ?", (*parameters, listing.limit, listing.offset)
    ).fetchall()
    return [UserRow._make(row[:-1]) for row in rows]


def _with_seen(
    where: str, parameters: tuple[str, ...], seen: Mapping[str, datetime]
) -> tuple[str, tuple[str, ...]]:
    """Those who have been seen lately, by when that was, and all others as it is recorded.

    SQLite merges the two: of the others it reads no more than the page, by their index.
    """
    last = msgspec.json.encode({user: utc_text(at) for user, at in seen.items()}).decode()
    condition = f"{where} AND" if where else "WHERE"
    source = (
        f"WITH seen(who, at) AS MATERIALIZED (SELECT key, value FROM json_each(?)) "  # noqa: S608
        f"SELECT {_COLUMNS}, last_activity AS shown FROM users {condition} id NOT IN (SELECT who FROM seen) "
        f"UNION ALL SELECT {_COLUMNS}, max(coalesce(last_activity, ''), at) FROM seen CROSS JOIN users "
        f"{condition} id = who"
    )
    return source, (last, *parameters, *parameters)


def count(db: sqlite3.Connection, listing: Listing) -> int:
    """Those who are inactive are nearly all, and each would be stepped over: all and the active ones are counted."""
    if listing.state == "inactive":
        return count(db, listing._replace(state="")) - count(db, listing._replace(state="active"))
    where, parameters = _where(listing)
    (number,) = db.execute(f"SELECT count(*) FROM users {where}", parameters).fetchone()  # noqa: S608
    return int(number)


def _where(listing: Listing) -> tuple[str, tuple[str, ...]]:
    state = _STATES.get(listing.state)
    if state is None:
        known = ", ".join(filter(None, _STATES))
        raise InvalidError(f"The state of users is one of ready, {known}, not {listing.state!r}.")
    terms: list[str] = [state] if state else []
    parameters: list[str] = []
    if len(listing.name_filter) > MAX_USER_NAME:
        raise InvalidError(f"name_filter is a part of a name: {MAX_USER_NAME} characters at most.")
    if listing.name_filter:
        terms.append("name LIKE ?")
        parameters.append(f"%{listing.name_filter}%")
    if listing.group:
        terms.append("id IN (SELECT member FROM memberships WHERE team = ?)")
        parameters.append(listing.group)
    if listing.among is not None:
        terms.append(_AMONG)
        parameters += [_json(listing.among.users), _json(listing.among.groups)]
    return f"WHERE {' AND '.join(terms)}" if terms else "", tuple(parameters)


def _json(names: Collection[str]) -> str:
    return msgspec.json.encode(sorted(names)).decode()


def existing(db: sqlite3.Connection, names: Collection[str]) -> dict[str, str]:
    """The ids of the users with these names; who does not exist is missing in it."""
    rows = db.execute(
        "SELECT name, id FROM users WHERE name IN (SELECT value FROM json_each(?))", (_json(names),)
    ).fetchall()
    return dict(rows)
