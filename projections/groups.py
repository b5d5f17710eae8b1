"""The groups and who is in them, and every query on that."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlite_utils import Database

from core.errors import InvalidError, NotFoundError
from core.events.group import (
    GroupCreated,
    GroupDeleted,
    PropertiesReplaced,
    UsersJoined,
    UsersLeft,
)
from core.events.record import Record
from core.events.share import ShareGranted
from core.events.user import UserDeleted

NAME = "groups"
VERSION = 1
TABLES = ("groups", "memberships")
MAX_GROUP_NAME = 255
EVENTS = (GroupCreated, UsersJoined, UsersLeft, PropertiesReplaced, GroupDeleted, UserDeleted, ShareGranted)


class GroupRow(NamedTuple):
    """`properties`: a JSON object."""

    position: int
    id: str
    name: str
    properties: str

    def all_properties(self) -> dict[str, Any]:
        return msgspec.json.decode(self.properties, type=dict[str, Any])


_ALL = f"SELECT {', '.join(GroupRow._fields)} FROM groups "  # noqa: S608


def create(db: Database) -> None:
    """`position`: of the event that made the group; the API's order. A membership names group and user by id."""
    db.table("groups").create(
        {"position": int, "id": str, "name": str, "properties": str}, pk="position", strict=True
    )
    db.table("groups").create_index(["id"], unique=True)
    db.table("groups").create_index(["name"], unique=True)
    db.execute("CREATE TABLE memberships (member TEXT, team TEXT, UNIQUE (team, member)) STRICT")
    db.table("memberships").create_index(["member"])


def project(db: sqlite3.Connection, record: Record) -> None:
    entity = record.key
    match record.event:
        case GroupCreated(name=name, users=users, properties=properties):
            row = (record.position, entity, name, _json(properties))
            db.execute("INSERT INTO groups VALUES (?, ?, ?, ?)", row)
            _join(db, entity, users)
        case UsersJoined(users=users):
            _join(db, entity, users)
        case UsersLeft(users=users):
            rows = [(entity, user) for user in users]
            db.executemany("DELETE FROM memberships WHERE team = ? AND member = ?", rows)
        case PropertiesReplaced(properties=properties):
            db.execute("UPDATE groups SET properties = ? WHERE id = ?", (_json(properties), entity))
        case GroupDeleted():
            db.execute("DELETE FROM groups WHERE id = ?", (entity,))
            db.execute("DELETE FROM memberships WHERE team = ?", (entity,))
        case UserDeleted():
            db.execute("DELETE FROM memberships WHERE member = ?", (entity,))
        case ShareGranted(grantee=grantee) if grantee.startswith("group/"):
            _check_still_there(db, grantee.removeprefix("group/"))


def _join(db: sqlite3.Connection, group_id: str, users: Sequence[str]) -> None:
    rows = [(user, group_id) for user in users]
    db.executemany("INSERT INTO memberships VALUES (?, ?) ON CONFLICT DO NOTHING", rows)


def _check_still_there(db: sqlite3.Connection, group_id: str) -> None:
    """Nothing is shared with a group that was deleted meanwhile."""
    if db.execute("SELECT 1 FROM groups WHERE id = ?", (group_id,)).fetchone() is None:
        raise NotFoundError("There is no such group.")


def _json(properties: dict[str, Any]) -> str:
    return msgspec.json.encode(properties).decode()


# --- queries ---


def by_name(db: sqlite3.Connection, name: str) -> GroupRow | None:
    row = db.execute(_ALL + "WHERE name = ?", (name,)).fetchone()
    return None if row is None else GroupRow(*row)


def by_id(db: sqlite3.Connection, group_id: str) -> GroupRow | None:
    row = db.execute(_ALL + "WHERE id = ?", (group_id,)).fetchone()
    return None if row is None else GroupRow(*row)


def memberships(db: sqlite3.Connection, group_id: str) -> list[str]:
    """The ids of the users in a group, in the order in which they joined."""
    rows = db.execute("SELECT member FROM memberships WHERE team = ? ORDER BY rowid", (group_id,)).fetchall()
    return [member for (member,) in rows]


