"""The users, and every query on them."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from sqlite_utils import Database

from core.errors import InvalidError, NotFoundError
from core.events.activity import ActivityRecorded
from core.events.record import Record, utc_text
from core.events.server import SpawnRequested
from core.events.share import ShareGranted
from core.events.user import (
    AdminGranted,
    AdminRevoked,
    ServerRenamed,
    UserCreated,
    UserDeleted,
    UserDeletionRequested,
    UserRenamed,
)

NAME = "users"
VERSION = 1
TABLES = ("users",)
EVENTS = (
    UserCreated,
    UserRenamed,
    ServerRenamed,
    UserDeleted,
    UserDeletionRequested,
    AdminGranted,
    AdminRevoked,
    SpawnRequested,
    ShareGranted,
    ActivityRecorded,
)


class UserRow(NamedTuple):
    """`created` and `last_activity` as the API shows them."""

    position: int
    id: str
    name: str
    admin: bool
    created: str
    last_activity: str | None
    default_server: str
    leaving: bool


_COLUMNS = ", ".join(UserRow._fields)
_ALL = f"SELECT {_COLUMNS} FROM users "  # noqa: S608


def create(db: Database) -> None:
    """`position`: of the event that made the user; the API's order."""
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
        },
        pk="position",
        strict=True,
    )
    db.table("users").create_index(["id"], unique=True)
    db.table("users").create_index(["name"], unique=True)
    db.table("users").create_index(["last_activity"])


def project(db: sqlite3.Connection, record: Record) -> None:
    user_id = record.stream.partition("/")[2]
    match record.event:
        case UserCreated(name=name, default_server=server, admin=admin):
            row = (record.position, user_id, name, admin, utc_text(record.at), None, server, False)
            db.execute("INSERT INTO users VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        case UserRenamed(name=name):
            db.execute("UPDATE users SET name = ? WHERE id = ?", (name, user_id))
        case AdminGranted():
            db.execute("UPDATE users SET admin = 1 WHERE id = ?", (user_id,))
        case AdminRevoked():
            db.execute("UPDATE users SET admin = 0 WHERE id = ?", (user_id,))
        case ServerRenamed(default_server=default) if default:
            db.execute("UPDATE users SET default_server = ? WHERE id = ?", (default, user_id))
        case UserDeletionRequested():
            db.execute("UPDATE users SET leaving = 1 WHERE id = ?", (user_id,))
        case UserDeleted():
            db.execute("DELETE FROM users WHERE id = ?", (user_id,))
        case SpawnRequested(user=owner):
            _started(db, owner, utc_text(record.at))
        case ShareGranted(grantee=grantee) if grantee.startswith("user/"):
            _check_still_there(db, grantee.removeprefix("user/"))
        case ActivityRecorded(users=users):
            rows = [(utc_text(at), user, utc_text(at)) for user, at in users.items()]
            db.executemany(
                "UPDATE users SET last_activity = ? WHERE id = ? AND coalesce(last_activity, '') < ?", rows
            )


def _started(db: sqlite3.Connection, user_id: str, at: str) -> None:
    """Nothing starts for a user who is on the way out: refused here, where no other event can come between."""
    change = "UPDATE users SET last_activity = ? WHERE id = ? AND leaving = 0"
    if db.execute(change, (at, user_id)).rowcount == 0:
        raise NotFoundError("There is no such user, or not for much longer.")


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


def leaving(db: sqlite3.Connection) -> list[UserRow]:
    """Users whose deletion was asked for and is not over."""
    return [UserRow(*row) for row in db.execute(_ALL + "WHERE leaving = 1 LIMIT 200").fetchall()]


class Listing(NamedTuple):
    """Which users, in which order. `sort`: id, name or last_activity, with a `-` for the other way round."""

    state: str = ""
    name_filter: str = ""
    sort: str = "id"
    offset: int = 0
    limit: int = 200


_STATES = {
    "": "1",
    "active": "id IN (SELECT user FROM servers WHERE state != 'stopped')",
    "ready": "id IN (SELECT user FROM servers WHERE state = 'ready')",
    "inactive": "id NOT IN (SELECT user FROM servers WHERE state != 'stopped')",
}
_SORTS = {"id": "position", "name": "name", "last_activity": "last_activity"}


def listed(db: sqlite3.Connection, listing: Listing) -> list[UserRow]:
    """One page of users. Raises InvalidError for an unknown state or sort."""
    column = _SORTS.get(listing.sort.removeprefix("-"))
    if column is None:
        raise InvalidError(f"Users can be sorted by {', '.join(_SORTS)} (or -...), not by {listing.sort!r}.")
    where, parameters = _where(listing)
    direction = "DESC" if listing.sort.startswith("-") else "ASC"
    rows = db.execute(
        f"{_ALL} WHERE {where} ORDER BY {column} {direction} LIMIT ? OFFSET ?",
        (*parameters, listing.limit, listing.offset),
    ).fetchall()
    return [UserRow(*row) for row in rows]


def count(db: sqlite3.Connection, listing: Listing) -> int:
    where, parameters = _where(listing)
    (number,) = db.execute(f"SELECT count(*) FROM users WHERE {where}", parameters).fetchone()  # noqa: S608
    return int(number)


def _where(listing: Listing) -> tuple[str, tuple[str, ...]]:
    state = _STATES.get(listing.state)
    if state is None:
        raise InvalidError(f"The state of users is one of {', '.join(filter(None, _STATES))}.")
    if not listing.name_filter:
        return state, ()
    return f"{state} AND name LIKE ?", (f"%{listing.name_filter}%",)
