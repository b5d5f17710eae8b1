"""Use by month and user, of more users than are read at a time."""

from __future__ import annotations

import sqlite3
from collections import Counter
from datetime import UTC, datetime, timedelta

from sqlite_utils import Database

from core.events import Event
from core.events.record import HUB, Record
from core.events.server import ServerStopped, SpawnRequested, SpawnSucceeded
from projections import usage
from projections.usage import attempts, months
from projections.usage.attempt import microseconds
from tests.databases import in_memory

MAY = datetime(2026, 5, 1, tzinfo=UTC)
JUNE = datetime(2026, 6, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
PEOPLE = 450
IN_USE = 3600 * 1_000_000  # microseconds of an hour


def add(db: sqlite3.Connection, server: str, at: datetime, event: Event) -> None:
    usage.project(db, Record(1, f"server/{server}", 1, at, HUB, event))


def run(db: sqlite3.Connection, number: int, ready: datetime, ended: datetime | None) -> None:
    """A server of user number `number`, which was asked for a minute before it was ready."""
    spawn_id, user = f"s{number}-{ready:%d%H}", f"u{number:03}"
    asked = SpawnRequested(spawn_id, user, "alice", "", "/", {}, "d")
    add(db, user, ready - timedelta(minutes=1), asked)
    add(db, user, ready, SpawnSucceeded(spawn_id))
    if ended:
        add(db, user, ended, ServerStopped(spawn_id))


def test_every_user_is_counted_once_and_so_is_every_start() -> None:
    db = in_memory()
    usage.create(Database(db))
    for number in range(PEOPLE):
        run(db, number, MAY - HOUR, None)  # since April
        run(db, number, MAY + 2 * HOUR, MAY + 3 * HOUR)
        run(db, number, MAY + 4 * HOUR, JUNE + HOUR)
    since, until = microseconds(MAY), microseconds(JUNE)
    in_use: Counter[str] = Counter()
    starts: Counter[str] = Counter()
    for chunk in months.by_user(db, since, until):
        assert len(chunk) <= attempts.CHUNK
        for user, length, asked, _ in chunk:
            in_use[user] += length
            starts[user] += asked
    assert set(in_use.values()) == {(31 * 24 + 1 + 31 * 24 - 4) * IN_USE}
    assert (len(in_use), set(starts.values())) == (PEOPLE, {2})
    took = [length for chunk in attempts.took(db, since, until) for _, length in chunk]
    assert took == [60 * 1_000_000] * 2 * PEOPLE
