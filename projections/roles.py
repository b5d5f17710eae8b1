"""The roles and who was granted them, and every query on that."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from typing import NamedTuple

import msgspec
from sqlite_utils import Database

from core.events.group import GroupDeleted
from core.events.record import Record
from core.events.role import RoleDefined, RoleGranted, RoleRemoved, RoleWithdrawn
from core.events.user import UserDeleted

NAME = "roles"
VERSION = 1
TABLES = ("roles", "role_grants")
EVENTS = (RoleDefined, RoleGranted, RoleWithdrawn, RoleRemoved, UserDeleted, GroupDeleted)


class RoleRow(NamedTuple):
    """`scopes`: raw, a JSON list. `managed`: by the authenticator."""

    name: str
    description: str
    scopes: str
    managed: bool

    def raw_scopes(self) -> list[str]:
        return msgspec.json.decode(self.scopes, type=list[str])


_ALL = f"SELECT {', '.join(RoleRow._fields)} FROM roles "  # noqa: S608


def create(db: Database) -> None:
    """`holder`: `user/{id}`, `group/{id}` or `service/{name}`."""
    db.table("roles").create(
        {"name": str, "description": str, "scopes": str, "managed": int}, pk="name", strict=True
    )
    db.table("role_grants").create({"holder": str, "role": str}, pk=("holder", "role"), strict=True)
    db.table("role_grants").create_index(["role"])


def project(db: sqlite3.Connection, record: Record) -> None:
    name = record.key
    match record.event:
        case RoleDefined(description=description, scopes=scopes, managed=managed):
            row = (name, description, msgspec.json.encode(scopes).decode(), managed)
            db.execute("INSERT OR REPLACE INTO roles VALUES (?, ?, ?, ?)", row)
        case RoleGranted(holders=holders):
            grants = [(holder, name) for holder in holders]
            db.executemany("INSERT INTO role_grants VALUES (?, ?) ON CONFLICT DO NOTHING", grants)
        case RoleWithdrawn(holders=holders):
            grants = [(holder, name) for holder in holders]
            db.executemany("DELETE FROM role_grants WHERE holder = ? AND role = ?", grants)
        case RoleRemoved():
            db.execute("DELETE FROM roles WHERE name = ?", (name,))
            db.execute("DELETE FROM role_grants WHERE role = ?", (name,))
        case UserDeleted() | GroupDeleted():
            db.execute("DELETE FROM role_grants WHERE holder = ?", (record.stream,))


# --- queries ---


def by_name(db: sqlite3.Connection, name: str) -> RoleRow | None:
    row = db.execute(_ALL + "WHERE name = ?", (name,)).fetchone()
    return None if row is None else RoleRow(*row)


def defined(db: sqlite3.Connection) -> list[RoleRow]:
    """All roles there are: those of the configuration, and those the authenticator manages."""
    return [RoleRow(*row) for row in db.execute(_ALL + "ORDER BY name").fetchall()]


def holders(db: sqlite3.Connection, role: str) -> list[str]:
    """`user/{id}`, `group/{id}` or `service/{name}` of all who hold it."""
    rows = db.execute("SELECT holder FROM role_grants WHERE role = ? ORDER BY holder", (role,)).fetchall()
    return [holder for (holder,) in rows]


def granted_to_each(db: sqlite3.Connection, holders: Collection[str]) -> dict[str, list[str]]:
    """The same as `granted_to` of each of these (a page of them at most)."""
    found: dict[str, list[str]] = {holder: [] for holder in holders}
    rows = db.execute(
        "SELECT holder, role FROM role_grants WHERE holder IN (SELECT value FROM json_each(?)) "
        "ORDER BY holder, role",
        (msgspec.json.encode(list(found)).decode(),),
    )
    for holder, role in rows.fetchall():
        found[holder].append(role)
    return found


def granted_to(db: sqlite3.Connection, holder: str) -> list[str]:
    """The names of the roles of a `user/{id}`, `group/{id}` or `service/{name}`, in the order of the alphabet."""
    rows = db.execute("SELECT role FROM role_grants WHERE holder = ? ORDER BY role", (holder,)).fetchall()
    return [role for (role,) in rows]
