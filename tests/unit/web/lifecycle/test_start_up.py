"""A start costs what is active and configured, not what has ever been: counted in steps of SQLite, no clock."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import trio

import projections
from benchmarks.campus import Campus
from core.events.file.store import EventStore
from core.events.record import HUB
from core.settings import GroupSettings
from tests.conftest import hub_in_memory, settings_for_tests

SETTINGS = settings_for_tests(load_groups={"team-000000": GroupSettings(users=["user-000001"])})
STEP = 10  # of SQLite's virtual machine, the finest that are counted


async def campus(users: int, events: int) -> EventStore:
    store = EventStore(":memory:", projections.ALL, threaded=False)
    writes = Campus(users, events).writes()
    async with trio.open_nursery() as nursery:
        await nursery.start(store.run)
        while batch := list(islice(writes, 500)):
            await store.append(*batch, by=HUB)
        nursery.cancel_scope.cancel()
    return store


async def steps_of_a_start(store: EventStore) -> Counter[str]:
    """By statement, of the second start: the first adds what the configuration says."""
    async with hub_in_memory(SETTINGS, store=store):
        await trio.sleep(10)
    steps: Counter[str] = Counter()
    statement = ""

    def begin(sql: str) -> None:
        nonlocal statement
        statement = sql

    def count() -> None:
        steps[statement] += STEP

    store.db.set_trace_callback(begin)
    store.db.set_progress_handler(count, STEP)
    async with hub_in_memory(SETTINGS, store=store):
        await trio.sleep(10)
    store.close()
    return steps


async def test_a_start_does_not_grow_with_users_and_events(autojump_clock: None) -> None:
    few = await steps_of_a_start(await campus(20, 400))
    many = await steps_of_a_start(await campus(400, 8_000))
    assert many.total() <= 1.1 * few.total(), many.most_common(5)
