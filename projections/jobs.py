"""Jobs: those to be done, in the order in which they are due, and the last of those that have ended.

That another one of the same key is open is refused here, in the append.
"""

from __future__ import annotations

import sqlite3
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlite_utils import Database

from core.errors import AlreadyExistsError
from core.events.hub import ClockCorrected
from core.events.job import (
    JobCancelled,
    JobDone,
    JobGivenUp,
    JobProgressed,
    JobPutOff,
    JobRequested,
    JobTried,
)
from core.events.record import Record, utc_text
from projections.moments import take_back

NAME = "jobs"
VERSION = 1
TABLES = ("jobs", "job_failures")
EVENTS = (
    JobRequested,
    JobTried,
    JobPutOff,
    JobProgressed,
    JobDone,
    JobGivenUp,
    JobCancelled,
    ClockCorrected,
)
KEPT = 1000  # jobs that have ended


class JobRow(NamedTuple):
    """`state`: open, done, given up or cancelled. `due`: when it is to be tried, `""` for at once.

    `principal`, `via`: who asked, as in the envelope of the event at `position`. `options`: as JSON.
    `put_off`: when it last was. `tried`: whether it has ever been begun. `why`: what went wrong last.
    """

    position: int
    id: str
    kind: str
    key: str
    state: str
    principal: str
    via: str
    options: str
    asked: str
    due: str
    put_off: str | None
    ended: str | None
    tried: bool
    total: int
    done: int
    failed: int
    why: str

    @property
    def is_open(self) -> bool:
        return self.state == "open"

    def given(self) -> dict[str, Any]:
        return msgspec.json.decode(self.options, type=dict[str, Any])


_ALL = f"SELECT {', '.join(JobRow._fields)} FROM jobs "  # noqa: S608
_INSERT = f"INSERT INTO jobs VALUES ({', '.join('?' * len(JobRow._fields))})"  # noqa: S608


def create(db: Database) -> None:
    texts = dict.fromkeys(JobRow._fields, str)
    numbers = dict.fromkeys(("position", "tried", "total", "done", "failed"), int)
    db.table("jobs").create({**texts, **numbers}, pk="position", strict=True)
    db.table("jobs").create_index(["id"], unique=True)
    db.table("jobs").create_index(["principal", "position"])
    db.execute("CREATE INDEX jobs_due ON jobs (due) WHERE state = 'open'")
    db.execute("CREATE UNIQUE INDEX jobs_open ON jobs (key) WHERE state = 'open' AND key != ''")
    db.execute("CREATE INDEX jobs_ended ON jobs (position) WHERE state != 'open'")
    db.table("job_failures").create({"job": str, "item": str, "why": str}, pk=("job", "item"), strict=True)


def project(db: sqlite3.Connection, record: Record) -> None:
    match record.event:
        case JobRequested() as asked:
            _insert(db, record, asked)
        case JobTried():
            db.execute("UPDATE jobs SET tried = 1 WHERE id = ?", (record.key,))
        case JobPutOff(why=why, again=again):
            db.execute(
                "UPDATE jobs SET why = ?, due = ?, put_off = ? WHERE id = ?",
                (why, utc_text(again), utc_text(record.at), record.key),
            )
        case JobProgressed(done=done, failed=failed):
            db.execute(
                "UPDATE jobs SET done = done + ?, failed = failed + ? WHERE id = ?",
                (len(done), len(failed), record.key),
            )
            rows = [(record.key, item, why) for item, why in failed.items()]
            db.executemany("INSERT OR REPLACE INTO job_failures VALUES (?, ?, ?)", rows)
        case JobDone():
            _end(db, record, "done", "")
        case JobGivenUp(why=why):
            _end(db, record, "given up", why)
        case JobCancelled():
            _end(db, record, "cancelled", "")
        case ClockCorrected() as correction:
            take_back(db, correction, "jobs", "asked")
            take_back(db, correction, "jobs", "put_off", "due")
            take_back(db, correction, "jobs", "ended")


