"""What runs although no server knows it: whose it is, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from core.actors.servers.strays import end_strays
from core.errors import UnreachableError
from core.reconcile.mark import Mark, sealed
from core.reconcile.strays import Consent, Strays, named, sort_out
from spawners.simulated import Simulation
from tests.unit.actor_world import World

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
LOG, OTHER_LOG = "this log", "another log"
REQUESTED = {10: "s1", 20: "s2", 30: "s3"}  # in this log: at which position, and which start


def mark(spawn_id: str, position: int, log: str = LOG, key: bytes = KEY) -> str:
    return sealed(Mark(log, position, spawn_id, "alice", spawn_id), key)


def sorted_out(marks: Mapping[str, str], *known: str, consent: Consent | None = None) -> Strays:
    return sort_out(
        marks,
        known,
        KEY,
        LOG,
        lambda mark: REQUESTED.get(mark.position) == mark.spawn_id,
        consent or Consent(),
    )


def opened_mark(spawn_id: str, position: int) -> Mark:
    return Mark(LOG, position, spawn_id, "alice", spawn_id)


# --- whose it is ---


@pytest.mark.parametrize(
    ("spawn_id", "text", "found"),
    [
        ("s1", mark("s1", 10), Strays(due=("s1",))),
        ("s4", mark("s4", 99), Strays(later=(opened_mark("s4", 99),))),  # beyond the head
        ("s4", mark("s4", 15), Strays(later=(opened_mark("s4", 15),))),  # something else is there
        ("s4", mark("s4", 20), Strays(later=(opened_mark("s4", 20),))),  # another start is there
        ("s4", mark("s4", 99, OTHER_LOG), Strays(foreign=("s4",))),
        ("s1", mark("s1", 10, OTHER_LOG), Strays(foreign=("s1",))),
        ("s4", mark("s4", 99, key=OTHER_KEY), Strays(foreign=("s4",))),
        ("s4", mark("s5", 99), Strays(foreign=("s4",))),  # another's mark
        ("s4", "nonsense", Strays(foreign=("s4",))),
        ("s4", "", Strays(foreign=("s4",))),
    ],
)
def test_whose_it_is(spawn_id: str, text: str, found: Strays) -> None:
    assert sorted_out({spawn_id: text}) == found
    assert sorted_out({spawn_id: text}, spawn_id) == Strays(), "a server knows it"


def test_consent_makes_what_is_later_due_and_nothing_else() -> None:
    marks = {"s4": mark("s4", 99), "s5": mark("s5", 98, OTHER_LOG), "s6": mark("s6", 97, key=OTHER_KEY)}
    assert sorted_out(marks, consent=Consent("end")) == Strays(due=("s4",), foreign=("s5", "s6"))
    assert sorted_out(marks, consent=Consent("adopt")).later == (opened_mark("s4", 99),)


def test_what_a_log_that_was_given_up_has_started_may_end() -> None:
    marks = {"s4": mark("s4", 99), "s5": mark("s5", 98, OTHER_LOG)}
    found = sorted_out(marks, consent=Consent(former_log=OTHER_LOG))
    assert found == Strays(due=("s5",), later=(opened_mark("s4", 99),))


numbers = st.integers(0, 40)
texts = (
    st.builds(mark, st.sampled_from(["s1", "s2", "s9"]), numbers, st.sampled_from([LOG, OTHER_LOG]))
    | st.builds(mark, st.just("s9"), numbers, st.just(LOG), st.just(OTHER_KEY))
    | st.text(max_size=5)
)


@given(
    st.dictionaries(st.sampled_from(["s1", "s2", "s3", "s9"]), texts),
    st.sets(st.sampled_from(["s1", "s3"])),
)
def test_without_consent_only_what_this_log_has_started_ends(marks: dict[str, str], known: set[str]) -> None:
    found = sorted_out(marks, *known)
    assert set(found.due) <= set(REQUESTED.values()) - known
    named_there = {one.spawn_id for one in found.later}
    assert sorted([*found.due, *named_there, *found.foreign]) == sorted(marks.keys() - known)


def test_a_long_list_is_cut() -> None:
    marks = [Mark(LOG, number, f"s{number}", f"user{number}", "") for number in range(7)]
    assert named(marks) == "user0/, user1/, user2/, user3/, user4/ and 2 more"


# --- what becomes of it ---


def due_but(*known: str) -> Callable[[Mapping[str, str]], Strays]:
    """All strays are this log's."""
    return lambda marks: Strays(due=tuple(sorted(marks.keys() - set(known))))


def begin(world: World, *spawn_ids: str, **simulate: object) -> None:
    for spawn_id in spawn_ids:
        world.backend.begin(spawn_id, Simulation(**simulate))  # type: ignore[arg-type]


async def test_strays_end_and_others_do_not(autojump_clock: MockClock) -> None:
    world = World()
    begin(world, "s1", "s2", "s3", "s4")
    await end_strays(world.spawner, due_but("s2", "s4", "s9"))
    assert world.backend.running() == ["s2", "s4"]
    assert world.backend.lines("s1") == []
    assert world.backend.lines("s2") != []


async def test_what_is_not_this_logs_is_left_alone_and_told_of(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    world = World()
    world.backend.begin("s1", Simulation(), mark("s1", 10))
    world.backend.begin("s4", Simulation(), mark("s4", 99))
    world.backend.begin("s5", Simulation(), mark("s5", 99, OTHER_LOG))
    await end_strays(world.spawner, sorted_out)
    assert world.backend.running() == ["s4", "s5"]
    assert "left alone, for this log did not start them: s5" in caplog.text
    assert "are left alone: alice/s4" in caplog.text


async def test_nothing_is_ended_while_nobody_can_tell(autojump_clock: MockClock) -> None:
    world = World()
    begin(world, "s1")
    world.backend.is_down = True
    asked: list[float] = []

    def sort(marks: Mapping[str, str]) -> Strays:
        asked.append(trio.current_time())
        return Strays(due=tuple(marks))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(end_strays, world.spawner, sort)
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
        nursery.start_soon(end_strays, world.spawner, due_but())
        await trio.sleep(100)
        assert world.backend.running() == ["s1"]
        world.backend.kill("s1")
