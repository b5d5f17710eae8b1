"""The table of idempotency keys: which commands were carried out, and what they answered.

A side table: a value is the digest of the request, its outcome, and when the key was taken.
"""

from __future__ import annotations

import sqlite3

import msgspec
from msgspec import Struct

from core.errors import RepeatedError
from core.events.log.append_request import IdempotencyRecord, Outcome
from core.events.log.side_tables import SideTableChange

NAME = "command_keys"
EXPIRED_AT_ONCE = 200


class Answered(Struct, frozen=True, array_like=True):
    digest: str
    status: int
    body: bytes
    at: str


# --- as a side table ---


def value(db: sqlite3.Connection, key: str) -> bytes | None:
    row = db.execute("SELECT digest, status, body, at FROM command_keys WHERE key = ?", (key,)).fetchone()
    return None if row is None else msgspec.msgpack.encode(Answered(*row))


def put(db: sqlite3.Connection, key: str, value: bytes) -> None:
    row = msgspec.msgpack.decode(value, type=Answered)
    db.execute(
        "INSERT INTO command_keys (key, digest, status, body, at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
        "digest = excluded.digest, status = excluded.status, body = excluded.body, at = excluded.at",
        (key, row.digest, row.status, row.body, row.at),
    )


def delete(db: sqlite3.Connection, key: str) -> None:
    db.execute("DELETE FROM command_keys WHERE key = ?", (key,))


# --- changes ---


def check_free(db: sqlite3.Connection, idempotency: IdempotencyRecord) -> None:
    """Raises RepeatedError. Comes before all else, so that a repeated command is not refused for another reason."""
    if is_taken(db, idempotency.key):
        raise RepeatedError("This command was carried out before.")


def taken(db: sqlite3.Connection, idempotency: IdempotencyRecord, at: str) -> SideTableChange:
    """The key, with what it will answer if nobody lives to give the final answer."""
    return _change(idempotency.key, Answered(idempotency.digest, *_parts(idempotency.outcome(db)), at))


def answered(
    db: sqlite3.Connection, key: str, digest: str, outcome: Outcome, at: str
) -> SideTableChange | None:
    """The final answer. It never replaces the one of another request under the same key: None then."""
    before = value(db, key)
    if before is None:
        return _change(key, Answered(digest, *_parts(outcome), at), None)
    former = msgspec.msgpack.decode(before, type=Answered)
    if former.digest != digest:
        return None
    return _change(key, Answered(digest, *_parts(outcome), former.at), before)


def expired(db: sqlite3.Connection, before: str, now: str) -> list[SideTableChange]:
    """The next 200 to go. Those of a time that has not come yet, too: they were taken while the clock was ahead."""
    rows = db.execute(
        "SELECT key FROM command_keys WHERE at < ? OR at > ? LIMIT ?", (before, now, EXPIRED_AT_ONCE)
    ).fetchall()
    return [SideTableChange(NAME, key, None) for (key,) in rows]


def _parts(outcome: Outcome) -> tuple[int, bytes]:
    return outcome.status, outcome.body


def _change(
    key: str, answer: Answered, replaces: bytes | msgspec.UnsetType | None = msgspec.UNSET
) -> SideTableChange:
    return SideTableChange(NAME, key, msgspec.msgpack.encode(answer), replaces)


# --- queries ---


def is_taken(db: sqlite3.Connection, key: str) -> bool:
    return db.execute("SELECT 1 FROM command_keys WHERE key = ?", (key,)).fetchone() is not None


def stored(db: sqlite3.Connection, key: str) -> tuple[str, Outcome] | None:
    """The digest of the request, and what it answered."""
    row = db.execute("SELECT digest, status, body FROM command_keys WHERE key = ?", (key,)).fetchone()
    return (row[0], Outcome(row[1], row[2])) if row else None
