"""Calling servers to start, as room comes up: whoever is there."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from core.actors.servers.spawn_turns import GATHERING, SpawnTurns
from core.events.record import HUB, Record
from core.events.server import ServerEvent, SpawnAdmitted, SpawnRequested, SpawnSucceeded
from core.queue.spawn_limits import SpawnLimits
from core.server import Stopped

START = datetime(2030, 1, 1, tzinfo=UTC)
FOREVER = 1e6


class House:
    """Servers that wait, and what has come of it: `called` in order, those in `away` excepted."""

    def __init__(self, at_once: int) -> None:
        self.limits = SpawnLimits(at_once, 0, 100)
        self.turns = SpawnTurns(self.limits)
        self.called: list[str] = []
        self._positions = itertools.count(1)

    def tell(self, server: str, event: ServerEvent) -> None:
        position = next(self._positions)
        record = Record(
            position, f"server/{server}", position, START + timedelta(seconds=position), HUB, event
        )
        self.limits.on_records([record])
        self.turns.on_records([record])

    def queue(self, *servers: str) -> None:
        for server in servers:
            self.tell(server, SpawnRequested(server, server, server, "", "/", {}, "", queued=True))

    async def live(self, server: str, timeout: float = FOREVER) -> None:
        """As the work of a queued server does."""
        async with self.turns.wait_turn(server, timeout) as has_come:
            self.called.append(server if has_come else f"{server} too late")
            if has_come:
                await trio.sleep(1)
                self.tell(server, SpawnAdmitted(server))


async def test_no_more_are_called_than_there_is_room_for(autojump_clock: MockClock) -> None:
    house = House(2)
    house.queue("a", "b", "c")
    async with trio.open_nursery() as nursery:
        for server in "cba":
            nursery.start_soon(house.live, server)
            await wait_all_tasks_blocked()
        assert house.called == ["c", "b"], "who was there first found room"
        await trio.sleep(10)
        assert (house.limits.spawning, house.limits.room) == (2, 0)
        house.tell("b", SpawnSucceeded("b"))
    assert house.called[-1] == "a"


async def test_whoever_is_away_keeps_its_place_and_hinders_nobody(autojump_clock: MockClock) -> None:
    house = House(1)
    house.queue("a", "b")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(house.live, "b")
        await trio.sleep(5)
        assert house.called == ["b"]
        assert house.limits.queue.place("a") == 1
        house.tell("b", SpawnSucceeded("b"))
        nursery.start_soon(house.live, "a")
    assert house.called == ["b", "a"]


async def test_a_call_that_came_to_nothing_goes_to_the_next(autojump_clock: MockClock) -> None:
    house = House(1)
    house.queue("a", "b")
    async with trio.open_nursery() as nursery:
        with trio.CancelScope() as dying:
            nursery.start_soon(house.live, "b")
            async with house.turns.wait_turn("a", FOREVER):
                await wait_all_tasks_blocked()
                assert house.called == []
                dying.cancel()
                await trio.lowlevel.checkpoint()
    assert house.called == ["b"]
    assert house.limits.queue.place("a") == 1


async def test_patience_ends(autojump_clock: MockClock) -> None:
    house = House(1)
    house.tell("busy", SpawnRequested("busy", "u", "u", "", "/", {}, ""))
    house.queue("a")
    await house.live("a", 30)
    assert house.called == ["a too late"]
    assert trio.current_time() == 30


async def test_work_that_begins_anew_is_called_anew(autojump_clock: MockClock) -> None:
    house = House(1)
    house.queue("a")
    async with trio.open_nursery() as nursery:
        async with house.turns.wait_turn("a", FOREVER):
            nursery.start_soon(house.live, "a")  # while the earlier work still cleans up
            await wait_all_tasks_blocked()
        await trio.sleep(5)
    assert house.called == ["a"]


async def test_a_place_that_a_caller_gives_back_goes_to_who_waits(autojump_clock: MockClock) -> None:
    house = House(1)
    async with trio.open_nursery() as nursery:
        with house.turns.acquire_slot(Stopped(), 30) as waits:
            assert not waits
            house.queue("a")
            nursery.start_soon(house.live, "a")
            await wait_all_tasks_blocked()
            assert house.called == []
        await wait_all_tasks_blocked()  # nothing was asked for after all
        assert house.called == ["a"]


@pytest.mark.parametrize("everybody_comes", [True, False])
async def test_a_new_hub_calls_nobody_out_of_turn(everybody_comes: bool, autojump_clock: MockClock) -> None:
    house = House(1)
    house.queue("a", "b")
    house.turns = SpawnTurns(house.limits)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(house.turns.open)
        nursery.start_soon(house.live, "b")
        await wait_all_tasks_blocked()
        assert house.called == []
        if everybody_comes:
            nursery.start_soon(house.live, "a")
        await trio.sleep(GATHERING + 2)
        assert house.called == (["a"] if everybody_comes else ["b"])
        nursery.cancel_scope.cancel()
