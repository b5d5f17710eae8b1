"""A hub that begins a log from before a server was started: whether it begins, what it does and what it leaves."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

import projections
from core.events.file.store import EventStore, Write
from core.events.record import HUB
from core.events.user import UserDeletionRequested, user_stream
from core.plugins.spawner import Listed
from core.reconcile.sorting_out import NO_CONSENT, Consent
from core.server import Ready
from projections import users
from projections.servers import servers
from projections.servers.servers import ServerRow
from spawners.simulated import SimulatedBackend, SimulatedSettings, SimulatedSpawner
from tests.conftest import ADMIN_TOKEN, SECRET, Client, settings_for_tests
from web.hub.hub import Hub
from web.lifecycle.older_log import TIMEOUT, OlderLogError
from web.main import open_hub


class World:
    """A log, its state before the server was started, and what runs. `alice` and her server are known to both."""

    def __init__(self, directory: Path) -> None:
        self.backend = SimulatedBackend()
        self.newest = str(directory / "newest.sqlite")
        self.older = str(directory / "older.sqlite")
        self.spawner: Any = SimulatedSpawner(SimulatedSettings(), self.backend)

    @asynccontextmanager
    async def hub(self, path: str, consent: Consent = NO_CONSENT) -> AsyncIterator[Hub]:
        store = EventStore(path, projections.ALL, threaded=False)
        try:
            async with open_hub(
                settings_for_tests(), store=store, secret=SECRET, spawner=self.spawner, consent=consent
            ) as hub:
                yield hub
        finally:
            store.close()

    async def prepare(self) -> str:
        """The spawn id of what runs."""
        async with self.hub(self.newest) as hub:
            with closing(sqlite3.connect(self.older)) as copy:
                hub.store.db.backup(copy)
            async with Client(hub, ADMIN_TOKEN) as client:
                assert (await client.post("/users/alice/servers/lab")).status_code in (201, 202)
                (spawn_id,) = self.backend.running()
        return spawn_id


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def server_of(hub: Hub, name: str = "lab") -> ServerRow | None:
    alice = users.by_name(hub.store.db, "alice")
    return None if alice is None else servers.by_name(hub.store.db, alice.id, name)


async def test_it_does_not_begin_and_records_nothing(world: World, autojump_clock: MockClock) -> None:
    spawn_id = await world.prepare()
    store = EventStore(world.older, projections.ALL, threaded=False)
    before = store.head
    with pytest.RaisesGroup(pytest.RaisesExc(OlderLogError, match="alice/lab"), flatten_subgroups=True):
        async with world.hub(world.older):
            raise AssertionError("it has begun")
    assert EventStore(world.older, threaded=False).head == before
    assert world.backend.running() == [spawn_id]


async def test_the_newest_begins_as_ever(world: World, autojump_clock: MockClock) -> None:
    spawn_id = await world.prepare()
    async with world.hub(world.newest) as hub:
        await trio.sleep(10)
        row = server_of(hub)
        assert row is not None
        assert (row.state, row.spawn_id) == ("ready", spawn_id)


async def test_adopted(world: World, autojump_clock: MockClock) -> None:
    spawn_id = await world.prepare()
    async with world.hub(world.older, Consent("adopt")) as hub:
        row = server_of(hub)
        assert row is not None
        state = await hub.servers.actor(row.id).wait_until(lambda state: isinstance(state, Ready))
        assert state.spawn_id == spawn_id
        assert world.backend.running() == [spawn_id]
        token = hub.launch.token(spawn_id)
        async with Client(hub, token) as own:
            assert (await own.get("/user")).json()["name"] == "alice", "its token is worth what it was"
    async with world.hub(world.older):
        assert world.backend.running() == [spawn_id], "and needs no consent again"


async def test_ended(world: World, autojump_clock: MockClock) -> None:
    await world.prepare()
    async with world.hub(world.older, Consent("end")):
        await trio.sleep(10)
        assert world.backend.running() == []


async def test_what_cannot_be_adopted_is_left_alone(
    world: World, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """The user is on the way out in the older log, and still there for a moment."""
    spawn_id = await world.prepare()
    store = EventStore(world.older, projections.ALL, threaded=False)
    async with trio.open_nursery() as nursery:
        await nursery.start(store.run)
        alice = users.by_name(store.db, "alice")
        assert alice is not None
        stream = user_stream(alice.id)
        await store.append(Write(stream, store.version(stream), [UserDeletionRequested()]), by=HUB)
        nursery.cancel_scope.cancel()
    store.close()
    async with world.hub(world.older, Consent("adopt")):
        await trio.sleep(10)
        assert world.backend.running() == [spawn_id]
    assert "cannot be adopted" in caplog.text
    assert "are left alone: alice/lab" in caplog.text


# --- where the backend does not tell ---


async def test_a_backend_that_cannot_be_asked_yet_keeps_no_hub_from_beginning_and_nothing_is_ended(
    world: World, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    spawn_id = await world.prepare()
    world.backend.is_down = True
    async with world.hub(world.older):
        await trio.sleep(100)
        world.backend.is_down = False
        await trio.sleep(1000)
        assert world.backend.running() == [spawn_id]
    assert "are left alone: alice/lab" in caplog.text


class Silent(SimulatedSpawner):
    async def listed(self) -> list[Listed]:
        await trio.sleep_forever()
        raise AssertionError


class Broken(SimulatedSpawner):
    async def listed(self) -> list[Listed]:
        raise KeyError("a bug")


@pytest.mark.parametrize("kind", [Silent, Broken])
async def test_a_spawner_that_is_silent_or_broken_does_not_either(
    world: World, autojump_clock: MockClock, kind: type[SimulatedSpawner]
) -> None:
    spawn_id = await world.prepare()
    world.spawner = kind(SimulatedSettings(), world.backend)
    began = trio.current_time()
    async with world.hub(world.older) as hub:
        assert trio.current_time() - began <= TIMEOUT + 15  # and the wait for servers that are checked
        assert server_of(hub) is None
        assert world.backend.running() == [spawn_id]
