"""Who may start, who has to wait, and who is turned away."""

from __future__ import annotations

import contextlib
import itertools
import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import HubError, ThrottledError
from core.events.record import HUB, Record
from core.events.server import (
    ServerAdopted,
    ServerDied,
    ServerEvent,
    ServerLost,
    ServerStopped,
    SpawnAdmitted,
    SpawnAnswered,
    SpawnCancelled,
    SpawnFailed,
    SpawnRequested,
    SpawnSucceeded,
    StopRequested,
)
from core.queue.spawn_limits import Share, SpawnLimits, Wait
from core.server import (
    Checking,
    Command,
    Queued,
    Ready,
    Report,
    Server,
    Spawning,
    Start,
    Stop,
    Stopped,
    Stopping,
    decide,
    evolve,
)

START = datetime(2030, 1, 1, tzinfo=UTC)
STOPPED: Server = Stopped()
OTHERS: list[Server] = [
    Queued("s1", {}, "/"),
    Spawning("s1", {}, "/"),
    Ready("s1", {}, "/", "http://x"),
    Checking("s1", {}, "/", "http://x"),
    Stopping("s1", {}),
]

REQUESTED = SpawnRequested("s1", "u1", "alice", "", "/", {}, "")
QUEUED = SpawnRequested("s1", "u1", "alice", "", "/", {}, "", queued=True)
ADMITTED, SUCCEEDED, FAILED = SpawnAdmitted("s1"), SpawnSucceeded("s1"), SpawnFailed("s1", "no")
CANCELLED, ENDED, DIED = SpawnCancelled("s1"), ServerStopped("s1"), ServerDied("s1")


class Log:
    """What limits hear."""

    def __init__(self, limits: SpawnLimits) -> None:
        self.limits = limits
        self._positions = itertools.count(1)

    def tell(self, *events: ServerEvent, server: str = "v1", after: float = 1) -> None:
        for event in events:
            position = next(self._positions)
            at = START + timedelta(seconds=position * after)
            self.limits.on_records([Record(position, f"server/{server}", position, at, HUB, event)])


def full(queue: int = 0, active: int = 0) -> SpawnLimits:
    """One may start at once, and one does."""
    limits = SpawnLimits(1, active, queue)
    Log(limits).tell(REQUESTED, server="busy")
    return limits


@pytest.mark.parametrize(
    ("events", "counts"),
    [
        ([REQUESTED], (1, 1, 0)),
        ([QUEUED], (0, 1, 1)),
        ([QUEUED, ADMITTED], (1, 1, 0)),
        ([QUEUED, FAILED], (0, 0, 0)),
        ([QUEUED, CANCELLED, ENDED], (0, 0, 0)),
        ([REQUESTED, SpawnAnswered("s1", "http://x")], (1, 1, 0)),
        ([REQUESTED, SUCCEEDED], (0, 1, 0)),
        ([REQUESTED, FAILED], (0, 0, 0)),
        ([REQUESTED, CANCELLED], (0, 1, 0)),
        ([REQUESTED, CANCELLED, ENDED], (0, 0, 0)),
        ([REQUESTED, SUCCEEDED, StopRequested("s1")], (0, 1, 0)),
        ([REQUESTED, SUCCEEDED, DIED], (0, 0, 0)),
        ([REQUESTED, SUCCEEDED, ServerAdopted("s1")], (0, 1, 0)),
        ([REQUESTED, SUCCEEDED, ServerLost("s1")], (0, 0, 0)),
    ],
)
def test_it_counts_who_starts_who_is_active_and_who_waits(
    events: list[ServerEvent], counts: tuple[int, int, int]
) -> None:
    limits = SpawnLimits(0, 0)
    Log(limits).tell(*events)
    assert (limits.spawning, limits.active, len(limits.queue)) == counts


COMMANDS: list[Command] = [
    Start("s1", "u1", "alice", "", "/", {}, ""),
    Start("s1", "u1", "alice", "", "/", {}, "", queued=True),
    Stop(),
    *[Report(news) for news in (ADMITTED, SpawnAnswered("s1", "http://x"), SUCCEEDED, FAILED, ENDED, DIED)],
]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(COMMANDS)), max_size=40))
def test_whatever_servers_do_it_counts_where_they_are(story: list[tuple[str, Command]]) -> None:
    limits, states = SpawnLimits(0, 0), dict[str, Server]()
    log = Log(limits)
    for server, command in story:
        with contextlib.suppress(HubError):
            for event in decide(states.get(server, STOPPED), command):
                states[server] = evolve(states.get(server, STOPPED), event)
                log.tell(event, server=server)
    assert limits.spawning == sum(isinstance(state, Spawning) for state in states.values())
    assert limits.active == sum(not isinstance(state, Stopped) for state in states.values())
    assert len(limits.queue) == sum(isinstance(state, Queued) for state in states.values())


