"""What becomes of what runs although no server knows it, and of an engine that does not answer."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import trio
from trio.testing import MockClock

from core.actors.engines.engine import LIST_TIMEOUT
from core.actors.engines.reconciler import BY_ITSELF, KNOWN_AGAIN, WHY, Doubt, Policy, SeenStray
from core.errors import SilentError, UnavailableError, UnreachableError
from core.events.engine import EngineAnswered, StrayEnded, StrayFound
from core.plugins.spawner import Listed
from core.reconcile.mark import Mark, sealed
from core.reconcile.sorting_out import Strays, sort_out
from spawners.simulated import Simulation
from tests.unit.core.actors.actor_world import World
from tests.unit.core.actors.engines.reconciled import KEY, Reconciled

LOG = "this log"
REQUESTED = {10: "s1", 20: "s2", 30: "s3"}  # in this log: at which position, and which start


def mark(spawn_id: str, position: int, log: str = LOG) -> str:
    return sealed(Mark(log, position, spawn_id, "alice", spawn_id), KEY)


def by_mark(marks: Mapping[str, str]) -> Strays:
    return sort_out(marks, (), KEY, LOG, lambda mark: REQUESTED.get(mark.position) == mark.spawn_id)


def begin(world: World, *spawn_ids: str, **simulate: object) -> None:
    positions = {spawn_id: position for position, spawn_id in REQUESTED.items()}
    for spawn_id in spawn_ids:
        simulation = Simulation(**simulate)  # type: ignore[arg-type]
        world.backend.begin(spawn_id, simulation, mark(spawn_id, positions.get(spawn_id, 99)))


# --- strays ---


async def test_strays_end_and_others_do_not(autojump_clock: MockClock) -> None:
    world = World()
    begin(world, "s1", "s2", "s3")
    reconciled = Reconciled(world.spawner, by_mark)
    reconciled.knows = {"s2", "s9"}
    async with reconciled.running():
        await trio.sleep(10)
    assert world.backend.running() == ["s2"]
    assert world.backend.lines("s1") == []
    assert world.backend.lines("s2") != []
    ended = [event for event in reconciled.events if isinstance(event, StrayEnded)]
    assert sorted(ended, key=lambda event: event.spawn_id) == [
        StrayEnded("s1", WHY, "reconciler", 0),
        StrayEnded("s3", WHY, "reconciler", 0),
    ]
    assert reconciled.events[:2] == [StrayFound("s1", "alice", "s1"), StrayFound("s3", "alice", "s3")]
    assert reconciled.reconciler.seen == []


async def test_a_stray_is_found_whenever_it_turns_up_and_ends_after_its_grace(
    autojump_clock: MockClock,
) -> None:
    world = World()
    reconciled = Reconciled(world.spawner, by_mark, policy=Policy(interval=30, grace=300))
    async with reconciled.running():
        await trio.sleep(1000)
        begin(world, "s1")
        await trio.sleep(50)
        assert reconciled.names() == ["StrayFound"]
        (seen,) = reconciled.reconciler.seen
        assert (seen.spawn_id, seen.whose, seen.user) == ("s1", "ours", "alice")
        assert seen.ends_in is not None
        assert 250 <= seen.ends_in <= 300
        await trio.sleep(240)
        assert world.backend.running() == ["s1"]
        await trio.sleep(60)
        assert world.backend.running() == []
    assert reconciled.names() == ["StrayFound", "StrayEnded"]


async def test_its_grace_goes_on_in_the_next_hub(autojump_clock: MockClock) -> None:
    world = World()
    begin(world, "s1", "s2")
    reconciled = Reconciled(world.spawner, by_mark, policy=Policy(interval=10, grace=300))
    reconciled.found_before("s1", 250)
    async with reconciled.running():
        await trio.sleep(100)
        assert world.backend.running() == ["s2"]
        await trio.sleep(250)
    assert world.backend.running() == []
    assert reconciled.names().count("StrayFound") == 1, "it was found by the hub before"


async def test_what_was_asked_for_has_no_grace(autojump_clock: MockClock) -> None:
    world = World()
    begin(world, "s1")
    reconciled = Reconciled(world.spawner, by_mark, policy=Policy(interval=10, grace=300), at_once=True)
    async with reconciled.running():
        await trio.sleep(5)
        assert world.backend.running() == []
        begin(world, "s2")  # nobody has asked for that
        await trio.sleep(100)
        assert world.backend.running() == ["s2"]


async def test_a_dry_run_shows_all_and_ends_nothing(autojump_clock: MockClock) -> None:
    world = World()
    begin(world, "s1")
    reconciled = Reconciled(world.spawner, by_mark, policy=Policy(interval=10, grace=0, dry_run=True))
    async with reconciled.running():
        await trio.sleep(500)
        assert world.backend.running() == ["s1"]
        assert reconciled.reconciler.seen == [
            SeenStray("s1", "ours", "alice", "s1", age=pytest.approx(500, abs=11))
        ]
        assert reconciled.names() == ["StrayFound"]
        reconciled.policy = Policy(interval=10, grace=0)
        await trio.sleep(20)
    assert world.backend.running() == []


async def test_what_goes_by_itself_or_is_known_again_is_a_stray_no_more(autojump_clock: MockClock) -> None:
    world = World()
    begin(world, "s1", "s2")
    reconciled = Reconciled(world.spawner, by_mark, policy=Policy(interval=10, grace=300))
    async with reconciled.running():
        await trio.sleep(5)
        world.backend.kill("s1")
        reconciled.knows = {"s2"}
        await trio.sleep(400)
    assert reconciled.events[2:] == [StrayEnded("s1", BY_ITSELF), StrayEnded("s2", KNOWN_AGAIN)]
    assert world.backend.running() == ["s2"]


async def test_what_is_known_before_or_after_it_is_listed_is_no_stray(autojump_clock: MockClock) -> None:
    world = World()
    begin(world, "s1", "s2")
    reconciled = Reconciled(world.spawner, by_mark)
    reconciled.knows = {"s1"}

    async def listed() -> list[Listed]:
        found = await type(world.spawner).listed(world.spawner)
        reconciled.knows = {"s2"} if reconciled.knows == {"s1"} else {"s1", "s2"}
        return found

    world.spawner.listed = listed
    async with reconciled.running():
        await trio.sleep(1)
    assert reconciled.events == []


async def test_what_is_not_this_logs_is_left_alone_and_told_of_once(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    world = World()
    begin(world, "s1")
    world.backend.begin("s5", Simulation(), mark("s5", 99, "another log"))
    reconciled = Reconciled(world.spawner, by_mark)
    async with reconciled.running():
        await trio.sleep(500)
        assert [(seen.spawn_id, seen.whose, seen.ends_in) for seen in reconciled.reconciler.seen] == [
            ("s5", "foreign", None)
        ]
    assert world.backend.running() == ["s5"]
    assert caplog.text.count("left alone, for this log did not start them: s5") == 1
    assert {event.spawn_id for event in reconciled.events if isinstance(event, StrayFound)} == {"s1"}


async def test_a_log_that_is_not_the_newest_ends_nothing_in_any_engine(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    one, other, doubt = World(), World(), Doubt()
    begin(one, "s1")
    begin(other, "s2", "s4")  # the log has not come to s4 yet
    here = Reconciled(one.spawner, by_mark, policy=Policy(interval=10, grace=30), doubt=doubt, name="here")
    there = Reconciled(
        other.spawner, by_mark, policy=Policy(interval=10, grace=30), doubt=doubt, name="there"
    )
    async with here.running(), there.running():
        await trio.sleep(500)
        assert one.backend.running() == ["s1"]
        assert other.backend.running() == ["s2", "s4"]
        assert [stray.whose for stray in there.reconciler.seen] == ["ours", "later"]
        assert [stray.ends_in for stray in here.reconciler.seen] == [None]
        assert caplog.text.count("are left alone: alice/s4") == 1
        other.backend.kill("s4")
        await trio.sleep(50)
    assert one.backend.running() == other.backend.running() == []


async def test_one_that_hangs_or_breaks_holds_up_no_other(autojump_clock: MockClock) -> None:
    world = World()
    begin(world, "s1", stop_hangs=True)
    begin(world, "s2", "s3")
    world.spawner.errors["stop"] = [KeyError("bug"), UnreachableError("away")]
    reconciled = Reconciled(world.spawner, by_mark)
    async with reconciled.running():
        await trio.sleep(100)
        assert world.backend.running() == ["s1"]
        assert [stray.ends_in for stray in reconciled.reconciler.seen] == [0.0]
        world.backend.kill("s1")
        await trio.sleep(1)
    assert reconciled.names().count("StrayEnded") == 3


async def test_nothing_is_ended_that_is_not_recorded(autojump_clock: MockClock) -> None:
    world = World()
    begin(world, "s1")
    reconciled = Reconciled(world.spawner, by_mark)
    reconciled.breaks = [UnavailableError("The disk is full.")] * 3
    async with reconciled.running():
        await trio.sleep(0.5)
        assert world.backend.running() == ["s1"]
        await trio.sleep(60)
    assert reconciled.names() == ["StrayFound", "StrayEnded"]


# --- an engine that does not answer ---


async def test_nothing_is_ended_while_nobody_can_tell(autojump_clock: MockClock) -> None:
    world = World()
    begin(world, "s1")
    world.backend.is_down = True
    reconciled = Reconciled(world.spawner, by_mark)
    async with reconciled.running():
        await trio.sleep(500)
        assert reconciled.names() == ["EngineSilent"]
        world.backend.is_down = False
        await trio.sleep(20)
    assert world.backend.running() == []
    assert reconciled.names() == ["EngineSilent", "EngineAnswered", "StrayFound", "StrayEnded"]


async def test_an_engine_that_is_asked_in_vain_is_soon_known_to_be_silent_and_spared(
    autojump_clock: MockClock,
) -> None:
    world = World()
    reconciled = Reconciled(world.spawner, by_mark, policy=Policy(interval=3600))
    engine = reconciled.engine
    async with reconciled.running():
        await trio.sleep(100)
        world.backend.is_down = True
        with pytest.raises(UnreachableError) as raised:
            await engine.ask(lambda: world.spawner.poll("s1"))
        assert not isinstance(raised.value, SilentError)
        await trio.sleep(20)
        assert engine.silence.startswith("simulated has not answered since ")
        asked = world.spawner.count("poll")
        with pytest.raises(SilentError, match="has not answered since"):
            await engine.ask(lambda: world.spawner.poll("s1"))
        assert world.spawner.count("poll") == asked, "it is left in peace"
        world.backend.is_down = False
        await trio.sleep(20)
        assert engine.silence == ""
        await engine.ask(lambda: world.spawner.poll("s1"))
    assert reconciled.names() == ["EngineSilent", "EngineAnswered"]


async def test_a_short_silence_is_no_news(autojump_clock: MockClock) -> None:
    world = World()
    world.backend.is_down = True
    reconciled = Reconciled(world.spawner, by_mark)
    async with reconciled.running():
        await trio.sleep(2)
        world.backend.is_down = False
        await trio.sleep(100)
    assert reconciled.events == []


async def test_an_attempt_that_cannot_be_asked_after_is_no_silence_of_its_engine(
    autojump_clock: MockClock,
) -> None:
    world = World()
    begin(world, "s1")
    world.backend.lose("s1")
    reconciled = Reconciled(world.spawner, by_mark)
    reconciled.knows = {"s1"}
    async with reconciled.running():
        for _ in range(100):
            with pytest.raises(UnreachableError):
                await reconciled.engine.ask(lambda: world.spawner.stop("s1"))
            await trio.sleep(1)
    assert reconciled.engine.silence == ""
    assert reconciled.events == []


async def test_an_engine_that_hangs_is_silent_too(autojump_clock: MockClock) -> None:
    world = World()
    reconciled = Reconciled(world.spawner, by_mark)

    async def listed() -> list[Listed]:
        await trio.sleep_forever()
        raise AssertionError

    world.spawner.listed = listed
    async with reconciled.running():
        await trio.sleep(3 * LIST_TIMEOUT)
        del world.spawner.listed
        await trio.sleep(LIST_TIMEOUT)
    assert reconciled.names() == ["EngineSilent", "EngineAnswered"]


async def test_a_bug_in_it_is_no_silence_and_ends_nothing(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    world = World()
    begin(world, "s1")
    real, bugs = world.spawner.listed, [KeyError("bug")] * 5

    async def listed() -> list[Listed]:
        if bugs:
            raise bugs.pop()
        found: list[Listed] = await real()
        return found

    world.spawner.listed = listed
    reconciled = Reconciled(world.spawner, by_mark)
    async with reconciled.running():
        await trio.sleep(2)
        assert world.backend.running() == ["s1"]
        await trio.sleep(60)
    assert world.backend.running() == []
    assert EngineAnswered() not in reconciled.events
    assert "could not be held against the log" in caplog.text
