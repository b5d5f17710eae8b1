"""Actors that die, and what becomes of their servers and of everybody else's."""

from __future__ import annotations

import logging
import sqlite3

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from core.actors.servers.supervisor import INTENSITY, ISOLATION, PERIOD
from core.errors import DoubtError, UnavailableError
from core.server import Ready, Server, Spawning, Stop, Stopped, Stopping, has_ended
from tests.unit.core.actors.actor_world import ALICE, Hub, World


@pytest.fixture
def world() -> World:
    return World()


def break_on(hub: Hub, kind: type, times: int) -> None:
    """The next so many times that a server enters such a state, a bug strikes right after it was recorded."""
    left = [KeyError("bug")] * times

    def strike(state: Server) -> None:
        if isinstance(state, kind) and left:
            raise left.pop()

    hub.runtime.break_change = strike


def kill(hub: Hub, times: int, server_id: str = "v1") -> None:
    hub.world.store.hiccups += [KeyError("bug in the store")] * times


async def knock(hub: Hub, server_id: str = "v1") -> str:
    """What a stop is answered."""
    try:
        return type(await hub.servers.ask(server_id, Stop(), by=ALICE)).__name__
    except UnavailableError as error:
        return error.message


async def test_a_server_whose_actor_dies_is_rebuilt_from_the_log(
    world: World, autojump_clock: MockClock
) -> None:
    async with world.hub() as hub:
        break_on(hub, Ready, 1)
        ready = await hub.start_ready()
        assert hub.servers.restarts == 1
        assert isinstance(await hub.stop(), Stopping)
        await hub.wait_stopped()
    assert world.backend.begun == [ready.spawn_id]
    assert world.names()[-2:] == ["StopRequested", "ServerStopped"]


@pytest.mark.parametrize("kind", [Spawning, Ready, Stopping, Stopped])
async def test_a_bug_at_any_state_changes_nothing_in_the_end(
    world: World, kind: type, autojump_clock: MockClock
) -> None:
    async with world.hub() as hub:
        break_on(hub, kind, 2)
        try:
            await hub.start({"delay": 3})
        except UnavailableError:
            assert kind is Spawning  # it was recorded, and the answer got lost
        await hub.wait(Ready)
        await knock(hub)
        await hub.actor().wait_until(has_ended)
    assert [name for name in world.names() if name != "SpawnProgressed"] == [
        "SpawnRequested",
        "SpawnAnswered",
        "SpawnSucceeded",
        "StopRequested",
        "ServerStopped",
    ]
    assert len(world.backend.begun) == 1


async def test_who_asked_is_told_and_who_waits_in_line_is_served(
    world: World, autojump_clock: MockClock
) -> None:
    answers: list[str] = []

    async def ask(hub: Hub) -> None:
        answers.append(await knock(hub))

    async with world.hub() as hub:
        await hub.start_ready({"stop_delay": 5})
        kill(hub, 1)
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(ask, hub)
        assert sorted(answers)[:2] == ["Stopping", "Stopping"]
        assert "lost track" in sorted(answers)[2]
        assert hub.servers.restarts == 1


async def test_an_actor_that_dies_before_it_has_read_the_log_is_not_taken_for_one_at_rest(
    world: World, autojump_clock: MockClock
) -> None:
    async with world.hub() as hub:
        await hub.start_ready({"die_after": 100})
    read, troubles = world.store.read, [OSError("disk"), OSError("disk")]

    async def break_read(stream: str, after: int = 0) -> object:
        if troubles and stream == "server/v1":
            raise troubles.pop()
        return await read(stream, after)

    world.store.read = break_read  # type: ignore[method-assign, assignment]
    async with world.hub() as hub:
        await wait_all_tasks_blocked()
        assert hub.servers.restarts == 2
        await hub.wait(Ready)
        await hub.wait_stopped()


async def test_one_that_dies_too_often_is_set_aside_and_others_are_not(
    world: World, autojump_clock: MockClock
) -> None:
    async with world.hub() as hub:
        await hub.start_ready()
        await hub.start_ready(server_id="v2")
        for _ in range(INTENSITY):
            kill(hub, 1)
            assert "lost track" in await knock(hub)
        await wait_all_tasks_blocked()
        assert hub.servers.isolated == ["v1"]
        for _ in range(3):
            with pytest.raises(UnavailableError, match="set it aside"):
                await hub.stop()
        await hub.servers.look("v1")
        assert isinstance(await hub.stop("v2"), Stopping)
        await hub.wait_stopped("v2")
        await trio.sleep(ISOLATION - 1)
        assert hub.servers.isolated == ["v1"]
        await trio.sleep(2)
        assert hub.servers.isolated == []
        assert isinstance(await hub.stop(), Stopping)
        await hub.wait_stopped()


