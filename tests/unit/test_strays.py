"""What runs although no server knows it."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from core.actors.strays import end_strays
from core.errors import UnreachableError
from spawners.simulated import Simulation
from tests.unit.actor_world import World


def begin(world: World, *spawn_ids: str, **simulate: object) -> None:
    for spawn_id in spawn_ids:
        world.backend.begin(spawn_id, Simulation(**simulate))  # type: ignore[arg-type]


async def test_strays_end_and_others_do_not(autojump_clock: MockClock) -> None:
    world = World()
    begin(world, "s1", "s2", "s3", "s4")
    await end_strays(world.spawner, lambda: {"s2", "s4", "s9"})
    assert world.backend.running() == ["s2", "s4"]
    assert world.backend.lines("s1") == []
    assert world.backend.lines("s2") != []


async def test_nothing_is_ended_while_nobody_can_tell(autojump_clock: MockClock) -> None:
    world = World()
    begin(world, "s1")
    world.backend.is_down = True
    asked: list[float] = []

    def known() -> set[str]:
        asked.append(trio.current_time())
        return set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(end_strays, world.spawner, known)
        await trio.sleep(500)
        assert asked == []
        world.backend.is_down = False
    assert len(asked) == 1
    assert world.backend.running() == []


async def test_one_that_hangs_or_breaks_holds_up_no_other(autojump_clock: MockClock) -> None:
    world = World()
    begin(world, "s1", stop_hangs=True)
    begin(world, "s2", "s3")
    world.spawner.errors["stop"] = [KeyError("bug"), UnreachableError("away")]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(end_strays, world.spawner, set)
        await trio.sleep(100)
        assert world.backend.running() == ["s1"]
        world.backend.kill("s1")