def listed(
    db: sqlite3.Connection,
    names: Collection[str] | None,
    offset: int = 0,
    limit: int = 200,
    name_filter: str = "",
) -> list[GroupRow]:
    """One page of all groups, or of those with these names; `name_filter`: a part of theirs."""
    where, parameters = _among(names, name_filter)
    rows = db.execute(
        f"{_ALL} WHERE {where} ORDER BY position LIMIT ? OFFSET ?", (*parameters, limit, offset)
    ).fetchall()
    return [GroupRow(*row) for row in rows]


def count(db: sqlite3.Connection, names: Collection[str] | None = None, name_filter: str = "") -> int:
    where, parameters = _among(names, name_filter)
    (number,) = db.execute(f"SELECT count(*) FROM groups WHERE {where}", parameters).fetchone()  # noqa: S608
    return int(number)


def _among(names: Collection[str] | None, name_filter: str) -> tuple[str, tuple[str, ...]]:
    if len(name_filter) > MAX_GROUP_NAME:
        raise InvalidError(f"name_filter is a part of a name: {MAX_GROUP_NAME} characters at most.")
    part = (f"%{name_filter}%",) if name_filter else ()
    like = "name LIKE ?" if name_filter else "1"
    if names is None:
        return like, part
    known = msgspec.json.encode(sorted(names)).decode()
    return f"name IN (SELECT value FROM json_each(?)) AND {like}", (known, *part)  # noqa: S608


def members(db: sqlite3.Connection, group_id: str) -> list[str]:
    """The names of the users in a group, in the order in which they joined."""
    rows = db.execute(
        "SELECT users.name FROM memberships JOIN users ON users.id = member WHERE team = ? "
        "ORDER BY memberships.rowid",
        (group_id,),
    ).fetchall()
    return [name for (name,) in rows]


def among_members(db: sqlite3.Connection, group_id: str, users: Collection[str]) -> set[str]:
    """Those of these users, by id, who are in a group."""
    rows = db.execute(
        "SELECT member FROM memberships WHERE team = ? AND member IN (SELECT value FROM json_each(?))",
        (group_id, msgspec.json.encode(list(users)).decode()),
    ).fetchall()
    return {member for (member,) in rows}


def of_user(db: sqlite3.Connection, user_id: str) -> list[GroupRow]:
    """The groups a user is in, the oldest membership first."""
    rows = db.execute(
        "SELECT position, id, name, properties FROM memberships JOIN groups ON groups.id = team "
        "WHERE member = ? ORDER BY memberships.rowid",
        (user_id,),
    ).fetchall()
    return [GroupRow(*row) for row in rows]


def names_of_user_called(db: sqlite3.Connection, user: str) -> list[str]:
    """The names of the groups that the user of this name is in, the oldest membership first."""
    rows = db.execute(
        "SELECT groups.name FROM users JOIN memberships ON member = users.id JOIN groups ON groups.id = team "
        "WHERE users.name = ? ORDER BY memberships.rowid",
        (user,),
    ).fetchall()
    return [name for (name,) in rows]


def names_of_users_called(db: sqlite3.Connection, users: Collection[str]) -> dict[str, list[str]]:
    """The same of each of these (a page of them at most)."""
    found: dict[str, list[str]] = {user: [] for user in users}
    rows = db.execute(
        "SELECT users.name, groups.name FROM users JOIN memberships ON member = users.id "
        "JOIN groups ON groups.id = team WHERE users.name IN (SELECT value FROM json_each(?)) "
        "ORDER BY memberships.rowid",
        (msgspec.json.encode(list(found)).decode(),),
    )
    for user, group in rows.fetchall():
        found[user].append(group)
    return found


def members_of_group_called(db: sqlite3.Connection, group: str) -> list[str]:
    row = by_name(db, group)
    return [] if row is None else members(db, row.id)
