"""What spawners of JupyterHub's kind keep is encrypted beside the log, and goes with the server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import trio

import projections
from core.events.file.store import EventStore, Write
from core.events.record import HUB
from core.events.user import ServerRemoved
from projections.rebuild import drift
from web.starts.spawner_states import SpawnerStates

SECRET = b"s" * 32
STATE = {"pid": 4711, "password": "canary-of-the-state", "nested": {"a": [1]}}


@pytest.fixture
async def store() -> AsyncIterator[EventStore]:
    store = EventStore(":memory:", projections.ALL, threaded=False)
    async with trio.open_nursery() as nursery:
        await nursery.start(store.run)
        yield store
        nursery.cancel_scope.cancel()
    store.close()


async def test_what_is_kept_is_what_is_read_and_nobody_elses_to_read(store: EventStore) -> None:
    states = SpawnerStates(store, SECRET)
    await states.keep("attempt/s1", STATE)
    await states.keep("server/v1", {"a": 1})
    assert states.of("attempt/s1") == states.of("attempt/s1") == STATE
    assert states.keys() == ["attempt/s1", "server/v1"]
    (sealed,) = store.db.execute("SELECT sealed FROM spawner_states WHERE key = 'attempt/s1'").fetchone()
    assert b"canary" not in sealed
    assert SpawnerStates(store, SECRET).of("attempt/s1") == STATE
    assert SpawnerStates(store, b"o" * 32).of("attempt/s1") is None
    assert drift(store.db, projections.ALL) == []


async def test_what_a_reader_does_to_it_is_not_kept(store: EventStore) -> None:
    states = SpawnerStates(store, SECRET)
    await states.keep("attempt/s1", STATE)
    found = states.of("attempt/s1")
    assert found is not None
    found["nested"]["a"].append(2)
    assert states.of("attempt/s1") == STATE


async def test_it_is_changed_and_dropped(store: EventStore) -> None:
    states = SpawnerStates(store, SECRET)
    await states.keep("attempt/s1", STATE)
    await states.keep("attempt/s1", {"pid": 1})
    assert states.of("attempt/s1") == {"pid": 1}
    await states.keep("attempt/s1", None)
    assert states.of("attempt/s1") is None
    assert states.keys() == []


async def test_what_is_kept_of_a_server_goes_with_it(store: EventStore) -> None:
    states = SpawnerStates(store, SECRET)
    await states.keep("server/v1", STATE)
    await states.keep("server/v2", STATE)
    await store.append(Write("user/u1", 0, [ServerRemoved("v1")]), by=HUB)
    assert states.keys() == ["server/v2"]
