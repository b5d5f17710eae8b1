"""What a server says of its start, and those who wait for a state."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from core.events.server import (
    SpawnProgressed,
)
from core.plugins.spawner import Progress
from core.server import (
    MAX_MESSAGES,
    Ready,
    Server,
    Stopped,
)
from tests.unit.core.actors.actor_world import Hub, World

# --- progress ---


def tell(hub: Hub, *texts: str) -> None:
    for text in texts:
        hub.actor().add_message(Progress(text, 10))


def told(world: World) -> list[str]:
    return [event.message for event in world.events() if isinstance(event, SpawnProgressed)]


async def test_a_burst_is_kept_and_then_two_a_second(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        await hub.start({"delay": 30})
        await trio.sleep(10)
        for number in range(1000):
            tell(hub, str(number))
            await trio.sleep(0.01)
        await hub.wait(Ready)
    texts = told(world)[1:]
    assert len(texts) <= 10 + 2 * 10 + 1
    assert len(texts) >= 20
    assert texts == sorted(texts, key=int)
    assert texts[-1] == "999"


async def test_at_most_fifty_are_kept(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        await hub.start({"delay": 55})
        await trio.sleep(1)
        for number in range(45):
            tell(hub, str(number))
            await trio.sleep(1)
        tell(hub, *"abcdefghij")
        await trio.sleep(2)
        tell(hub, "too much")
        await hub.wait(Ready)
    assert len(told(world)) == MAX_MESSAGES
    assert told(world)[1:46] == [str(number) for number in range(45)]
    assert told(world)[46:] == ["a", "b", "c", "d"]


async def test_messages_join_the_event_that_follows(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        await hub.start({"delay": 10})
        await trio.sleep(9.99)
        tell(hub, "almost")
        await hub.wait(Ready)
    first, second = world.records()[2:4]
    assert (type(first.event).__name__, type(second.event).__name__) == ("SpawnProgressed", "SpawnAnswered")
    assert first.at == second.at


async def test_messages_are_not_lost_when_the_start_is_cancelled_or_fails(
    world: World, autojump_clock: MockClock
) -> None:
    async with world.hub() as hub:
        await hub.start({"delay": 10})
        await trio.sleep(5)
        tell(hub, "one", "two")
        await hub.stop()
        await hub.wait_stopped()
        await hub.start({"delay": 10, "fail": "no", "progress": [[9.999, 3, "three"]]})
        await hub.wait_stopped()
    assert told(world) == ["Spawning server...", "one", "two", "Spawning server...", "three"]
    by = [record.by.principal for record in world.records() if isinstance(record.event, SpawnProgressed)]
    assert set(by) == {"hub"}  # they are not the doing of who cancels


async def test_a_flood_of_messages_keeps_nobody_out(autojump_clock: MockClock) -> None:
    world = World(mailbox_size=5)
    async with world.hub() as hub:
        await hub.start({"delay": 10})
        await trio.sleep(1)
        tell(hub, *(str(number) for number in range(10_000)))
        assert hub.actor().waiting == 0
        await hub.stop()
        await hub.wait_stopped()
    assert told(world)[-1] == "9999"
    assert len(told(world)) <= 11


async def test_messages_outside_of_a_start_are_dropped(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        await hub.start_ready()
        tell(hub, "late")
        await trio.sleep(5)
    assert told(world) == ["Spawning server..."]


@pytest.mark.parametrize(
    "odd",
    [
        Progress("x", extra={"y": object()}),
        Progress(3),  # type: ignore[arg-type]
        Progress("x", "50%"),  # type: ignore[arg-type]
        Progress("x", html_message=None),  # type: ignore[arg-type]
        Progress("\ud800"),
    ],
    ids=["extra", "text", "percent", "html", "surrogate"],
)
async def test_a_message_that_cannot_be_recorded_is_dropped(
    world: World, odd: Progress, autojump_clock: MockClock
) -> None:
    async with world.hub() as hub:
        await hub.start({"delay": 10})
        await trio.sleep(1)
        hub.actor().add_message(odd)
        await hub.wait(Ready)
        assert hub.servers.restarts == 0
    assert told(world) == ["Spawning server..."]


# --- waiting for a state ---


async def test_wait_until_gives_the_first_state_even_if_it_is_over(
    world: World, autojump_clock: MockClock
) -> None:
    seen: list[Server] = []

    async def wait(hub: Hub) -> None:
        seen.append(await hub.actor().wait_until(lambda state: isinstance(state, Ready)))

    async with world.hub() as hub:
        await hub.start({"delay": 1})
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait, hub)
            await wait_all_tasks_blocked()
            actor = hub.actor()
            ready = Ready("s", {}, "/", "http://x")
            actor._enter(actor.state, ready)
            actor._enter(ready, Stopped())
        assert seen == [ready]


async def test_wait_until_does_not_take_an_unread_log_for_a_stopped_server(
    world: World, autojump_clock: MockClock
) -> None:
    async with world.hub() as hub:
        await hub.start_ready({"die_after": 50})
    async with world.hub() as hub:
        await hub.actor().wait_until(lambda state: isinstance(state, Stopped))
        assert trio.current_time() == pytest.approx(50, abs=0.1)


async def test_who_waits_keeps_a_stopped_server_awake(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as hub:
        actor = hub.actor()
        with trio.move_on_after(5) as timeout:
            await actor.wait_until(lambda state: isinstance(state, Ready))
        assert timeout.cancelled_caught
        assert not actor.is_at_rest
        assert hub.actor() is actor
        await wait_all_tasks_blocked()
        assert actor.is_at_rest


async def test_a_condition_that_breaks_is_the_trouble_of_who_waits(
    world: World, autojump_clock: MockClock
) -> None:
    def broken(state: Server) -> bool:
        raise LookupError(type(state).__name__)

    async def wait(hub: Hub) -> None:
        with pytest.raises(LookupError):
            await hub.actor().wait_until(lambda state: isinstance(state, Ready) and broken(state))

    async with world.hub() as hub:
        await hub.start({"delay": 1})
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait, hub)
        assert hub.servers.restarts == 0
