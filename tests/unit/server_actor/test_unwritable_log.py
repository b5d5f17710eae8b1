"""When the log cannot be written."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from core.actors.server import LOG_RETRY
from core.errors import (
    UnavailableError,
)
from core.events.server import (
    OptionsStored,
    SpawnProgressed,
    server_stream,
)
from core.events.store import Write
from core.server import (
    Ready,
    Spawning,
    Stopping,
)
from tests.unit.actor_world import ALICE, STARTED, World


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


async def test_a_death_waits_for_the_log(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        await hub.start_ready({"die_after": 10})
        world.store.is_away = True
        await trio.sleep(100)
        assert isinstance(hub.actor().state, Ready)
        world.store.is_away = False
        await hub.wait_stopped()
        assert trio.current_time() <= 100 + 2 * LOG_RETRY.longest


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
