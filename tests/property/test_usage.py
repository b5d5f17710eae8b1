"""Hours of use: whatever happens to servers, the tables say what ten lines over the same history say."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from sqlite_utils import Database

from core.events import Event
from core.events.hub import ClockCorrected
from core.events.record import HUB, Record
from core.events.server import (
    LeftoverEnded,
    ServerAdopted,
    ServerDied,
    ServerLost,
    ServerStopped,
    SpawnAdmitted,
    SpawnCancelled,
    SpawnFailed,
    SpawnRequested,
    SpawnSucceeded,
    StopRequested,
)
from projections import usage
from projections.usage import attempts, months
from projections.usage.attempt import NOT_YET, microseconds, next_month
from tests.databases import in_memory

START = datetime(2026, 1, 28, tzinfo=UTC)
SERVERS = ("v0", "v1", "v2")
ENDS = (SpawnFailed, SpawnCancelled, ServerStopped, ServerDied, ServerLost, LeftoverEnded)
OTHERS = (SpawnAdmitted, SpawnSucceeded, ServerAdopted, StopRequested)

# Seconds until the next event, the server it is about, what happens, and which of its attempts that is about.
step = st.tuples(
    st.floats(0, 20 * 86400),
    st.sampled_from(SERVERS),
    st.sampled_from([SpawnRequested, SpawnSucceeded, *ENDS, *OTHERS]),
    st.integers(1, 2),
)
steps = st.lists(step, max_size=5) | st.lists(step, min_size=10, max_size=40)


def history(steps: Sequence[tuple[float, str, type, int]]) -> list[Record]:
    records: list[Record] = []
    attempts: dict[str, list[str]] = {server: [] for server in SERVERS}
    at = START
    for number, (seconds, server, kind, back) in enumerate(steps, 1):
        at += timedelta(seconds=seconds)
        event = _event(kind, server, attempts[server], back, number)
        if event is not None:
            records.append(Record(number, f"server/{server}", number, at, HUB, event))
    return records


def _event(kind: type, server: str, attempts: list[str], back: int, number: int) -> Event | None:
    if kind is SpawnRequested:
        previous = attempts[-1] if attempts else ""
        attempts.append(f"s{number}")
        user, options = f"u{server[-1]}", {"profile": "gpu"} if number % 2 else {}
        return SpawnRequested(attempts[-1], user, "alice", "lab", "/", options, "d", previous=previous)
    if len(attempts) < back:
        return None
    spawn_id = attempts[-back]
    return SpawnFailed(spawn_id, "why") if kind is SpawnFailed else kind(spawn_id)


def folded(records: Sequence[Record]) -> sqlite3.Connection:
    db = in_memory()
    usage.create(Database(db))
    for record in records:
        if isinstance(record.event, usage.EVENTS):
            usage.project(db, record)
    return db


def reference(records: Sequence[Record]) -> dict[str, tuple[str, int, int]]:
    """Of each attempt that was ready: its user, from when, until when."""
    ready: dict[str, int] = {}
    ended: dict[str, int] = {}
    user: dict[str, str] = {}
    for record in records:
        event, at = record.event, microseconds(record.at)
        if isinstance(event, SpawnRequested):
            user[event.spawn_id] = event.user
            ended.setdefault(event.previous, at)
        elif isinstance(event, SpawnSucceeded) and event.spawn_id not in ended:
            ready[event.spawn_id] = at
        elif isinstance(event, ENDS):
            ended.setdefault(event.spawn_id, at)
    return {one: (user[one], since, ended.get(one, NOT_YET)) for one, since in ready.items()}


def all_in_use(db: sqlite3.Connection, since: int, until: int) -> dict[str, int]:
    """Microseconds by user, read chunk by chunk."""
    total: dict[str, int] = {}
    for chunk in attempts.in_use(db, since, until):
        for attempt in chunk:
            total[attempt.user] = total.get(attempt.user, 0) + attempt.in_use(since, until)
    return {user: length for user, length in total.items() if length}


def by_user(known: dict[str, tuple[str, int, int]], since: int, until: int) -> dict[str, int]:
    total: dict[str, int] = {}
    for user, begun, ended in known.values():
        total[user] = total.get(user, 0) + max(0, min(ended, until) - max(begun, since))
    return {user: length for user, length in total.items() if length}


def kept(db: sqlite3.Connection, since: int, until: int) -> dict[str, tuple[int, int, int]]:
    """What the sums of months say by user: in use, starts, failed."""
    found: dict[str, tuple[int, int, int]] = {}
    for chunk in months.by_user(db, since, until):
        for user, in_use, starts, failed in chunk:
            before = found.get(user, (0, 0, 0))
            found[user] = before[0] + in_use, before[1] + starts, before[2] + failed
    return {user: figures for user, figures in found.items() if any(figures)}


def figures(records: Sequence[Record], since: int, until: int) -> dict[str, tuple[int, int, int]]:
    """The same from the history."""
    asked = {
        record.event.spawn_id: record.event.user
        for record in records
        if isinstance(record.event, SpawnRequested) and since <= microseconds(record.at) < until
    }
    ends: dict[str, type] = {}
    for record in records:
        if isinstance(record.event, SpawnRequested):
            ends.setdefault(record.event.previous, SpawnRequested)
        elif isinstance(record.event, ENDS):
            ends.setdefault(record.event.spawn_id, type(record.event))
    in_use, starts = by_user(reference(records), since, until), Counter(asked.values())
    failed = Counter(user for one, user in asked.items() if ends.get(one) is SpawnFailed)
    return {user: (in_use.get(user, 0), starts[user], failed[user]) for user in {*in_use, *starts}}


@given(steps, st.integers(0, 20), st.integers(1, 4), st.booleans())
def test_months_are_the_sums_of_what_lies_in_them(
    steps: list[tuple[float, str, type, int]], first: int, count: int, goes_on: bool
) -> None:
    records = history(steps)
    since = until = datetime(2026 + first // 12, first % 12 + 1, 1, tzinfo=UTC)
    for _ in range(count):
        until = next_month(until)
    end = (
        max([microseconds(until), *(microseconds(one.at) + 1 for one in records)])
        if goes_on
        else microseconds(until)
    )
    begin = microseconds(since)
    assert kept(folded(records), begin, end) == figures(records, begin, end)


@given(steps, st.floats(0, 200 * 86400), st.floats(0, 200 * 86400))
def test_hours_within_any_moments_are_those_of_the_history(
    steps: list[tuple[float, str, type, int]], begin: float, length: float
) -> None:
    records = history(steps)
    since = microseconds(START + timedelta(seconds=begin))
    until = since + int(length * 1_000_000)
    assert all_in_use(folded(records), since, until) == by_user(reference(records), since, until)


@given(steps, st.integers(0, 39), st.floats(1, 40 * 86400))
def test_what_a_clock_recorded_ahead_of_time_is_counted_as_if_it_had_been_right(
    steps: list[tuple[float, str, type, int]], first: int, seconds: float
) -> None:
    """Everything from some event on was recorded by a clock so far ahead that nothing of it has happened yet."""
    right = history(steps)
    last = right[-1].at if right else START
    ahead = timedelta(seconds=seconds) + (last - right[first].at if first < len(right) else timedelta())
    wrong = [_later(record, ahead) if number >= first else record for number, record in enumerate(right)]
    corrected = Record(1000, "clock", 1, last, HUB, ClockCorrected(last + ahead, last))
    db, until = folded([*wrong, corrected]), microseconds(last)
    assert all_in_use(db, 0, until) == by_user(reference(right), 0, until)
    begin = microseconds(START.replace(day=1))
    assert kept(db, begin, until + 1) == figures(right, begin, until + 1)


def _later(record: Record, ahead: timedelta) -> Record:
    return Record(record.position, record.stream, record.version, record.at + ahead, HUB, record.event)
