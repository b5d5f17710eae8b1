"""Several engines behind the protocol of one: each attempt is asked after where it runs."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from core.actors.engines.engine import Engine
from core.actors.engines.engines import Engines
from core.errors import SpawnError, UnreachableError
from core.plugins.spawner import Attempt, Gone, Kept, Progress, Running, Spawner, Status
from tests.unit.core.actors.actor_world import World


class House:
    """`here`, the main engine, and `there`; `places`: which attempt is where, as the log knows it."""

    def __init__(self) -> None:
        self.here, self.there = World(), World()
        self.places: dict[str, str] = {}
        here, there = Engine("here", self.here.spawner), Engine("there", self.there.spawner)
        self.engines = Engines(here, [there], lambda spawn_id: self.places.get(spawn_id, ""))

    async def start(self, spawn_id: str, engine: str) -> str:
        self.places[spawn_id] = engine
        attempt = Attempt(spawn_id, "alice", "", "/user/alice/", {}, {}, user_id="u1", server_id="v1")
        return await self.engines.start(attempt, _ignore)


def _ignore(progress: Progress) -> None:
    pass


async def test_whatever_is_asked_is_asked_where_it_runs(autojump_clock: MockClock) -> None:
    house = House()
    for spawn_id, engine in {"s1": "here", "s2": "there", "s0": ""}.items():
        url = await house.start(spawn_id, engine)
        await house.engines.wait_up(spawn_id, url)
    assert house.here.backend.running() == ["s0", "s1"]
    assert house.there.backend.running() == ["s2"]
    assert [one.spawn_id for one in await house.engines.listed()] == ["s0", "s1", "s2"]
    told: dict[str, Status] = {}
    await house.engines.poll_many(["s0", "s1", "s2", "s3"], told.__setitem__)
    assert told == {"s0": Running(), "s1": Running(), "s2": Running(), "s3": Gone()}
    async with trio.open_nursery() as nursery:
        nursery.start_soon(house.engines.wait_news, "s2")
        house.there.backend.kill("s2")
    assert await house.engines.poll("s2") == Gone(-9)
    assert await house.engines.last_lines("s2") != []
    await house.engines.forget("s2")
    assert await house.engines.last_lines("s2") == []
    assert await house.engines.stop("s1") == Gone(0)
    assert [data async for data, _ in house.engines.follow_output("s1")] != []


def test_all_of_the_protocol_is_passed_on() -> None:
    """What is not would be answered by the default, for engines that know better."""
    protocol = {name for name, one in vars(Spawner).items() if callable(one) and not name.startswith("_")}
    derived = {"list_attempts"}  # from what is passed on
    assert protocol - derived <= vars(Engines).keys()


async def test_one_that_is_away_holds_up_no_other(autojump_clock: MockClock) -> None:
    house = House()
    await house.start("s1", "here")
    await house.start("s2", "there")
    house.here.backend.is_down = True
    told: dict[str, Status] = {}
    with pytest.raises(UnreachableError):
        await house.engines.poll_many(["s1", "s2"], told.__setitem__)
    assert told == {"s2": Running()}
    house.there.spawner.held = {"poll"}
    with trio.move_on_after(100):
        await house.engines.poll("s2")
    assert await house.engines.stop("s2") == Gone(0)


async def test_what_is_kept_is_deleted_wherever_it_is(autojump_clock: MockClock) -> None:
    house = House()
    await house.start("s1", "here")
    await house.start("s2", "there")
    house.there.backend.is_down = True
    with pytest.raises(UnreachableError):
        await house.engines.delete_forever(Kept("u1", "alice", "v1"))
    house.there.backend.is_down = False
    await house.engines.delete_forever(Kept("u1", "alice", "v1"))
    assert house.here.backend.volumes == house.there.backend.volumes == set()


async def test_in_one_that_is_not_there_nothing_is_taken_for_gone() -> None:
    house = House()
    house.places["s9"] = "of old"
    why = "The configuration names no spawner of old any more."
    with pytest.raises(UnreachableError, match=why):
        await house.engines.poll("s9")
    with pytest.raises(UnreachableError, match=why):
        await house.engines.stop("s9")
    with pytest.raises(UnreachableError, match=why):
        await house.engines.poll_many(["s9"], {}.__setitem__)
    with pytest.raises(SpawnError, match=why):
        await house.start("s9", "of old")
    assert house.engines.named("of old") is house.engines.named("of old")
    assert [engine.name for engine in house.engines] == ["here", "there"], "there is nothing to reconcile"
