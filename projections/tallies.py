"""How many events of each type there have been, second by second: counts of any time, however long the log.

A row says how many there were up to and with its second, and there is one only where something happened. So what
happened between two moments is the difference of two rows, each found in an index.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple, get_args

from sqlite_utils import Database

from core.events import Event, codec
from core.events.record import Record

NAME = "tallies"
VERSION = 1
TABLES = ("tallies",)
EVENTS: tuple[type, ...] = get_args(Event)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)

_LAST_OF_TYPE = "SELECT second, upto FROM tallies WHERE type = ? ORDER BY second DESC LIMIT 1"
_BEFORE = "SELECT upto FROM tallies WHERE type = ? AND second <= ? ORDER BY second DESC LIMIT 1"
_SET = "INSERT OR REPLACE INTO tallies VALUES (?, ?, ?)"
_ADD_LATER = "UPDATE tallies SET upto = upto + 1 WHERE type = ? AND second > ?"

_UPTO = (
    "coalesce((SELECT upto FROM tallies WHERE tallies.type = there.type AND second < {}"
    " ORDER BY second DESC LIMIT 1), 0)"
)
_FIRST = "(SELECT min(second) FROM tallies WHERE tallies.type = there.type AND second >= :since)"
_LAST = "(SELECT max(second) FROM tallies WHERE tallies.type = there.type AND second < :until)"
_THERE = f"""
    WITH RECURSIVE there AS (SELECT value AS type FROM json_each(:types)),
    known AS (SELECT type, {_FIRST} AS first, {_LAST} AS last FROM there),
    happened AS (SELECT * FROM known WHERE first <= last)
"""  # noqa: S608
_COUNTS = f"""{_THERE},
    edges AS (SELECT :since AS at UNION ALL SELECT at + :step FROM edges WHERE at < :until)
    SELECT at, sum({_UPTO.format("min(at, :until)")}), sum(
        CASE WHEN type IN (SELECT value FROM json_each(:marked)) THEN {_UPTO.format("min(at, :until)")} ELSE 0 END
    ) FROM edges JOIN happened AS there GROUP BY at ORDER BY at
"""  # noqa: S608
_ENDS = f"{_THERE} SELECT min(first), max(last) FROM happened"  # noqa: S608


class Count(NamedTuple):
    """Of events from the second `since` (since 1970) on, until the next one begins. `marked`: of certain types."""

    since: int
    all: int
    marked: int


def seconds(moment: datetime) -> int:
    """Whole ones, since 1970."""
    return (moment - EPOCH) // SECOND


def create(db: Database) -> None:
    db.execute(
        "CREATE TABLE tallies (type TEXT, second INTEGER, upto INTEGER, PRIMARY KEY (type, second))"
        " STRICT, WITHOUT ROWID"
    )


def project(db: sqlite3.Connection, record: Record) -> None:
    tag, second = codec.tag_of(record.event), seconds(record.at)
    last = db.execute(_LAST_OF_TYPE, (tag,)).fetchone() or (second, 0)
    if last[0] <= second:
        db.execute(_SET, (tag, second, last[1] + 1))
    else:
        _insert_before(db, tag, second)


def _insert_before(db: sqlite3.Connection, tag: str, second: int) -> None:
    """Below what a clock that was ahead has recorded for later."""
    db.execute(_ADD_LATER, (tag, second))
    (upto,) = db.execute(_BEFORE, (tag, second)).fetchone() or (0,)
    db.execute(_SET, (tag, second, upto + 1))


# --- queries ---


def counts(
    db: sqlite3.Connection, types: Collection[str], marked: Collection[str], since: int, until: int, step: int
) -> list[Count]:
    """Of these types, in spans of `step` seconds between two seconds; those in which nothing happened are left out."""
    asked = {
        "types": json.dumps(sorted(types)),
        "marked": json.dumps(sorted(marked)),
        "since": since,
        "until": until,
        "step": step,
    }
    rows = db.execute(_COUNTS, asked).fetchall()
    spans = [
        Count(at, later - before, marked_later - marked_before)
        for (at, before, marked_before), (_, later, marked_later) in pairwise(rows)
    ]
    return [span for span in spans if span.all]


def ends(db: sqlite3.Connection, types: Collection[str], since: int, until: int) -> tuple[int, int] | None:
    """The first and the last second between two, the latter excluded, in which any of these types happened."""
    asked = {"types": json.dumps(sorted(types)), "since": since, "until": until}
    first, last = db.execute(_ENDS, asked).fetchone()
    return None if first is None else (first, last)
