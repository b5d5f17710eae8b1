"""A row for every attempt to start a server. Rows hold ids, and outlive what they are about."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlite_utils import Database

from core.events.hub import ClockCorrected
from core.events.record import Record
from core.events.server import (
    LeftoverEnded,
    ServerDied,
    ServerLost,
    ServerStopped,
    SpawnAdmitted,
    SpawnCancelled,
    SpawnFailed,
    SpawnRequested,
    SpawnSucceeded,
)
from projections.usage.attempt import MICROSECOND, NOT_YET, Attempt, Outcome, microseconds, profile_of

EVENTS = (
    SpawnRequested,
    SpawnAdmitted,
    SpawnSucceeded,
    SpawnFailed,
    SpawnCancelled,
    ServerStopped,
    ServerDied,
    ServerLost,
    LeftoverEnded,
    ClockCorrected,
)

CHUNK = 200
LOOKED_AT, ENOUGH = 1000, 50  # attempts; starts that say what is usual

_COLUMNS = ", ".join(Attempt._fields)
_INSERT = f"INSERT OR IGNORE INTO usage_attempts VALUES ({', '.join('?' * len(Attempt._fields))})"  # noqa: S608
_UPDATE = (
    "UPDATE usage_attempts SET asked = ?, began = ?, ready = ?, ended = ?, outcome = ? WHERE spawn_id = ?"
)


class Change(NamedTuple):
    """`before`: None for a new attempt."""

    before: Attempt | None
    now: Attempt


def create(db: Database) -> None:
    whole, text = int, str
    db.table("usage_attempts").create(
        {
            **dict.fromkeys(Attempt._fields, text),
            **dict.fromkeys(("asked", "began", "ready", "ended"), whole),
        },
        pk="spawn_id",
        strict=True,
    )
    db.table("usage_attempts").create_index(["ended"])
    db.execute(
        "CREATE INDEX usage_attempts_took ON usage_attempts (asked, spawn_id, user, ready, began)"
        " WHERE ready IS NOT NULL AND began IS NOT NULL"
    )


def project(db: sqlite3.Connection, record: Record) -> Iterator[Change]:
    """Change the rows that an event is about; which, and how."""
    at = microseconds(record.at)
    match record.event:
        case SpawnRequested() as asked:
            yield from _end(db, asked.previous, at, "left")
            yield from _begin(db, record.key, asked, at)
        case SpawnAdmitted(spawn_id=spawn_id):
            yield from _change(db, spawn_id, began=at)
        case SpawnSucceeded(spawn_id=spawn_id):
            yield from _change(db, spawn_id, ready=at)
        case SpawnFailed(spawn_id=spawn_id):
            yield from _end(db, spawn_id, at, "failed")
        case SpawnCancelled(spawn_id=spawn_id):
            yield from _end(db, spawn_id, at, "cancelled")
        case ServerStopped(spawn_id=spawn_id) | LeftoverEnded(spawn_id=spawn_id):
            yield from _end(db, spawn_id, at, "stopped")
        case ServerDied(spawn_id=spawn_id):
            yield from _end(db, spawn_id, at, "died")
        case ServerLost(spawn_id=spawn_id):
            yield from _end(db, spawn_id, at, "lost")
        case ClockCorrected() as correction:
            yield from _take_back(db, correction)


def _begin(db: sqlite3.Connection, server: str, asked: SpawnRequested, at: int) -> Iterator[Change]:
    """One that was moved in began in another hub: how long that took nobody here knows."""
    attempt = Attempt(
        asked.spawn_id,
        server,
        asked.user,
        asked.user_name,
        asked.server_name,
        profile_of(asked.user_options),
        at,
        None if asked.queued or asked.since else at,
        None,
        NOT_YET,
        "",
    )
    if db.execute(_INSERT, attempt).rowcount:
        yield Change(None, attempt)


def _end(db: sqlite3.Connection, spawn_id: str, at: int, outcome: Outcome) -> Iterator[Change]:
    return _change(db, spawn_id, ended=at, outcome=outcome)


def _change(db: sqlite3.Connection, spawn_id: str, **changes: Any) -> Iterator[Change]:
    """Of what goes on alone: what comes after the end of an attempt tells nothing new about it."""
    row = db.execute(
        f"SELECT {_COLUMNS} FROM usage_attempts WHERE spawn_id = ? AND ended = ?",  # noqa: S608
        (spawn_id, NOT_YET),
    ).fetchone()
    if row is not None:
        before = Attempt(*row)
        yield _replace(db, before, before._replace(**changes))


def _replace(db: sqlite3.Connection, before: Attempt, now: Attempt) -> Change:
    db.execute(_UPDATE, (now.asked, now.began, now.ready, now.ended, now.outcome, now.spawn_id))
    return Change(before, now)


def _take_back(db: sqlite3.Connection, correction: ClockCorrected) -> Iterator[Change]:
    """What was recorded ahead of time loses the offset of the clock."""
    after, offset = microseconds(correction.after), correction.offset // MICROSECOND
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM usage_attempts WHERE ended > ?",  # noqa: S608
        (after,),
    ).fetchall()
    for attempt in map(Attempt._make, rows):
        earlier = {
            name: at - offset
            for name in ("asked", "began", "ready", "ended")
            if (at := getattr(attempt, name)) is not None and after < at < NOT_YET
        }
        if earlier:
            yield _replace(db, attempt, attempt._replace(**earlier))


# --- queries ---


def in_use(db: sqlite3.Connection, since: int, until: int) -> Iterator[list[Attempt]]:
    """The attempts that were ready, or asked for, within these moments: chunk by chunk, in the order of their ends."""
    ended, rowid = since, NOT_YET
    while rows := db.execute(
        f"SELECT rowid, {_COLUMNS} FROM usage_attempts"  # noqa: S608
        " WHERE (ended, rowid) > (?, ?) AND asked < ? ORDER BY ended, rowid LIMIT ?",
        (ended, rowid, until, CHUNK),
    ).fetchall():
        found = [Attempt(*row[1:]) for row in rows]
        yield found
        ended, rowid = found[-1].ended, rows[-1][0]


def took(db: sqlite3.Connection, since: int, until: int) -> Iterator[list[tuple[str, int]]]:
    """Of the starts that were asked for within these moments, chunk by chunk: whose, and microseconds until ready."""
    last = since, ""
    while True:
        rows = db.execute(
            "SELECT asked, spawn_id, user, ready - began FROM usage_attempts"
            " WHERE (asked, spawn_id) > (?, ?) AND asked < ? AND ready IS NOT NULL AND began IS NOT NULL"
            " ORDER BY asked, spawn_id LIMIT ?",
            (*last, until, CHUNK),
        ).fetchall()
        yield [(user, length) for _, _, user, length in rows]
        if len(rows) < CHUNK:
            return
        last = rows[-1][:2]


def last_starts(db: sqlite3.Connection, profile: str) -> list[int]:
    """How long the last starts of a profile took from their turn until they were ready, of the last ones there were."""
    rows = db.execute(
        "SELECT ready - began FROM (SELECT * FROM usage_attempts ORDER BY rowid DESC LIMIT ?)"
        " WHERE profile = ? AND ready IS NOT NULL AND began IS NOT NULL LIMIT ?",
        (LOOKED_AT, profile, ENOUGH),
    )
    return [int(took) for (took,) in rows]
