"""Counts of what happened: those of the events themselves, of any types, at any time, whatever the clock did."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from sqlite_utils import Database

from core.events import Event, codec
from core.events.record import HUB, Record
from core.events.server import ServerStopped, SpawnFailed, SpawnRequested, SpawnSucceeded
from projections import tallies
from projections.tallies import Count, seconds
from tests.databases import in_memory

START = datetime(2026, 5, 4, 9, tzinfo=UTC)
EVENTS: tuple[Event, ...] = (
    SpawnRequested("s1", "u1", "alice", "", "/", {}, "d"),
    SpawnSucceeded("s1"),
    SpawnFailed("s1", "no room"),
    ServerStopped("s1"),
)
TAGS = tuple(map(codec.tag_of, EVENTS))

# Seconds after the start, also backwards, and what happens.
happenings = st.lists(st.tuples(st.floats(-50, 50), st.sampled_from(EVENTS)), max_size=30)
some_types = st.sets(st.sampled_from(TAGS))


def folded(happened: Sequence[tuple[float, Event]]) -> sqlite3.Connection:
    db = in_memory()
    tallies.create(Database(db))
    for number, (at, event) in enumerate(happened, 1):
        tallies.project(db, Record(number, "server/v1", number, START + timedelta(seconds=at), HUB, event))
    return db


def within(
    happened: Sequence[tuple[float, Event]], types: set[str], since: int, until: int
) -> list[tuple[int, str]]:
    told = [(seconds(START + timedelta(seconds=at)), codec.tag_of(event)) for at, event in happened]
    return [(second, tag) for second, tag in told if tag in types and since <= second < until]


@given(happenings, some_types, some_types, st.integers(-60, 60), st.integers(1, 100), st.integers(1, 40))
def test_counts_are_those_of_the_events(
    happened: list[tuple[float, Event]],
    types: set[str],
    marked: set[str],
    begin: int,
    length: int,
    step: int,
) -> None:
    since = seconds(START) + begin
    until = since + length
    expected = []
    for at in range(since, until, step):
        span = within(happened, types, at, min(at + step, until))
        if span:
            expected.append(Count(at, len(span), sum(tag in marked for _, tag in span)))
    db = folded(happened)
    assert tallies.counts(db, types, marked, since, until, step) == expected
    seen = [second for second, _ in within(happened, types, since, until)]
    assert tallies.ends(db, types, since, until) == ((min(seen), max(seen)) if seen else None)
