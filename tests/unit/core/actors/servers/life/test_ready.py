"""A server that runs: it dies, is lost, is looked after."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from core.actors.servers.server import LOOK
from core.errors import (
    UnreachableError,
)
from core.events.server import (
    ServerDied,
)
from core.plugins.spawner import Gone, Running
from core.server import (
    Ready,
)
from tests.unit.core.actors.actor_world import STARTED, BreakableSpawner, World


async def test_a_death_is_noticed_at_once_where_the_spawner_is_told(
    world: World, autojump_clock: MockClock
) -> None:
    world.spawner.trouble = "Its port is taken."
    async with world.hub() as hub:
        ready = await hub.start_ready({"die_after": 1000, "exit_status": 7})
        assert await hub.wait_stopped()
        assert trio.current_time() == pytest.approx(1000, abs=0.1)
    assert world.events()[-1] == ServerDied(ready.spawn_id, 7, "Its port is taken.")


async def test_a_death_is_noticed_at_the_next_poll_where_it_is_not(
    world: World, autojump_clock: MockClock
) -> None:
    world.spawner.held = {"wait_news"}
    async with world.hub() as hub:
        await hub.start_ready({"die_after": 100})
        await hub.wait_stopped()
        assert 100 <= trio.current_time() <= 130.1


async def test_without_polling_a_look_notices(world: World, autojump_clock: MockClock) -> None:
    world.poll_interval = 0
    world.spawner.held = {"wait_news"}
    async with world.hub() as hub:
        await hub.start_ready({"die_after": 100})
        await trio.sleep(5000)
        assert isinstance(hub.actor().state, Ready)
        await hub.servers.look("v1")
        await hub.wait_stopped()
    assert world.names()[-1] == "ServerDied"


async def test_a_look_that_takes_long_is_left_to_the_watch(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        await hub.start_ready()
        world.spawner.held = {"poll"}
        begin = trio.current_time()
        await hub.servers.look("v1")
        assert trio.current_time() - begin == pytest.approx(LOOK)
        world.spawner.held = set()
        world.spawner.errors["poll"] = [UnreachableError("away"), KeyError("bug")]
        await hub.servers.look("v1")
        await hub.servers.look("v1")
        await hub.servers.look("v-unknown")
        assert isinstance(hub.actor().state, Ready)


async def test_a_look_and_the_watch_may_notice_at_once(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        ready = await hub.start_ready()
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(hub.servers.look, "v1")
            world.backend.kill(ready.spawn_id)
        await hub.wait_stopped()
    assert world.names() == [*STARTED, "ServerDied"]


async def test_a_look_at_one_that_comes_to_rest_meanwhile_returns(
    world: World, autojump_clock: MockClock
) -> None:
    async with world.hub() as hub:
        ready = await hub.start_ready()
        slow = trio.Event()

        class Slow(BreakableSpawner):
            async def poll(self, spawn_id: str) -> Running | Gone:
                await slow.wait()
                return await super().poll(spawn_id)

        actor = hub.actor()
        hub.runtime.spawner = actor._work._spawner = Slow(world.backend)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(hub.servers.look, "v1")
            await wait_all_tasks_blocked()
            hub.runtime.spawner = actor._work._spawner = world.spawner
            await hub.stop()
            await hub.wait_stopped()
            await wait_all_tasks_blocked()
            assert actor.is_at_rest
            came = trio.current_time()
            slow.set()
        assert trio.current_time() - came < 1, "it told somebody who will never answer"
        assert world.backend.running() == []
        assert ready.spawn_id in world.backend.begun


async def test_not_being_able_to_ask_never_ends_a_server(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        await hub.start_ready({"unreachable_from": 10, "unreachable_for": 5000})
        await trio.sleep(4000)
        assert isinstance(hub.actor().state, Ready)
        assert hub.servers.restarts == 0
        assert world.spawner.count("poll") < 300  # it is not asked in a hurry either
    assert world.names() == STARTED


async def test_a_death_while_nobody_could_ask_is_noticed_afterwards(
    world: World, autojump_clock: MockClock
) -> None:
    async with world.hub() as hub:
        await hub.start_ready({"unreachable_from": 10, "unreachable_for": 500, "die_after": 100})
        await hub.wait_stopped()
        assert 510 <= trio.current_time() <= 510 + 31
    assert world.names() == [*STARTED, "ServerDied"]


@pytest.mark.parametrize("method", ["poll", "wait_news"])
async def test_a_spawner_that_breaks_when_asked_is_as_good_as_away(
    world: World, method: str, autojump_clock: MockClock
) -> None:
    async with world.hub() as hub:
        await hub.start_ready({"die_after": 100})
        world.spawner.errors[method] = [KeyError("bug")] * 5
        await hub.wait_stopped()
        assert hub.servers.restarts == 0


async def test_a_poll_that_hangs_is_as_good_as_none(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        await hub.start_ready({"die_after": 10})
        world.spawner.held = {"poll"}
        await trio.sleep(300)
        assert isinstance(hub.actor().state, Ready)
        world.spawner.held = set()
        await hub.wait_stopped()


async def test_a_spawner_with_news_all_the_time_is_not_polled_in_a_hurry(
    world: World, autojump_clock: MockClock
) -> None:
    class Chatty(BreakableSpawner):
        async def wait_news(self, spawn_id: str) -> None:
            await trio.lowlevel.checkpoint()

    world.spawner = Chatty(world.backend)
    async with world.hub() as hub:
        await hub.start_ready()
        await trio.sleep(10)
        assert world.spawner.count("poll") <= 110


@pytest.mark.parametrize("status", ["1", 1.5, True, 2**70])
async def test_a_status_that_is_none_is_not_recorded(
    world: World, status: Any, autojump_clock: MockClock
) -> None:
    class Odd(BreakableSpawner):
        async def poll(self, spawn_id: str) -> Running | Gone:
            await trio.lowlevel.checkpoint()
            return Gone(status)

    async with world.hub() as hub:
        await hub.start_ready()
        hub.runtime.spawner = hub.actor()._work._spawner = Odd(world.backend)
        await hub.servers.look("v1")
        await hub.wait_stopped()
    assert world.events()[-1].exit_status is None  # type: ignore[union-attr]
    async with world.hub() as hub:
        await hub.start_ready()


async def test_why_it_has_ended_is_recorded_with_what_else_is_wrong(
    world: World, autojump_clock: MockClock
) -> None:
    class Knowing(BreakableSpawner):
        async def poll(self, spawn_id: str) -> Running | Gone:
            await trio.lowlevel.checkpoint()
            return Gone(137, "Its volume is full.", "It ran out of memory.")

    async with world.hub() as hub:
        await hub.start_ready()
        hub.runtime.spawner = Knowing(world.backend)
        await hub.servers.look("v1")
        await hub.wait_stopped()
    assert world.events()[-1] == ServerDied("s1-1", 137, "It ran out of memory. Its volume is full.")
