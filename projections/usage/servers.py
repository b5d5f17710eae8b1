"""Which servers were at something between two moments, and how many ran at a time. Reads all attempts of that time."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterator
from itertools import accumulate
from typing import NamedTuple

from projections.usage.attempt import NOT_YET, Attempt

_COLUMNS = ", ".join(Attempt._fields)
_FAILED = "outcome IN ('failed', 'died', 'lost')"
_WITHIN = """
    ended > :since AND asked < :until
    AND (:users IS NULL OR user IN (SELECT value FROM json_each(:users)))
    AND (:servers IS NULL OR server IN (SELECT value FROM json_each(:servers)))
"""
_SERVERS = f"""
    SELECT server, user, count(*), sum({_FAILED} AND ended < :until), max(ended) = {NOT_YET}, max(asked) AS last
    FROM usage_attempts WHERE {_WITHIN} GROUP BY server ORDER BY last DESC, server
"""  # noqa: S608
_ATTEMPTS = f"""
    SELECT {_COLUMNS} FROM (
        SELECT *, row_number() OVER (PARTITION BY server ORDER BY asked DESC, rowid DESC) AS number
        FROM usage_attempts
        WHERE {_WITHIN} AND server IN (SELECT value FROM json_each(:of))
    ) WHERE number <= :most ORDER BY asked, number DESC
"""  # noqa: S608
_RUNNING = f"SELECT count(*) FROM usage_attempts WHERE {_WITHIN} AND ready <= :since"  # noqa: S608
_CHANGES = f"""
    SELECT span, sum(change) FROM (
        SELECT (ready - :since - 1) / :step + 1 AS span, 1 AS change FROM usage_attempts
            WHERE {_WITHIN} AND ready > :since AND ready < :until
        UNION ALL
        SELECT (ended - :since - 1) / :step + 1, -1 FROM usage_attempts
            WHERE {_WITHIN} AND ready < :until AND ended < :until
    ) GROUP BY span
"""  # noqa: S608


class Among(NamedTuple):
    """Between two moments, of these users and servers (ids); None for all of them."""

    since: int
    until: int
    users: Collection[str] | None = None
    servers: Collection[str] | None = None

    def values(self) -> dict[str, int | str | None]:
        return {
            "since": self.since,
            "until": self.until,
            "users": None if self.users is None else json.dumps(sorted(self.users)),
            "servers": None if self.servers is None else json.dumps(sorted(self.servers)),
        }


class ServerAtWork(NamedTuple):
    """Ids. `attempts`: how many. `failures`: starts that failed and ends by itself, within that time.

    `goes_on`: not all has ended.
    """

    server: str
    user: str
    attempts: int
    failures: int
    goes_on: bool


def at_work(db: sqlite3.Connection, among: Among) -> Iterator[ServerAtWork]:
    """Who was started last first."""
    for server, user, attempts, failures, goes_on, _ in db.execute(_SERVERS, among.values()):
        yield ServerAtWork(server, user, attempts, failures, bool(goes_on))


def attempts_of(db: sqlite3.Connection, among: Among, servers: Collection[str], most: int) -> list[Attempt]:
    """The last ones of these servers, at most so many of each, in the order of their starts."""
    asked = {**among.values(), "of": json.dumps(sorted(servers)), "most": most}
    return list(map(Attempt._make, db.execute(_ATTEMPTS, asked)))


def running(db: sqlite3.Connection, among: Among, step: int) -> list[int]:
    """How many ran at the first moment, and after each `step` microseconds."""
    (first,) = db.execute(_RUNNING, among.values()).fetchone()
    changes = dict(db.execute(_CHANGES, {**among.values(), "step": step}))
    return list(
        accumulate(
            (changes.get(span, 0) for span in range(1, (among.until - among.since) // step + 1)),
            initial=first,
        )
    )