def test_what_was_found_counts_too() -> None:
    limits = SpawnLimits(3, 0)
    limits.found("v1", START)
    limits.found("v2", None)
    assert (limits.spawning, limits.active, limits.room) == (1, 2, 2)
    Log(limits).tell(SUCCEEDED, ENDED)
    assert (limits.spawning, limits.active) == (0, 1)


# --- who may ---


def test_without_a_queue_a_limit_on_starts_turns_away() -> None:
    limits = full()
    with pytest.raises(ThrottledError) as refused, limits.acquire_slot(STOPPED, 45):
        pass
    assert refused.value.retry_after == 45
    assert "about 50 seconds" in refused.value.message
    Log(limits).tell(SUCCEEDED, server="busy")
    with limits.acquire_slot(STOPPED, 45) as waits:
        assert not waits


def test_with_a_queue_one_waits_until_it_is_full() -> None:
    limits = full(queue=1)
    with limits.acquire_slot(STOPPED, 45) as waits:
        assert waits
        with pytest.raises(ThrottledError) as refused, limits.acquire_slot(STOPPED, 45):
            pass
        assert refused.value.retry_after == 45
    with limits.acquire_slot(STOPPED, 45) as waits:
        assert waits, "a place that was not taken is free again"


def test_while_somebody_waits_nobody_overtakes_though_there_is_room() -> None:
    limits = SpawnLimits(2, 0, 5)
    Log(limits).tell(QUEUED)
    assert limits.room == 2
    with limits.acquire_slot(STOPPED, 45) as waits:
        assert waits


def test_a_limit_on_active_servers_says_nothing_about_when() -> None:
    limits = SpawnLimits(0, 1, 5)
    Log(limits).tell(REQUESTED, SUCCEEDED)
    with pytest.raises(ThrottledError) as refused, limits.acquire_slot(STOPPED, 45):
        pass
    assert refused.value.retry_after is None


def test_who_waits_is_active() -> None:
    limits = full(queue=5, active=2)
    Log(limits).tell(QUEUED)
    with pytest.raises(ThrottledError) as refused, limits.acquire_slot(STOPPED, 45):
        pass
    assert refused.value.retry_after is None


@pytest.mark.parametrize("limits", [SpawnLimits(1, 0), SpawnLimits(0, 1), SpawnLimits(1, 1, 5)])
def test_whoever_is_being_let_in_has_a_place_until_refused(limits: SpawnLimits) -> None:
    with limits.acquire_slot(STOPPED, 45), pytest.raises(ThrottledError), limits.acquire_slot(STOPPED, 45):
        pass
    for _ in range(3):
        with pytest.raises(LookupError), limits.acquire_slot(STOPPED, 45):
            raise LookupError


@pytest.mark.parametrize("server", OTHERS, ids=lambda server: type(server).__name__)
def test_who_is_not_stopped_is_let_in_and_waits_should_it_have_stopped_meanwhile(server: Server) -> None:
    with full(active=1).acquire_slot(server, 45) as waits:
        assert waits
    with SpawnLimits(0, 0).acquire_slot(server, 45) as waits:
        assert not waits


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "10 seconds"), (30, "30 seconds"), (31, "40 seconds"), (90, "90 seconds"), (91, "2 minutes")],
)
def test_how_long_is_told_to_people_in_round_numbers(seconds: int, words: str) -> None:
    with pytest.raises(ThrottledError, match=f"about {words}"), full().acquire_slot(STOPPED, seconds):
        pass
    assert math.ceil(seconds / 10) * 10 >= seconds


# --- how long ---


def test_the_wait_is_known_once_a_start_has_ended() -> None:
    limits = SpawnLimits(1, 0, 5)
    log = Log(limits)
    log.tell(REQUESTED, server="busy", after=10)
    log.tell(QUEUED, after=10)
    assert limits.wait_of("v1") == Wait(1, 1, None)
    assert limits.wait_of("busy") is None
    log.tell(FAILED, server="busy", after=10)
    assert limits.wait_of("v1") == Wait(1, 1, 20.0)


