"""Who has used what, and for how long: a row for every attempt to start a server.

A server is in use from when it is ready until it has ended, by whatever name: rows hold ids, and outlive what they are
about. Moments and lengths are whole microseconds (UTC, since 1970), so that sums are exact.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple

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

NAME = "usage"
VERSION = 1
TABLES = ("usage_attempts",)
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

NOT_YET = 2**62  # the end of what goes on: later than all moments, so that one index serves both
CHUNK = 200
LOOKED_AT, ENOUGH = 1000, 50  # attempts; starts that say what is usual
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

Outcome = Literal["", "failed", "cancelled", "stopped", "died", "lost", "left"]


class Attempt(NamedTuple):
    """`user`, `server`: ids; the names are those of the start. `began`: when its turn had come. `ready`: None if never.

    `outcome`: `""` while it goes on; `left`: given up for a later attempt.
    """

    spawn_id: str
    server: str
    user: str
    user_name: str
    server_name: str
    profile: str
    asked: int
    began: int | None
    ready: int | None
    ended: int
    outcome: Outcome

    def in_use(self, since: int, until: int) -> int:
        """Microseconds of use within these moments."""
        if self.ready is None:
            return 0
        return max(0, min(self.ended, until) - max(self.ready, since))


_COLUMNS = ", ".join(Attempt._fields)
_INSERT = f"INSERT OR IGNORE INTO usage_attempts VALUES ({', '.join('?' * len(Attempt._fields))})"  # noqa: S608


def profile_of(options: Mapping[str, Any]) -> str:
    """By its name, "" where none was chosen."""
    profile = options.get("profile")
    return profile if isinstance(profile, str) else ""


def microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // MICROSECOND


def moment(at: int) -> datetime:
    return EPOCH + at * MICROSECOND


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


def project(db: sqlite3.Connection, record: Record) -> None:
    at = microseconds(record.at)
    match record.event:
        case SpawnRequested() as asked:
            _end(db, asked.previous, at, "left")
            _begin(db, record.key, asked, at)
        case SpawnAdmitted(spawn_id=spawn_id):
            db.execute("UPDATE usage_attempts SET began = ? WHERE spawn_id = ?", (at, spawn_id))
        case SpawnSucceeded(spawn_id=spawn_id):
            db.execute(
                "UPDATE usage_attempts SET ready = ? WHERE spawn_id = ? AND ended = ?",
                (at, spawn_id, NOT_YET),
            )
        case SpawnFailed(spawn_id=spawn_id):
            _end(db, spawn_id, at, "failed")
        case SpawnCancelled(spawn_id=spawn_id):
            _end(db, spawn_id, at, "cancelled")
        case ServerStopped(spawn_id=spawn_id) | LeftoverEnded(spawn_id=spawn_id):
            _end(db, spawn_id, at, "stopped")
        case ServerDied(spawn_id=spawn_id):
            _end(db, spawn_id, at, "died")
        case ServerLost(spawn_id=spawn_id):
            _end(db, spawn_id, at, "lost")
        case ClockCorrected() as correction:
            _take_back(db, correction)


def _begin(db: sqlite3.Connection, server: str, asked: SpawnRequested, at: int) -> None:
    began = None if asked.queued else at
    db.execute(
        _INSERT,
        Attempt(
            asked.spawn_id,
            server,
            asked.user,
            asked.user_name,
            asked.server_name,
            profile_of(asked.user_options),
            at,
            began,
            None,
            NOT_YET,
            "",
        ),
    )


def _end(db: sqlite3.Connection, spawn_id: str, at: int, outcome: Outcome) -> None:
    """Once: what comes after the end of an attempt tells nothing new about it."""
    db.execute(
        "UPDATE usage_attempts SET ended = ?, outcome = ? WHERE spawn_id = ? AND ended = ?",
        (at, outcome, spawn_id, NOT_YET),
    )


def _take_back(db: sqlite3.Connection, correction: ClockCorrected) -> None:
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
            now = attempt._replace(**earlier)
            db.execute(
                "UPDATE usage_attempts SET asked = ?, began = ?, ready = ?, ended = ? WHERE spawn_id = ?",
                (now.asked, now.began, now.ready, now.ended, now.spawn_id),
            )


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


def last_starts(db: sqlite3.Connection, profile: str) -> list[int]:
    """How long the last starts of a profile took from their turn until they were ready, of the last ones there were."""
    rows = db.execute(
        "SELECT ready - began FROM (SELECT * FROM usage_attempts ORDER BY rowid DESC LIMIT ?)"
        " WHERE profile = ? AND ready IS NOT NULL AND began IS NOT NULL LIMIT ?",
        (LOOKED_AT, profile, ENOUGH),
    )
    return [int(took) for (took,) in rows]
