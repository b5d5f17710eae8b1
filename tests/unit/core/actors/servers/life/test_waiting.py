"""A start that waits in the queue of an engine: that is told, and does not count as starting."""

from __future__ import annotations

import pytest
import trio
from msgspec.structs import replace
from trio.testing import MockClock

from core.actors.servers.deadlines import Deadlines
from core.events.server import SpawnFailed, SpawnProgressed
from core.plugins.spawner import Attempt, Progress, Report
from core.server import Ready, Spawning, Stopped
from tests.unit.core.actors.actor_world import ALICE, BreakableSpawner, World, start_of


class Queueing(BreakableSpawner):
    """A start waits `before` seconds in the engine's queue, then takes `after` more."""

    before, after = 3000.0, 30.0

    async def start(self, attempt: Attempt, report: Report) -> str:
        report(Progress("Waiting for a node (Priority).", is_waiting=True))
        await trio.sleep(self.before)
        report(Progress("Begun on node7."))
        await trio.sleep(self.after)
        return await super().start(attempt, report)


@pytest.fixture
def queueing() -> World:
    world = World(deadlines=Deadlines(start=60, waiting=3600))
    world.spawner = Queueing(world.backend)
    return world


async def test_it_may_wait_for_longer_than_a_start_may_take(
    queueing: World, autojump_clock: MockClock
) -> None:
    async with queueing.hub() as hub:
        await hub.start_ready()
    told = [event for event in queueing.events() if isinstance(event, SpawnProgressed)]
    assert [(event.message, event.extra) for event in told[:2]] == [
        ("Waiting for a node (Priority).", {"waiting": True}),
        ("Begun on node7.", {}),
    ]


@pytest.mark.parametrize(
    ("before", "after", "seconds", "reason"),
    [
        (3000, 61, 3060, "The server did not start within 60 seconds."),
        (3700, 1, 3600, "The server waited in the queue of its engine for 3600 seconds."),
    ],
)
async def test_starting_and_waiting_have_deadlines_of_their_own(
    queueing: World, autojump_clock: MockClock, before: float, after: float, seconds: float, reason: str
) -> None:
    queueing.spawner.before, queueing.spawner.after = before, after
    async with queueing.hub() as hub:
        began = trio.current_time()
        await hub.start()
        stopped = await hub.wait_stopped()
        assert trio.current_time() - began == pytest.approx(seconds, abs=1)
    assert isinstance(stopped.failure, SpawnFailed)
    assert stopped.failure.reason == reason


async def test_it_can_be_cancelled_and_taken_up_by_the_next_hub(
    queueing: World, autojump_clock: MockClock
) -> None:
    async with queueing.hub() as hub:
        await hub.start()
        await trio.sleep(1000)
    async with queueing.hub() as hub:
        state = await hub.actor().wait_until(lambda state: isinstance(state, Ready))
        assert isinstance(state, Ready)
        await hub.stop()
        await hub.wait_stopped()
        await hub.start()
        await trio.sleep(1000)
        await hub.stop()
        assert (await hub.wait_stopped()).failure is None


async def test_it_leaves_its_place_among_those_that_start_to_others(
    queueing: World, autojump_clock: MockClock
) -> None:
    async with queueing.hub() as hub:
        limits = hub.runtime.limits
        limits.configure(1, 0, 10)
        await hub.start({})
        await trio.sleep(10)
        assert limits.spawning == 0
        with limits.acquire_slot(Stopped(), 1) as queued:
            assert not queued, "another may start meanwhile"
        await trio.sleep(3005)
        assert limits.spawning == 1
        await hub.wait(Ready)
        assert limits.spawning == 0


async def test_whoever_waits_for_a_turn_has_it_once_another_waits_in_its_engine(
    queueing: World, autojump_clock: MockClock
) -> None:
    async with queueing.hub() as hub:
        hub.runtime.limits.configure(1, 0, 10)
        await hub.start({})
        began = trio.current_time()
        command = replace(start_of("s9", {}), queued=True)
        await hub.servers.ask("v2", command, by=ALICE)
        await hub.wait(Spawning, "v2")
        assert trio.current_time() - began < 5
