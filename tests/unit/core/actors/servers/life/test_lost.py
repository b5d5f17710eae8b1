"""A server whose node is lost: it may run on, or not, and nobody takes the one for the other."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from core.server import Checking, Ready
from tests.unit.core.actors.actor_world import STARTED, Hub, World


async def lose(world: World, hub: Hub) -> Ready:
    """A server that is ready, on a node that goes down."""
    ready = await hub.start_ready()
    world.backend.lose(ready.spawn_id)
    assert isinstance(await hub.wait(Checking), Checking)
    return ready


async def test_a_lost_node_is_told_of_and_ends_nothing(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        ready = await lose(world, hub)
        await trio.sleep(5000)
        state = hub.actor().state
        assert isinstance(state, Checking)
        assert state.lost == "Its simulated node is lost."
        assert state.spawn_id == ready.spawn_id
        assert hub.servers.restarts == 0
    assert world.names() == [*STARTED, "OutOfSight"], "it is told once"
    assert world.backend.running() == [ready.spawn_id]


async def test_a_node_that_comes_back_brings_its_server_along(
    world: World, autojump_clock: MockClock
) -> None:
    async with world.hub() as hub:
        ready = await lose(world, hub)
        await trio.sleep(100)
        world.backend.lost.clear()
        assert await hub.wait(Ready) == ready
    assert world.names() == [*STARTED, "OutOfSight", "ServerAdopted"]


async def test_a_node_that_comes_back_without_its_server_tells_of_its_end(
    world: World, autojump_clock: MockClock
) -> None:
    async with world.hub() as hub:
        ready = await lose(world, hub)
        world.backend.kill(ready.spawn_id)
        world.backend.lost.clear()
        await hub.wait_stopped()
    assert world.names() == [*STARTED, "OutOfSight", "ServerLost"]


async def test_a_new_start_fences_what_may_still_run_and_ends_it_once_it_is_back(
    world: World, autojump_clock: MockClock
) -> None:
    async with world.hub() as hub:
        old = await lose(world, hub)
        new = await hub.start_ready()
        assert new.spawn_id != old.spawn_id
        assert new.leftovers == (old.spawn_id,)
        await trio.sleep(5000)
        assert world.backend.running() == sorted([old.spawn_id, new.spawn_id]), "nobody can end it yet"
        world.backend.lost.clear()
        await hub.actor().wait_until(lambda state: not state.leftovers)
        assert world.backend.running() == [new.spawn_id]
    fenced = ["OutOfSight", "StopRequested", "ServerStopped", *STARTED, "LeftoverEnded"]
    assert world.names() == [*STARTED, *fenced]


async def test_the_next_hub_finds_a_lost_server_lost(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        ready = await lose(world, hub)
    async with world.hub() as hub:
        await trio.sleep(100)
        state = hub.actor().state
        assert isinstance(state, Checking)
        assert state.lost
        world.backend.lost.clear()
        assert await hub.wait(Ready) == ready
    assert world.names() == [*STARTED, "OutOfSight", "ServerAdopted"]


async def test_a_start_whose_node_is_lost_fails_at_once_and_leaves_it_behind(
    world: World, autojump_clock: MockClock
) -> None:
    async with world.hub() as hub:
        await hub.start({"ready": False})
        await trio.sleep(1)
        (spawn_id,) = world.backend.running()
        world.backend.lose(spawn_id)
        begin = trio.current_time()
        state = await hub.wait_stopped()
        assert trio.current_time() - begin < 5
        assert state.leftovers == (spawn_id,)
        assert state.failure is not None
        assert state.failure.reason == "The server was lost before it was ready. Its simulated node is lost."
        world.backend.lost.clear()
        await hub.actor().wait_until(lambda state: not state.leftovers)
    assert world.backend.running() == []


async def test_a_lost_server_can_be_stopped_and_is_ended_once_it_is_back(
    world: World, autojump_clock: MockClock
) -> None:
    async with world.hub() as hub:
        old = await lose(world, hub)
        await hub.stop()
        assert (await hub.wait_stopped()).leftovers == (old.spawn_id,)
        world.backend.lost.clear()
        await hub.actor().wait_until(lambda state: not state.leftovers)
    assert world.backend.running() == []
