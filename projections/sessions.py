"""The sessions that are open: browsers in which somebody is logged in.

What is given on the strength of a session that has ended is refused here, in the append: a logout cannot be undone
by a request that was under way.
"""

from __future__ import annotations

import sqlite3
from datetime import datetime
from typing import NamedTuple

from sqlite_utils import Database

from core.errors import ForbiddenError
from core.events.hub import ClockCorrected
from core.events.oauth import CodeIssued
from core.events.record import Record, utc_text
from core.events.session import SessionEnded, SessionMovedIn, SessionOpened
from core.events.token import TokenIssued
from core.events.user import UserDeleted
from projections.moments import take_back

NAME = "sessions"
VERSION = 1
TABLES = ("sessions",)
EVENTS = (SessionOpened, SessionMovedIn, SessionEnded, TokenIssued, CodeIssued, UserDeleted, ClockCorrected)


class SessionRow(NamedTuple):
    """`user`: an id. `opened` and `expires_at`: UTC, as `utc_text` writes them."""

    id: str
    user: str
    digest: str
    opened: str
    expires_at: str
    address: str


_ALL = f"SELECT {', '.join(SessionRow._fields)} FROM sessions "  # noqa: S608
_INSERT = f"INSERT INTO sessions VALUES ({', '.join('?' * len(SessionRow._fields))})"  # noqa: S608


def create(db: Database) -> None:
    db.table("sessions").create(
        {"id": str, "user": str, "digest": str, "opened": str, "expires_at": str, "address": str},
        pk="id",
        strict=True,
    )
    db.table("sessions").create_index(["digest"], unique=True)
    for column in ("user", "expires_at"):
        db.table("sessions").create_index([column])


def project(db: sqlite3.Connection, record: Record) -> None:
    entity = record.key
    match record.event:
        case SessionOpened(user=user, digest=digest, expires_at=expires_at, address=address):
            row = SessionRow(entity, user, digest, utc_text(record.at), utc_text(expires_at), address)
            db.execute(_INSERT, row)
        case SessionMovedIn(user=user, digest=digest, expires_at=expires_at):
            row = SessionRow(entity, user, digest, utc_text(record.at), utc_text(expires_at), "")
            db.execute(_INSERT, row)
        case SessionEnded():
            db.execute("DELETE FROM sessions WHERE id = ?", (entity,))
        case UserDeleted():
            db.execute("DELETE FROM sessions WHERE user = ?", (entity,))
        case TokenIssued(session_id=session_id) | CodeIssued(session_id=session_id):
            _check_open(db, session_id)
        case ClockCorrected() as correction:
            take_back(db, correction, "sessions", "opened", "expires_at")


def _check_open(db: sqlite3.Connection, session_id: str | None) -> None:
    if session_id is not None and by_id(db, session_id) is None:
        raise ForbiddenError("You have logged out meanwhile.")


# --- queries ---


def _row(values: tuple[object, ...] | None) -> SessionRow | None:
    return None if values is None else SessionRow(*values)  # type: ignore[arg-type]


def by_digest(db: sqlite3.Connection, digest: str) -> SessionRow | None:
    return _row(db.execute(_ALL + "WHERE digest = ?", (digest,)).fetchone())


def by_id(db: sqlite3.Connection, session_id: str) -> SessionRow | None:
    return _row(db.execute(_ALL + "WHERE id = ?", (session_id,)).fetchone())


def ids_of_user(db: sqlite3.Connection, user_id: str) -> list[str]:
    rows = db.execute("SELECT id FROM sessions WHERE user = ? ORDER BY opened, id", (user_id,)).fetchall()
    return [session_id for (session_id,) in rows]


def expired(db: sqlite3.Connection, now: datetime) -> list[SessionRow]:
    """The first of those whose time is over."""
    rows = db.execute(
        _ALL + "WHERE expires_at <= ? ORDER BY expires_at LIMIT 200", (utc_text(now),)
    ).fetchall()
    return [SessionRow(*row) for row in rows]
