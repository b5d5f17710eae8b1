"""A start, a stop, and commands that meet a server that is busy."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from core.errors import (
    AlreadyRunningError,
    BusyError,
    SpawnError,
    UnreachableError,
)
from core.events.server import (
    LeftoverEnded,
    ServerStopped,
)
from core.server import (
    Ready,
    Spawning,
    Stopped,
    Stopping,
    StoreOptions,
    has_ended,
)
from tests.unit.core.actors.actor_world import ALICE, STARTED, Hub, World, told_numbers

# --- a life without trouble ---


async def test_a_start_becomes_ready_and_a_stop_ends_it(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        asked = await hub.start({"delay": 3}, spawn_id="s1")
        assert isinstance(asked, Spawning)
        ready = await hub.wait(Ready)
        assert ready == Ready("s1", {"simulate": {"delay": 3}}, "/user/alice/", "http://s1.simulated")
        assert trio.current_time() == pytest.approx(3, abs=0.1)
        assert isinstance(await hub.stop(), Stopping)
        assert await hub.wait_stopped() == Stopped(ready.user_options, None, "s1")
    assert world.names() == [*STARTED, "StopRequested", "ServerStopped"]
    assert world.backend.running() == []


async def test_the_log_says_who_asked_and_what_followed_from_what(
    world: World, autojump_clock: MockClock
) -> None:
    async with world.hub() as hub:
        await hub.start_ready()
        await hub.stop()
        await hub.wait_stopped()
    asked, progressed, answered, ready, halted, stopped = world.records()
    assert (asked.by, halted.by) == (ALICE, ALICE)
    assert {record.by.principal for record in (progressed, answered, ready, stopped)} == {"hub"}
    assert {record.by.cause for record in (progressed, answered, ready)} == {asked.position}
    assert stopped.by.cause == halted.position


async def test_a_refusal_is_the_callers_and_changes_nothing(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        await hub.start_ready()
        with pytest.raises(AlreadyRunningError):
            await hub.start()
        assert isinstance(hub.actor().state, Ready)
    assert world.names() == STARTED


async def test_a_start_drops_the_output_of_the_one_before(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        await hub.start({}, spawn_id="s1")
        await hub.wait(Ready)
        await hub.stop()
        await hub.wait_stopped()
        assert world.backend.lines("s1")
        await hub.start_ready()
        assert world.backend.lines("s1") == []


# --- commands while it is busy ---


async def test_commands_take_turns_and_each_is_answered_once(world: World, autojump_clock: MockClock) -> None:
    answered: list[int] = []

    async def store(hub: Hub, number: int) -> None:
        state = await hub.servers.ask("v1", StoreOptions({"n": number}), by=ALICE)
        assert isinstance(state, Stopped)
        assert state.user_options == {"n": number}
        answered.append(number)

    async with world.hub() as hub:
        world.store.gate = trio.Event()
        async with trio.open_nursery() as nursery:
            for number in range(50):
                nursery.start_soon(store, hub, number)
            await wait_all_tasks_blocked()
            assert answered == []
            world.store.gate.set()
    assert sorted(answered) == list(range(50))
    assert told_numbers(world) == answered


async def test_a_full_mailbox_refuses_and_lets_reports_through(autojump_clock: MockClock) -> None:
    world = World(mailbox_size=3)
    outcomes: list[str] = []

    async def ask(hub: Hub) -> None:
        try:
            await hub.servers.ask("v1", StoreOptions({}), by=ALICE)
        except Exception as error:
            outcomes.append(type(error).__name__)

    async with world.hub() as hub:
        await hub.start({"delay": 5})
        world.store.gate = trio.Event()
        async with trio.open_nursery() as nursery:
            await trio.sleep(0.1)  # the first message is on its way to the log
            for _ in range(10):
                nursery.start_soon(ask, hub)
            await trio.sleep(20)  # the spawn has long been over, and says so
            assert outcomes == ["BusyError"] * 7
            assert hub.actor().waiting == 3 + 1
            with pytest.raises(BusyError):
                await hub.stop()
            world.store.gate.set()
        assert outcomes == ["BusyError"] * 7 + ["PendingError"] * 3
        await hub.wait(Ready)


async def test_a_caller_who_has_gone_is_no_loss(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        world.store.gate = trio.Event()
        with trio.move_on_after(1) as timeout:
            await hub.start({"delay": 5})
        assert timeout.cancelled_caught
        world.store.gate.set()
        await hub.wait(Ready)
        assert hub.servers.restarts == 0
    assert world.names() == STARTED


async def test_a_repeated_start_finds_the_first(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        first = await hub.start({"delay": 5}, spawn_id="s1")
        assert (await hub.start({}, spawn_id="s2")).spawn_id == first.spawn_id == "s1"
        await hub.wait(Ready)
    assert world.backend.begun == ["s1"]


# --- stopping ---


async def test_a_stop_that_cannot_be_confirmed_is_shown_as_stopped_and_goes_on(
    world: World, autojump_clock: MockClock
) -> None:
    async with world.hub() as hub:
        ready = await hub.start_ready({"stop_hangs": True})
        begin = trio.current_time()
        await hub.stop()
        state = await hub.wait_stopped()
        assert trio.current_time() - begin == pytest.approx(70, abs=1)
        assert state.leftovers == (ready.spawn_id,)
        await trio.sleep(500)
        assert hub.actor().state.leftovers == (ready.spawn_id,)
        world.backend.kill(ready.spawn_id)
        await hub.actor().wait_until(has_ended)
    assert world.events()[-2:] == [
        ServerStopped(ready.spawn_id, leftover=True),
        LeftoverEnded(ready.spawn_id, -9),
    ]


async def test_a_stop_is_asked_for_again_until_it_works(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        await hub.start_ready()
        world.spawner.errors["stop"] = [UnreachableError("away"), KeyError("bug"), SpawnError("odd")]
        await hub.stop()
        state = await hub.wait_stopped()
        assert state.leftovers == ()
        assert trio.current_time() < 2
    assert world.spawner.count("stop") == 4


async def test_leftovers_go_with_the_next_start_and_end_meanwhile(
    world: World, autojump_clock: MockClock
) -> None:
    async with world.hub() as hub:
        first = await hub.start_ready({"stop_hangs": True})
        await hub.stop()
        await hub.wait_stopped()
        second = await hub.start_ready()
        assert second.leftovers == (first.spawn_id,)
        assert world.backend.running() == sorted([first.spawn_id, second.spawn_id])
        assert world.backend.lines(first.spawn_id)  # not dropped: it still runs
        world.backend.kill(first.spawn_id)
        await hub.actor().wait_until(lambda state: not state.leftovers)
        assert isinstance(hub.actor().state, Ready)
        assert world.backend.running() == [second.spawn_id]
        assert world.backend.lines(first.spawn_id) == []


async def test_leftovers_end_in_the_end_across_restarts_too(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        first = await hub.start_ready({"stop_hangs": True})
        await hub.stop()
        await hub.wait_stopped()
    async with world.hub() as hub:
        await trio.sleep(100)
        second = await hub.start_ready({"stop_hangs": True})
        await hub.stop()
        state = await hub.wait_stopped()
        assert state.leftovers == (first.spawn_id, second.spawn_id)
    async with world.hub() as hub:
        await trio.sleep(100)
        world.backend.kill(first.spawn_id)
        await hub.actor().wait_until(lambda state: len(state.leftovers) == 1)
        world.backend.kill(second.spawn_id)
        await hub.actor().wait_until(has_ended)
    assert world.names().count("LeftoverEnded") == 2
