"""What people are to be told of shares: that they may use somebody's server, or no longer. A table of `shares`.

It is told of access as a whole: who may use a server directly and through a group, and loses one of the two, has lost
nothing. Of a user and a server the latest counts. What one has done oneself, by a link or by leaving, is no news, nor
is what was granted by the hub that a log was moved in from.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from sqlite_utils import Database

from core.events.group import GroupDeleted, UsersLeft
from core.events.record import Record, utc_text
from core.events.share import ShareGranted
from core.events.user import user_stream
from projections.sharing import share_ways
from projections.sharing.share_ways import Way

TABLES = ("share_news",)
KEPT = timedelta(days=30)
MOST = 10  # that are told at once

Change = Literal["given", "ended", "left", "dissolved"]
"""`left`: the group through which it was given, by the user; `dissolved`: that group is deleted."""


class News(NamedTuple):
    """`position`: of what happened. `grantee`: `user/{id}` or `group/{id}`. `owner`, `server`: ids."""

    position: int
    change: Change
    grantee: str
    owner: str
    server: str
    at: str


def create(db: Database) -> None:
    db.execute(
        "CREATE TABLE share_news (user TEXT, server TEXT, position INTEGER, change TEXT, grantee TEXT, owner TEXT, "
        "at TEXT, PRIMARY KEY (user, server)) STRICT"
    )
    db.execute("CREATE INDEX share_news_at ON share_news (at)")


def note(db: sqlite3.Connection, record: Record, before: set[Way], after: set[Way]) -> None:
    """`before`, `after`: the ways that the event touches, before and after it."""
    changed = before ^ after
    if not changed:
        return
    db.execute("DELETE FROM share_news WHERE at < ?", (utc_text(record.at - KEPT),))
    others = share_ways.besides(db, changed)
    _go_on(db, (others[pair] for pair in map(_pair, changed) if pair in others))
    told = {_pair(way): way for way in sorted(changed) if _pair(way) not in others}
    own = [pair for pair in told if _is_own_doing(record, pair[0])]
    db.executemany("DELETE FROM share_news WHERE user = ? AND server = ?", own)
    rows = [_row(record, way, is_new=way in after) for pair, way in told.items() if pair not in own]
    db.executemany("INSERT OR REPLACE INTO share_news VALUES (?, ?, ?, ?, ?, ?, ?)", rows)


def _pair(way: Way) -> tuple[str, str]:
    return way.user, way.server


def _go_on(db: sqlite3.Connection, ways: Iterable[Way]) -> None:
    """What is told to be given is so by another way now."""
    rows = [(way.grantee, way.user, way.server) for way in ways]
    db.executemany(
        "UPDATE share_news SET grantee = ? WHERE user = ? AND server = ? AND change = 'given'", rows
    )


def _is_own_doing(record: Record, user_id: str) -> bool:
    """Whether it is no news to the user. A login puts its user into groups, which is not the user's doing."""
    if isinstance(record.event, ShareGranted) and record.event.since is not None:
        return True
    return record.by.principal == user_stream(user_id) and record.by.via != "login"


def _row(record: Record, way: Way, *, is_new: bool) -> tuple[str | int, ...]:
    change = "given" if is_new else _end(record)
    return way.user, way.server, record.position, change, way.grantee, way.owner, utc_text(record.at)


def _end(record: Record) -> Change:
    match record.event:
        case UsersLeft():
            return "left"
        case GroupDeleted():
            return "dissolved"
        case _:
            return "ended"


def seen(db: sqlite3.Connection, user_id: str, upto: int) -> None:
    db.execute("DELETE FROM share_news WHERE user = ? AND position <= ?", (user_id, upto))


def forget(db: sqlite3.Connection, user_id: str) -> None:
    """A user who has gone."""
    db.execute("DELETE FROM share_news WHERE user = ?", (user_id,))


def unseen(db: sqlite3.Connection, user_id: str, now: datetime) -> list[News]:
    """The latest of what is news to the user."""
    rows = db.execute(
        "SELECT position, change, grantee, owner, server, at FROM share_news WHERE user = ? AND at > ? "
        "ORDER BY position DESC, server LIMIT ?",
        (user_id, utc_text(now - KEPT), MOST),
    ).fetchall()
    return [News(*row) for row in rows]


def is_any_after(db: sqlite3.Connection, user_id: str, position: int) -> bool:
    row = db.execute(
        "SELECT 1 FROM share_news WHERE user = ? AND position > ?", (user_id, position)
    ).fetchone()
    return row is not None
