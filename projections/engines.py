"""The engines in which servers run: which of them are silent, what strays there, and which attempt is where."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from typing import NamedTuple

from sqlite_utils import Database

from core.events.engine import EngineAnswered, EngineSilent, StrayEnded, StrayFound
from core.events.hub import ClockCorrected
from core.events.record import Record, utc_text
from core.events.server import SpawnRequested
from core.events.user import ServerRemoved, UserDeleted
from projections.moments import take_back

NAME = "engines"
VERSION = 1
TABLES = ("silent_engines", "strays", "attempts")
EVENTS = (
    EngineSilent,
    EngineAnswered,
    StrayFound,
    StrayEnded,
    SpawnRequested,
    ServerRemoved,
    UserDeleted,
    ClockCorrected,
)


class Stray(NamedTuple):
    """`user_name`, `server_name`: whose it was when it was started. `found`: when it was first seen."""

    spawn_id: str
    engine: str
    user_name: str
    server_name: str
    found: str


def create(db: Database) -> None:
    db.table("silent_engines").create({"engine": str, "since": str}, pk="engine", strict=True)
    db.table("strays").create(
        {"spawn_id": str, "engine": str, "user_name": str, "server_name": str, "found": str},
        pk="spawn_id",
        strict=True,
    )
    # Of each server: the last attempt, the one before, and what is left of others.
    db.table("attempts").create(
        {"spawn_id": str, "server": str, "user": str, "engine": str}, pk="spawn_id", strict=True
    )
    db.table("attempts").create_index(["server"])
    db.table("attempts").create_index(["user"])


def project(db: sqlite3.Connection, record: Record) -> None:
    engine = record.key
    match record.event:
        case EngineSilent(since=since):
            db.execute("INSERT OR REPLACE INTO silent_engines VALUES (?, ?)", (engine, utc_text(since)))
        case EngineAnswered():
            db.execute("DELETE FROM silent_engines WHERE engine = ?", (engine,))
        case StrayFound() as stray:
            row = Stray(stray.spawn_id, engine, stray.user_name, stray.server_name, utc_text(record.at))
            db.execute("INSERT OR REPLACE INTO strays VALUES (?, ?, ?, ?, ?)", row)
        case StrayEnded(spawn_id=spawn_id):
            db.execute("DELETE FROM strays WHERE spawn_id = ?", (spawn_id,))
        case SpawnRequested() as spawn:
            _keep_those_that_matter(db, record.key, spawn)
        case ServerRemoved(server=server):
            db.execute("DELETE FROM attempts WHERE server = ?", (server,))
        case UserDeleted():
            db.execute("DELETE FROM attempts WHERE user = ?", (record.key,))
        case ClockCorrected() as correction:
            take_back(db, correction, "strays", "found")
            take_back(db, correction, "silent_engines", "since")


def _keep_those_that_matter(db: sqlite3.Connection, server: str, spawn: SpawnRequested) -> None:
    kept = {spawn.previous, *spawn.leftovers}
    earlier = db.execute("SELECT spawn_id FROM attempts WHERE server = ?", (server,)).fetchall()
    db.executemany("DELETE FROM attempts WHERE spawn_id = ?", [row for row in earlier if row[0] not in kept])
    row = (spawn.spawn_id, server, spawn.user, spawn.engine)
    db.execute("INSERT OR REPLACE INTO attempts VALUES (?, ?, ?, ?)", row)


# --- queries ---


def engine_of(db: sqlite3.Connection, spawn_id: str) -> str:
    """Where this attempt runs; `""` where that is not known: it was started before engines had names."""
    row = db.execute("SELECT engine FROM attempts WHERE spawn_id = ?", (spawn_id,)).fetchone()
    return "" if row is None else str(row[0])


def silent_since(db: sqlite3.Connection, engine: str) -> datetime | None:
    row = db.execute("SELECT since FROM silent_engines WHERE engine = ?", (engine,)).fetchone()
    return None if row is None else datetime.fromisoformat(row[0])


def strays_in(db: sqlite3.Connection, engine: str) -> list[Stray]:
    rows = db.execute("SELECT * FROM strays WHERE engine = ? ORDER BY found, spawn_id", (engine,))
    return [Stray(*row) for row in rows.fetchall()]


def with_servers(db: sqlite3.Connection) -> dict[str, int]:
    """In which engines servers run or have left something behind, and how many attempts the log knows there."""
    sql = (
        "SELECT engine, count(*) FROM (SELECT id FROM servers WHERE state != 'stopped' "
        "UNION SELECT id FROM servers WHERE leftovers != '[]') AS unfinished "
        "CROSS JOIN attempts ON attempts.server = unfinished.id GROUP BY engine"  # those few first
    )
    return {str(engine): int(number) for engine, number in db.execute(sql).fetchall()}
