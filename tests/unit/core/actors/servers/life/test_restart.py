"""What the next hub makes of what it finds."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from core.errors import SpawnError
from core.events.server import (
    ServerLost,
    ServerStopped,
    StopRequested,
)
from core.plugins.spawner import ANOTHER_ANSWERS
from core.server import (
    Checking,
    Ready,
    Spawning,
    Stopping,
    has_ended,
)
from tests.unit.core.actors.actor_world import STARTED, World


async def test_a_spawn_goes_on_and_is_not_begun_again(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        await hub.start({"delay": 10}, spawn_id="s1")
        await trio.sleep(4)
    async with world.hub() as hub:
        await hub.wait(Ready)
        assert trio.current_time() == pytest.approx(10, abs=0.1)
    assert world.backend.begun == ["s1"]


async def test_a_spawn_whose_server_has_answered_becomes_ready(
    world: World, autojump_clock: MockClock
) -> None:
    async with world.hub() as hub:
        hub.runtime.wait_route = trio.sleep_forever
        await hub.start({}, spawn_id="s1")
        await hub.actor().wait_until(lambda state: isinstance(state, Spawning) and bool(state.url))
    async with world.hub() as hub:
        await hub.wait(Ready)
    assert [name for name in world.names() if name != "SpawnProgressed"] == [
        "SpawnRequested",
        "SpawnAnswered",
        "SpawnSucceeded",
    ]


async def test_a_spawn_that_ended_while_no_hub_was_there_has_failed(
    world: World, autojump_clock: MockClock
) -> None:
    async with world.hub() as hub:
        await hub.start({"delay": 5}, spawn_id="s1")
        await trio.sleep(1)
    world.backend.kill("s1")
    async with world.hub() as hub:
        failure = (await hub.wait_stopped()).failure
        assert failure is not None
        assert failure.exit_status == -9
    assert world.backend.begun == ["s1"]


async def test_a_stop_goes_on(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        await hub.start_ready({"stop_delay": 20})
        await hub.stop()
        await trio.sleep(5)
    async with world.hub() as hub:
        assert isinstance(await hub.wait(Stopping), Stopping)
        await hub.wait_stopped()
        assert trio.current_time() == pytest.approx(20, abs=0.2)
    assert world.names()[-2:] == ["StopRequested", "ServerStopped"]


async def test_a_cancelled_start_goes_on_ending(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        await hub.start({"delay": 50, "stop_delay": 20}, spawn_id="s1")
        await trio.sleep(1)
        await hub.stop()
    async with world.hub() as hub:
        await hub.wait_stopped()
    assert world.backend.running() == []


async def test_a_ready_server_is_checked_and_adopted(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        ready = await hub.start_ready()
    async with world.hub() as hub:
        assert await hub.wait(Checking) == Checking(
            ready.spawn_id, ready.user_options, ready.prefix, ready.url
        )
        assert await hub.wait(Ready) == ready
    assert world.names() == [*STARTED, "ServerAdopted"]


async def test_one_that_died_meanwhile_is_lost(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        ready = await hub.start_ready()
    world.backend.kill(ready.spawn_id, 5)
    world.spawner.trouble = "Its port is taken."
    async with world.hub() as hub:
        await hub.wait_stopped()
    assert world.events()[-1] == ServerLost(ready.spawn_id, 5, "Its port is taken.")


async def test_one_that_does_not_answer_any_more_is_stopped(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        ready = await hub.start_ready()
    world.spawner.held = {"wait_up"}
    async with world.hub() as hub:
        await hub.wait(Stopping)
        assert trio.current_time() == pytest.approx(30, abs=1)
        await hub.wait_stopped()
    why = "It runs, but did not answer after a restart of the hub."
    assert world.events()[-2:] == [
        StopRequested(ready.spawn_id, why, "reconciler"),
        ServerStopped(ready.spawn_id, 0),
    ]


async def test_one_in_whose_place_another_answers_is_stopped(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        ready = await hub.start_ready()
    world.spawner.errors["wait_up"] = [SpawnError("Another answers.", reason=ANOTHER_ANSWERS)]
    async with world.hub() as hub:
        await hub.wait_stopped()
        assert trio.current_time() < 1
    why = "Found after a restart of the hub: Another answers."
    assert world.events()[-2:] == [
        StopRequested(ready.spawn_id, why, "reconciler"),
        ServerStopped(ready.spawn_id, 0),
    ]


async def test_one_that_dies_while_it_is_asked_is_lost(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        ready = await hub.start_ready()
    world.spawner.held = {"wait_up"}
    async with world.hub() as hub:
        await trio.sleep(10)
        world.backend.kill(ready.spawn_id)
        await hub.wait_stopped()
        assert trio.current_time() == pytest.approx(10, abs=0.2)
    assert world.events()[-1] == ServerLost(ready.spawn_id, -9)


async def test_while_nobody_can_tell_it_stays_in_check(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        await hub.start_ready()
    world.backend.is_down = True
    async with world.hub() as hub:
        await trio.sleep(10_000)
        assert isinstance(hub.actor().state, Checking)
        assert world.names() == STARTED
        world.backend.is_down = False
        await hub.wait(Ready)


async def test_silence_while_nobody_can_tell_is_no_reason_to_stop_it(
    world: World, autojump_clock: MockClock
) -> None:
    async with world.hub() as hub:
        await hub.start_ready()
    world.spawner.held = {"wait_up"}
    async with world.hub() as hub:
        await trio.sleep(10)
        world.backend.is_down = True  # and so is, maybe, the network between
        await trio.sleep(1000)
        assert isinstance(hub.actor().state, Checking)
        world.spawner.held = set()
        world.backend.is_down = False
        await hub.wait(Ready)
    assert world.names() == [*STARTED, "ServerAdopted"]


async def test_a_check_can_be_stopped_by_its_user(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        ready = await hub.start_ready()
    world.backend.is_down = True
    async with world.hub() as hub:
        await trio.sleep(100)
        await hub.stop()
        assert (await hub.wait_stopped()).leftovers == (ready.spawn_id,)
        world.backend.is_down = False
        await hub.actor().wait_until(has_ended)


async def test_a_check_stops_one_although_the_mailbox_is_full_and_the_log_away(
    autojump_clock: MockClock,
) -> None:
    world = World(mailbox_size=1)
    async with world.hub() as hub:
        await hub.start_ready()
    world.spawner.held = {"wait_up"}
    async with world.hub() as hub:
        await hub.wait(Checking)
        world.store.is_away = True
        await trio.sleep(40)
        assert isinstance(hub.actor().state, Checking)
        world.store.is_away = False
        await hub.wait_stopped()
        assert hub.servers.restarts == 0


async def test_restart_after_restart_changes_nothing(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        ready = await hub.start_ready()
    world.backend.is_down = True
    for _ in range(5):
        async with world.hub() as hub:
            await trio.sleep(50)
    world.backend.is_down = False
    async with world.hub() as hub:
        assert await hub.wait(Ready) == ready
    assert world.names() == [*STARTED, "ServerAdopted"]