def test_what_waits_in_the_queue_of_its_engine_leaves_its_place_to_others() -> None:
    limits = SpawnLimits(1, 0, 10)
    limits.on_records([Record(1, "server/v1", 1, START, HUB, REQUESTED)])
    assert limits.room == 0
    limits.waits_in_engine("v1", True)
    assert (limits.room, limits.spawning, limits.active) == (1, 0, 1)
    limits.waits_in_engine("v1", False)
    assert limits.room == 0
    limits.waits_in_engine("v1", True)
    limits.on_records([Record(2, "server/v1", 2, START + timedelta(hours=1), HUB, SUCCEEDED)])
    limits.queue.add("v2", "u1", 3)
    wait = limits.wait_of("v2")
    assert wait is not None
    assert wait.seconds is None, "an hour in an engine's queue is no estimate of ours"
    limits.on_records(
        [Record(3, "server/v1", 3, START, HUB, ENDED), Record(4, "server/v1", 4, START, HUB, REQUESTED)]
    )
    assert limits.spawning == 1, "its next start does not wait there yet"


@pytest.mark.parametrize("end", [FAILED, CANCELLED, ENDED, DIED])
def test_one_that_ends_in_the_queue_of_its_engine_is_forgotten_there(end: ServerEvent) -> None:
    limits = SpawnLimits(1, 0, 10)
    limits.on_records([Record(1, "server/v1", 1, START, HUB, REQUESTED)])
    limits.waits_in_engine("v1", True)
    limits.on_records(
        [Record(2, "server/v1", 2, START, HUB, end), Record(3, "server/v1", 3, START, HUB, REQUESTED)]
    )
    assert limits.room == 0


# --- profiles with limits of their own ---


def by_profile(position: int, server: str, profile: str, *, queued: bool = False) -> Record:
    event = SpawnRequested(f"s{position}", "u1", "alice", "", "/", {"profile": profile}, "", queued=queued)
    return Record(position, f"server/{server}", 1, START, HUB, event)


def shared() -> SpawnLimits:
    limits = SpawnLimits(0, 0)
    limits.configure(3, 0, 10, {"gpu": Share(concurrent=1, active=2), "small": Share()})
    return limits


def test_a_profile_that_is_full_holds_up_its_own_starts_alone() -> None:
    limits = shared()
    limits.on_records([by_profile(1, "v1", "gpu")])
    assert (limits.room, limits.room_for("gpu"), limits.room_for("small"), limits.room_for("")) == (
        2,
        0,
        2,
        2,
    )
    with limits.acquire_slot(STOPPED, 45, "gpu") as waits:
        assert waits
    limits.on_records([by_profile(2, "v2", "gpu", queued=True)])
    with limits.acquire_slot(STOPPED, 45, "small") as waits:
        assert not waits, "who waits is held up by their profile"
    limits.on_records([Record(3, "server/v1", 2, START, HUB, SUCCEEDED)])
    with limits.acquire_slot(STOPPED, 45, "small") as waits:
        assert waits, "who waits is about to be called"


def test_what_asks_counts_in_its_profile() -> None:
    limits = shared()
    with limits.acquire_slot(STOPPED, 45, "gpu") as first, limits.acquire_slot(STOPPED, 45, "gpu") as second:
        assert (first, second) == (False, True)
        with (
            pytest.raises(ThrottledError, match="The limit of active servers"),
            limits.acquire_slot(STOPPED, 45, "gpu"),
        ):
            pytest.fail("a third is active")
    assert limits.room_for("gpu") == 1


def test_a_profile_has_no_more_active_servers_than_it_may() -> None:
    limits = shared()
    limits.found("v1", None, {"profile": "gpu"})
    limits.found("v2", None, {"profile": "gpu"})
    with pytest.raises(ThrottledError), limits.acquire_slot(STOPPED, 45, "gpu"):
        pytest.fail("it is full")
    with limits.acquire_slot(STOPPED, 45, "small") as waits:
        assert not waits
    limits.on_records([Record(3, "server/v1", 2, START, HUB, DIED)])
    with limits.acquire_slot(STOPPED, 45, "gpu") as waits:
        assert not waits
