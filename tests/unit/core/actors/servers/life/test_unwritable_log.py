"""When the log cannot be written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from core.actors.servers.server import LOG_RETRY
from core.errors import (
    UnavailableError,
)
from core.events.file import room
from core.events.file.store import Write
from core.events.server import (
    OptionsStored,
    SpawnProgressed,
    server_stream,
)
from core.server import (
    Ready,
    Spawning,
    Stopping,
)
from tests.logs import FullDisk
from tests.unit.core.actors.actor_world import ALICE, STARTED, BreakableStore, Hub, World


async def test_news_waits_for_the_log(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        await hub.start({"delay": 10, "progress": [[2, 10, "one"], [4, 20, "two"], [6, 30, "three"]]})
        await trio.sleep(1)
        world.store.is_away = True
        with pytest.raises(UnavailableError):
            await hub.stop()
        await trio.sleep(300)
        assert isinstance(hub.actor().state, Spawning)
        world.store.is_away = False
        await hub.wait(Ready)
        assert hub.servers.restarts == 0
    told = [event.message for event in world.events() if isinstance(event, SpawnProgressed)]
    assert told == ["Spawning server...", "one", "two", "three"]


async def test_a_log_that_is_long_away_does_not_make_a_start_late(
    world: World, autojump_clock: MockClock
) -> None:
    async with world.hub() as hub:
        await hub.start({"delay": 10})
        await trio.sleep(1)
        world.store.is_away = True
        await trio.sleep(5000)
        world.store.is_away = False
        await hub.wait(Ready)
    assert "SpawnFailed" not in world.names()


@pytest.mark.parametrize("again", [1, 3])
async def test_a_log_that_cannot_be_read_while_a_server_starts_is_no_failed_start(
    world: World, autojump_clock: MockClock, again: int
) -> None:
    failures = again

    async def wait_route() -> None:
        nonlocal failures
        await trio.lowlevel.checkpoint()
        if failures:
            failures -= 1
            error = sqlite3.DatabaseError("database disk image is malformed")
            error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise ExceptionGroup("of a nursery", [error])

    async with world.hub() as hub:
        hub.runtime.wait_route = wait_route
        await hub.start({})
        await trio.sleep(10)
        assert isinstance(hub.actor().state, Ready)
        assert hub.servers.restarts == 0
    assert world.backend.begun == ["s1-1"]
    told = [name for name in world.names() if name != "SpawnProgressed"]
    assert told == ["SpawnRequested", "SpawnAnswered", "SpawnSucceeded"]


async def test_a_death_waits_for_the_log(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        await hub.start_ready({"die_after": 10})
        world.store.is_away = True
        await trio.sleep(100)
        assert isinstance(hub.actor().state, Ready)
        world.store.is_away = False
        await hub.wait_stopped()
        assert trio.current_time() <= 100 + 2 * LOG_RETRY.longest


# --- a disk that is full: what ends is recorded, whatever is refused ---


@pytest.fixture
def full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[World, FullDisk]]:
    """A world on a disk that can be filled, and that disk."""
    path = str(tmp_path / "log.sqlite")
    disk = FullDisk(path)
    world = World()
    world.store.close()
    world.store = BreakableStore(path, threaded=False, connect=disk.connect)
    monkeypatch.setattr(room, "has_room", lambda _: False)
    yield world, disk
    world.store.close()


async def soon_stopped(hub: Hub) -> None:
    with trio.fail_after(60):
        await hub.wait_stopped()


async def test_a_stop_is_recorded_on_a_full_disk(
    full: tuple[World, FullDisk], autojump_clock: MockClock
) -> None:
    world, disk = full
    async with world.hub() as hub:
        await hub.start_ready()
        disk.fill()
        await hub.stop()
        await soon_stopped(hub)
        with pytest.raises(UnavailableError):
            await hub.start()
    assert world.names() == [*STARTED, "StopRequested", "ServerStopped"]


async def test_a_death_is_recorded_on_a_full_disk(
    full: tuple[World, FullDisk], autojump_clock: MockClock
) -> None:
    world, disk = full
    async with world.hub() as hub:
        await hub.start_ready({"die_after": 10})
        disk.fill()
        await soon_stopped(hub)
    assert world.names() == [*STARTED, "ServerDied"]


async def test_a_start_is_cancelled_on_a_full_disk(
    full: tuple[World, FullDisk], autojump_clock: MockClock
) -> None:
    world, disk = full
    async with world.hub() as hub:
        await hub.start({"delay": 100})
        await trio.sleep(1)
        disk.fill()
        await hub.stop()
        await soon_stopped(hub)
    assert world.names()[-2:] == ["SpawnCancelled", "ServerStopped"]


async def test_a_start_fails_on_a_full_disk_with_its_last_words(
    full: tuple[World, FullDisk], autojump_clock: MockClock
) -> None:
    world, disk = full
    async with world.hub() as hub:
        await hub.start({"delay": 10, "fail": "no memory left", "progress": [[5, 50, "not yet recorded"]]})
        await trio.sleep(1)
        disk.fill()
        await soon_stopped(hub)
    assert world.names()[-2:] == ["SpawnProgressed", "SpawnFailed"]
    assert "not yet recorded" in repr(world.events())


async def test_what_was_lost_while_no_hub_ran_is_told_on_a_full_disk(
    full: tuple[World, FullDisk], autojump_clock: MockClock
) -> None:
    world, disk = full
    async with world.hub() as hub:
        await hub.start_ready()
    world.backend.kill(world.backend.begun[0])
    disk.fill()
    async with world.hub() as hub:
        await soon_stopped(hub)
    assert world.names() == [*STARTED, "ServerLost"]


async def test_a_second_writer_is_found_out_and_the_actor_rebuilt(
    world: World, caplog: pytest.LogCaptureFixture, autojump_clock: MockClock
) -> None:
    async with world.hub() as hub:
        await hub.start_ready()
        write = Write(server_stream("v1"), len(STARTED), [OptionsStored({"by": "another"})])
        await world.store.append(write, by=ALICE)
        with pytest.raises(UnavailableError, match="lost track"):
            await hub.stop()
        assert isinstance(await hub.stop(), Stopping)
        assert hub.servers.restarts == 1
    assert "VersionError" in caplog.text
