"""The table of idempotency keys: which commands were carried out, and what they answered."""

from __future__ import annotations

import sqlite3

from core.errors import RepeatedError
from core.events.append_request import Claim, Outcome


def check_free(db: sqlite3.Connection, claim: Claim) -> None:
    """Raises RepeatedError. Comes before all else, so that a repeated command is not refused for another reason."""
    if is_taken(db, claim.key):
        raise RepeatedError("This command was carried out before.")


def is_taken(db: sqlite3.Connection, key: str) -> bool:
    return db.execute("SELECT 1 FROM command_keys WHERE key = ?", (key,)).fetchone() is not None


def take(db: sqlite3.Connection, claim: Claim, at: str) -> None:
    """Record the key with what it will answer if nobody lives to give the final answer."""
    outcome = claim.outcome(db)
    row = (claim.key, claim.digest, outcome.status, outcome.body, at)
    db.execute("INSERT INTO command_keys VALUES (?, ?, ?, ?, ?)", row)


def answer(db: sqlite3.Connection, key: str, digest: str, outcome: Outcome, at: str) -> None:
    """The final answer. It never replaces the one of another request under the same key."""
    db.execute(
        "INSERT INTO command_keys VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE "
        "SET status = excluded.status, body = excluded.body WHERE digest = excluded.digest",
        (key, digest, outcome.status, outcome.body, at),
    )


def forget(db: sqlite3.Connection, before: str, now: str) -> None:
    """Those of a time that has not come yet, too: they were taken while the clock was ahead."""
    db.execute("DELETE FROM command_keys WHERE at < ? OR at > ?", (before, now))


def stored(db: sqlite3.Connection, key: str) -> tuple[str, Outcome] | None:
    """The digest of the request, and what it answered."""
    row = db.execute("SELECT digest, status, body FROM command_keys WHERE key = ?", (key,)).fetchone()
    return (row[0], Outcome(row[1], row[2])) if row else None
