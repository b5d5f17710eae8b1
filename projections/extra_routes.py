"""The extra routes that are kept: those of the configuration, and those made over the API."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from sqlite_utils import Database

from core.events.record import Record
from core.events.route import RouteAdded, RouteRemoved

NAME = "extra_routes"
VERSION = 1
TABLES = ("extra_routes",)
EVENTS = (RouteAdded, RouteRemoved)


class ExtraRoute(NamedTuple):
    spec: str
    target: str
    from_config: bool


def create(db: Database) -> None:
    db.table("extra_routes").create({"spec": str, "target": str, "from_config": int}, pk="spec", strict=True)


def project(db: sqlite3.Connection, record: Record) -> None:
    match record.event:
        case RouteAdded() as added:
            row = (added.spec, added.target, added.from_config)
            db.execute("INSERT OR REPLACE INTO extra_routes VALUES (?, ?, ?)", row)
        case RouteRemoved():
            spec = record.key
            db.execute("DELETE FROM extra_routes WHERE spec = ?", (spec,))


# --- queries ---


def by_spec(db: sqlite3.Connection, spec: str) -> ExtraRoute | None:
    row = db.execute("SELECT * FROM extra_routes WHERE spec = ?", (spec,)).fetchone()
    return None if row is None else ExtraRoute(*row)


def every(db: sqlite3.Connection) -> list[ExtraRoute]:
    return [ExtraRoute(*row) for row in db.execute("SELECT * FROM extra_routes ORDER BY spec").fetchall()]