async def test_one_that_was_set_aside_comes_back_by_itself(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        await hub.start_ready({"die_after": 30})
        for _ in range(INTENSITY):
            kill(hub, 1)
            await knock(hub)
        changes = len(hub.runtime.changes)
        await trio.sleep(ISOLATION + 1)
        assert world.names()[-1] == "ServerDied"
        # Whoever counts servers has seen it leave once, and not come twice.
        assert hub.runtime.changes[changes:] == [("Ready", "Stopped")]


async def test_who_waits_for_a_state_waits_through_isolation(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        await hub.start_ready({"die_after": 90})
        actor = hub.actor()
        for _ in range(INTENSITY):
            kill(hub, 1)
            await knock(hub)
        await actor.wait_until(lambda state: isinstance(state, Stopped))
        assert 89 <= trio.current_time() <= 91


async def test_those_in_line_are_told_when_it_is_set_aside(world: World, autojump_clock: MockClock) -> None:
    answers: list[str] = []

    async def ask(hub: Hub) -> None:
        answers.append(await knock(hub))

    async with world.hub() as hub:
        await hub.start_ready()
        kill(hub, INTENSITY)
        async with trio.open_nursery() as nursery:
            for _ in range(INTENSITY + 3):
                nursery.start_soon(ask, hub)
        assert len([answer for answer in answers if "lost track" in answer]) == INTENSITY
        assert len([answer for answer in answers if "set it aside" in answer]) == 3


async def test_deaths_far_apart_are_forgiven(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        await hub.start_ready()
        for _ in range(4 * INTENSITY):
            kill(hub, 1)
            await knock(hub)
            await trio.sleep(PERIOD / (INTENSITY - 2))
        assert hub.servers.isolated == []
        assert hub.servers.restarts == 4 * INTENSITY


async def test_a_pending_state_ends_although_its_actor_keeps_dying(
    world: World, autojump_clock: MockClock
) -> None:
    async with world.hub() as hub:
        hub.runtime.deadlines = None  # type: ignore[assignment]  # whatever the work tries, it breaks
        with pytest.raises(DoubtError):
            await hub.start({"delay": 1000}, spawn_id="s1")
        actor = hub.actor()
        await trio.sleep(400)
        assert isinstance(actor.state, Spawning)
        assert hub.servers.restarts > INTENSITY
        hub.runtime.deadlines = world.deadlines
        state = await actor.wait_until(lambda state: isinstance(state, Stopped))
        assert trio.current_time() < 400 + 2 * ISOLATION  # its time was up long ago
        assert state.leftovers == ()  # nothing of it had been begun
        await actor.wait_until(has_ended)
    assert world.backend.running() == []


async def test_the_end_of_the_hub_is_the_end_of_all(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        for number in range(20):
            await hub.start({"delay": number % 3, "stop_delay": 5}, server_id=f"v{number}")
        await trio.sleep(2)
        for number in range(0, 20, 3):
            await hub.stop(f"v{number}")
        assert len(list(hub.servers.awake())) == 20
    async with world.hub() as hub:
        for number in range(20):
            await hub.stop(f"v{number}")
            await hub.actor(f"v{number}").wait_until(has_ended)
    assert world.backend.running() == []
    assert sorted(set(world.backend.begun)) == sorted(world.backend.begun)


async def test_nothing_dies_in_silence(
    world: World, caplog: pytest.LogCaptureFixture, autojump_clock: MockClock
) -> None:
    with caplog.at_level(logging.ERROR):
        async with world.hub() as hub:
            await hub.start_ready()
            kill(hub, INTENSITY)
            for _ in range(INTENSITY):
                await knock(hub)
    assert caplog.text.count("the actor of server v1 died") == INTENSITY
    assert "bug in the store" in caplog.text
    assert "server v1 is set aside" in caplog.text


# --- a log that cannot be read for a while ---


def disk_error() -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_READ
    return error


async def test_a_log_that_cannot_be_read_is_no_fault_of_the_actor(
    world: World, autojump_clock: MockClock
) -> None:
    async with world.hub() as hub:
        await hub.start_ready()
        world.store.hiccups += [disk_error() for _ in range(3 * INTENSITY)]
        for _ in range(3 * INTENSITY):
            assert await knock(hub) == "The log cannot be read now: disk I/O error."
        assert isinstance(await hub.stop(), Stopping)
        await hub.wait_stopped()
        assert (hub.servers.restarts, hub.servers.isolated) == (0, [])
    assert len(world.backend.begun) == 1
