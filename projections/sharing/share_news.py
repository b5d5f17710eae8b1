"""What people are to be told of shares: that they may use somebody's server, or no longer. Tables of `shares`.

Of a pair of server and grantee the latest counts. What one has done oneself, by a link or by leaving, is no news, nor
is what was granted by the hub that a log was moved in from.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from sqlite_utils import Database

from core.events.record import Record, utc_text
from core.events.share import ShareGranted
from core.events.user import user_stream

TABLES = ("share_news", "share_news_seen")
KEPT = timedelta(days=30)
MOST = 10  # that are told at once

Change = Literal["given", "ended"]


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
        "CREATE TABLE share_news (grantee TEXT, server TEXT, position INTEGER, change TEXT, owner TEXT, at TEXT, "
        "PRIMARY KEY (grantee, server)) STRICT"
    )
    db.execute("CREATE TABLE share_news_seen (user TEXT PRIMARY KEY, upto INTEGER) STRICT, WITHOUT ROWID")


def given(db: sqlite3.Connection, record: Record, share: ShareGranted) -> None:
    _forget_old(db, record, share.grantee)
    pair = share.grantee, share.server
    if share.grantee == record.by.principal or share.since is not None:
        db.execute("DELETE FROM share_news WHERE grantee = ? AND server = ?", pair)
    else:
        row = (*pair, record.position, "given", share.owner, utc_text(record.at))
        db.execute("INSERT OR REPLACE INTO share_news VALUES (?, ?, ?, ?, ?, ?)", row)


def ended(db: sqlite3.Connection, record: Record, which: str, key: str) -> None:
    """Of the shares that have this `key` in their column `which`, and are about to go."""
    rows = db.execute(f"SELECT grantee, server, owner FROM shares WHERE {which} = ?", (key,)).fetchall()  # noqa: S608
    for grantee, server, owner in rows:
        if grantee == record.by.principal:
            db.execute("DELETE FROM share_news WHERE grantee = ? AND server = ?", (grantee, server))
        else:
            row = (grantee, server, record.position, "ended", owner, utc_text(record.at))
            db.execute("INSERT OR REPLACE INTO share_news VALUES (?, ?, ?, ?, ?, ?)", row)


def seen(db: sqlite3.Connection, user_id: str, upto: int) -> None:
    db.execute("INSERT OR REPLACE INTO share_news_seen VALUES (?, ?)", (user_id, upto))
    db.execute("DELETE FROM share_news WHERE grantee = ? AND position <= ?", (user_stream(user_id), upto))


def forget(db: sqlite3.Connection, grantee: str) -> None:
    """A user or a group that has gone."""
    db.execute("DELETE FROM share_news WHERE grantee = ?", (grantee,))
    db.execute("DELETE FROM share_news_seen WHERE user = ?", (grantee.removeprefix("user/"),))


def _forget_old(db: sqlite3.Connection, record: Record, grantee: str) -> None:
    db.execute("DELETE FROM share_news WHERE grantee = ? AND at < ?", (grantee, utc_text(record.at - KEPT)))


def unseen(db: sqlite3.Connection, user_id: str, grantees: Sequence[str], now: datetime) -> list[News]:
    """The latest of what is news to the user, who is or is in these grantees."""
    rows = db.execute(
        "SELECT position, change, grantee, owner, server, at FROM share_news "  # noqa: S608
        f"WHERE grantee IN ({', '.join('?' * len(grantees))}) AND owner != ? AND at > ? "
        "AND position > coalesce((SELECT upto FROM share_news_seen WHERE user = ?), 0) "
        "ORDER BY position DESC LIMIT ?",
        (*grantees, user_id, utc_text(now - KEPT), user_id, MOST),
    ).fetchall()
    return [News(*row) for row in rows]
