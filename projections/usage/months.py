"""Use by month and user, for which no attempt has to be looked at: not even those that still go on.

A row says of what goes on how many there are and the sum of the moments from which on: `going_on * now - since` is
how long they have been in use until now. What became ready in an earlier month has been in use since this one began.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import NamedTuple

from sqlite_utils import Database

from projections.usage.attempt import NOTHING, Share, microseconds, moment, month_at, month_of, shares
from projections.usage.attempts import CHUNK, Change

_SUMS = ", ".join(f"{name} = {name} + excluded.{name}" for name in Share._fields)
_ADD = f"INSERT INTO usage_months VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET {_SUMS}"  # noqa: S608

# In the order of months: first what goes on since earlier ones, then those that are asked for.
_READ = """
    SELECT month, user, in_use + going_on * :until - since, starts, failed FROM usage_months
        WHERE (month, user) > (max(:month, :first), iif(:month < :first, '', :user)) AND month <= :last
    UNION ALL
    SELECT month, user, going_on * (:until - :since), 0, 0 FROM usage_months
        WHERE (month, user) > (:month, :user) AND month < :first AND going_on > 0
    ORDER BY month, user LIMIT :count
"""


class UserUse(NamedTuple):
    """`user`: an id. `in_use`: microseconds. `starts`: asked for, `failed`: of those."""

    user: str
    in_use: int
    starts: int
    failed: int


def create(db: Database) -> None:
    sums = ", ".join(f"{name} INTEGER" for name in Share._fields)
    db.execute(
        f"CREATE TABLE usage_months (month TEXT, user TEXT, {sums}, PRIMARY KEY (month, user)) STRICT, WITHOUT ROWID"
    )
    db.execute("CREATE INDEX usage_going_on ON usage_months (month, user, going_on) WHERE going_on > 0")


def count(db: sqlite3.Connection, change: Change) -> None:
    before = shares(change.before) if change.before else {}
    now = shares(change.now)
    for month in sorted({*before, *now}):
        share = now.get(month, NOTHING).plus(before.get(month, NOTHING), -1)
        if share != NOTHING:
            db.execute(_ADD, (month, change.now.user, *share))


def by_user(db: sqlite3.Connection, since: int, until: int) -> Iterator[list[UserUse]]:
    """What users have used from the beginning of a month to the end of one, or to now: chunk by chunk.

    A user is in it once for every month, and for each earlier one from which on something goes on.
    """
    assert begins(since), "months are kept as a whole"
    span = {"since": since, "until": until, "first": month_at(since), "last": month_at(until - 1)}
    month = user = ""
    while True:
        rows = db.execute(_READ, {**span, "month": month, "user": user, "count": CHUNK}).fetchall()
        yield [UserUse(*row[1:]) for row in rows]
        if len(rows) < CHUNK:
            return
        month, user = rows[-1][:2]


def begins(at: int) -> bool:
    """Whether a month begins at this moment."""
    return microseconds(month_of(moment(at))) == at