def _insert(db: sqlite3.Connection, record: Record, asked: JobRequested) -> None:
    if asked.key and is_open(db, asked.key):
        raise AlreadyExistsError("Such a job is under way already.")
    row = JobRow(
        position=record.position,
        id=record.key,
        kind=asked.kind,
        key=asked.key,
        state="open",
        principal=record.by.principal,
        via=record.by.via,
        options=msgspec.json.encode(asked.options).decode(),
        asked=utc_text(record.at),
        due="" if asked.due is None else utc_text(asked.due),
        put_off=None,
        ended=None,
        tried=False,
        total=len(asked.items),
        done=0,
        failed=0,
        why="",
    )
    db.execute(_INSERT, row)


def _end(db: sqlite3.Connection, record: Record, state: str, why: str) -> None:
    db.execute(
        "UPDATE jobs SET state = ?, ended = ?, why = ? WHERE id = ?",
        (state, utc_text(record.at), why, record.key),
    )
    _forget_oldest(db)


def _forget_oldest(db: sqlite3.Connection) -> None:
    oldest = "SELECT id FROM jobs WHERE state != 'open' ORDER BY position DESC LIMIT -1 OFFSET ?"
    for (job_id,) in db.execute(oldest, (KEPT,)).fetchall():
        db.execute("DELETE FROM jobs WHERE id = ?", (job_id,))
        db.execute("DELETE FROM job_failures WHERE job = ?", (job_id,))


# --- queries ---


def is_open(db: sqlite3.Connection, key: str) -> bool:
    """Whether a job of this key is to be done."""
    sql = "SELECT 1 FROM jobs WHERE state = 'open' AND key != '' AND key = ?"
    return db.execute(sql, (key,)).fetchone() is not None


def by_id(db: sqlite3.Connection, job_id: str) -> JobRow | None:
    row = db.execute(_ALL + "WHERE id = ?", (job_id,)).fetchone()
    return None if row is None else JobRow(*row)


def due(db: sqlite3.Connection, now: datetime, after: tuple[str, int] = ("", 0)) -> list[JobRow]:
    """The next of those that are to be done by now. `after`: due and position of the last one known."""
    where = "WHERE state = 'open' AND due <= ? AND (due, position) > (?, ?) ORDER BY due, position LIMIT 200"
    return [JobRow(*row) for row in db.execute(_ALL + where, (utc_text(now), *after)).fetchall()]


def next_due(db: sqlite3.Connection, now: datetime) -> datetime | None:
    """When the first is due of those that are not yet."""
    sql = "SELECT min(due) FROM jobs WHERE state = 'open' AND due > ?"
    (moment,) = db.execute(sql, (utc_text(now),)).fetchone()
    return None if moment is None else datetime.fromisoformat(moment)


def listed(db: sqlite3.Connection, principal: str | None, offset: int = 0, limit: int = 200) -> list[JobRow]:
    """The newest first; those of one principal, or all."""
    where, values = _of(principal)
    rows = db.execute(f"{_ALL} {where} ORDER BY position DESC LIMIT ? OFFSET ?", (*values, limit, offset))
    return [JobRow(*row) for row in rows.fetchall()]


def count(db: sqlite3.Connection, principal: str | None, *, only_open: bool = False) -> int:
    where, values = _of(principal)
    narrower = f"{where or 'WHERE 1'} AND state = 'open'" if only_open else where
    (number,) = db.execute(f"SELECT count(*) FROM jobs {narrower}", values).fetchone()  # noqa: S608
    return int(number)


def _of(principal: str | None) -> tuple[str, tuple[str, ...]]:
    return ("", ()) if principal is None else ("WHERE principal = ?", (principal,))


def failures(db: sqlite3.Connection, job_id: str, count: int = 200) -> dict[str, str]:
    """The first items that never will be done, and why."""
    sql = "SELECT item, why FROM job_failures WHERE job = ? ORDER BY item LIMIT ?"
    return dict(db.execute(sql, (job_id, count)).fetchall())
