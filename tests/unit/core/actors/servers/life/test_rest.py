"""Actors that nobody needs, and bugs in what surrounds one."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from core.actors.servers import server as actors
from core.actors.servers.deadlines import GRACE, Deadlines
from core.actors.servers.server_work import ServerWork
from core.plugins.spawner import Attempt, Report
from core.server import (
    Ready,
    Stop,
    StoreOptions,
)
from tests.unit.core.actors.actor_world import ALICE, BreakableSpawner, Hub, World, told_numbers

# --- rest ---


async def test_a_stopped_server_needs_no_task(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        await hub.start_ready()
        await hub.stop()
        await hub.wait_stopped()
        await wait_all_tasks_blocked()
        assert list(hub.servers.awake()) == []
        await hub.start_ready()
        assert len(list(hub.servers.awake())) == 1


async def test_one_at_rest_is_not_asked(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        actor = hub.actor()
        await wait_all_tasks_blocked()
        assert actor.is_at_rest
        assert hub.actor() is not actor
        with pytest.raises(AssertionError):
            await actor.ask(Stop(), by=ALICE)
        with pytest.raises(AssertionError):
            await actor.wait_until(lambda state: isinstance(state, Ready))


@pytest.mark.parametrize("seed", range(10))
async def test_a_command_never_meets_an_actor_that_goes_to_rest(
    world: World, seed: int, autojump_clock: MockClock
) -> None:
    """A thousand interleavings each: short lives, and askers that come after any number of the loop's steps."""
    import random

    chance = random.Random(seed)
    counts = {"answered": 0, "left": 0}

    async def ask(hub: Hub, number: int, steps: int, patient: bool) -> None:
        for _ in range(steps):
            await trio.lowlevel.checkpoint()
        server_id = f"v{number % 7}"
        with trio.CancelScope() as scope:
            if not patient:
                scope.deadline = trio.current_time()
            await hub.servers.ask(server_id, StoreOptions({"n": number}), by=ALICE)
            counts["answered"] += 1
        if scope.cancelled_caught:
            counts["left"] += 1

    async with world.hub() as hub:
        with trio.fail_after(60):
            async with trio.open_nursery() as nursery:
                for number in range(1000):
                    nursery.start_soon(ask, hub, number, chance.randrange(300), chance.random() < 0.9)
        await wait_all_tasks_blocked()
        assert list(hub.servers.awake()) == []
        assert hub.servers.restarts == 0
        assert hub.folds > 50  # so often one had gone to rest
    assert sum(counts.values()) == 1000
    numbers = told_numbers(world, *(f"v{number}" for number in range(7)))
    assert sorted(numbers) == list(range(1000)), "a command was lost, or carried out twice"


# --- bugs in what surrounds an actor ---


async def test_a_bug_in_the_work_is_met_with_a_new_actor_for_the_same_state(
    world: World, autojump_clock: MockClock
) -> None:
    async with world.hub() as hub:
        hub.runtime.wait_route = raise_times(3, KeyError("bug in the proxies"))
        await hub.start({}, spawn_id="s1")
        state = await hub.wait_stopped()
        assert state.failure is not None  # a start that breaks has failed, whatever broke it
        assert state.failure.reason == "'bug in the proxies'"


def raise_times(times: int, error: Exception) -> Callable[[], Any]:
    left = [error] * times

    async def call() -> None:
        await trio.lowlevel.checkpoint()
        if left:
            raise left.pop()

    return call


async def test_work_that_breaks_after_its_state_was_left_is_only_noted(
    world: World, caplog: pytest.LogCaptureFixture, autojump_clock: MockClock
) -> None:
    class Clumsy(BreakableSpawner):
        async def start(self, attempt: Attempt, report: Report) -> str:
            try:
                await trio.sleep_forever()
            finally:
                raise OSError("the clean-up has failed")

    world.spawner = Clumsy(world.backend)
    async with world.hub() as hub:
        await hub.start({})
        await trio.sleep(1)
        await hub.stop()
        await hub.wait_stopped()
        assert hub.servers.restarts == 0


async def test_work_that_breaks_at_the_end_of_the_hub_does_not_break_the_end(
    world: World, caplog: pytest.LogCaptureFixture, autojump_clock: MockClock
) -> None:
    class Clumsy(BreakableSpawner):
        async def start(self, attempt: Attempt, report: Report) -> str:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._clean_up_badly)
            return ""

        async def _clean_up_badly(self) -> None:
            try:
                await trio.sleep_forever()
            finally:
                raise OSError("the clean-up has failed")

    world.spawner = Clumsy(world.backend)
    with caplog.at_level(logging.ERROR):
        async with world.hub() as hub:
            await hub.start({})
            await trio.sleep(1)
    assert "the clean-up has failed" in caplog.text


@pytest.mark.parametrize("left", [(), ("s0",)])
async def test_work_that_ends_without_its_state_is_a_bug(
    world: World, left: tuple[str, ...], autojump_clock: MockClock
) -> None:
    async def tell(command: object) -> None:
        """To a server that is not impressed."""
        await trio.lowlevel.checkpoint()

    async with world.hub() as hub:
        work = ServerWork("v1", hub.runtime, tell, lambda _: None, lambda _: None)
        with pytest.RaisesGroup(AssertionError, allow_unwrapped=True, flatten_subgroups=True):
            await work.live(Ready("s1", {}, "/user/alice/", "http://s1.simulated", left))


def test_deadlines_are_what_the_others_think_they_are() -> None:
    assert Deadlines() == Deadlines(start=60, answer=30, routed=2, stop=70, poll=30)
    assert actors.LOG_RETRY.longest < GRACE
