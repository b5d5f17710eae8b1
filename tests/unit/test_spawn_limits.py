from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ThrottledError
from core.server import Checking, Ready, Server, Spawning, Stopped, Stopping
from core.spawn_limits import SpawnLimits

STOPPED: Server = Stopped()
SPAWNING: Server = Spawning("s1", {}, "/")
READY: Server = Ready("s1", {}, "/", "http://x")
CHECKING: Server = Checking("s1", {}, "/", "http://x")
STOPPING: Server = Stopping("s1", {})
ALL = (STOPPED, SPAWNING, READY, CHECKING, STOPPING)


def test_it_counts_those_that_start_and_those_that_are_active() -> None:
    limits = SpawnLimits(0, 0)
    for before, after, counts in [
        (STOPPED, SPAWNING, (1, 1)),
        (STOPPED, SPAWNING, (2, 2)),
        (SPAWNING, READY, (1, 2)),
        (READY, STOPPING, (1, 2)),
        (SPAWNING, STOPPING, (0, 2)),
        (STOPPING, STOPPED, (0, 1)),
        (STOPPED, CHECKING, (0, 2)),
        (CHECKING, READY, (0, 2)),
        (READY, STOPPED, (0, 1)),
        (STOPPING, STOPPED, (0, 0)),
        (STOPPED, STOPPED, (0, 0)),
    ]:
        limits.moved(before, after)
        assert (limits.spawning, limits.active) == counts


@given(st.lists(st.lists(st.sampled_from(ALL), max_size=10), max_size=5))
def test_whatever_servers_do_it_counts_where_they_are(lives: list[list[Server]]) -> None:
    limits = SpawnLimits(0, 0)
    for life in lives:
        for before, after in itertools.pairwise([STOPPED, *life]):
            limits.moved(before, after)
    ends = [life[-1] for life in lives if life]
    assert limits.spawning == sum(isinstance(end, Spawning) for end in ends)
    assert limits.active == sum(not isinstance(end, Stopped) for end in ends)


def test_a_limit_on_starts() -> None:
    limits = SpawnLimits(2, 0)
    limits.moved(STOPPED, SPAWNING)
    with limits.admit(STOPPED, 45):
        pass
    limits.moved(STOPPED, SPAWNING)
    with pytest.raises(ThrottledError) as refused, limits.admit(STOPPED, 45):
        pass
    assert refused.value.retry_after == 45
    assert "about 50 seconds" in refused.value.message
    limits.moved(SPAWNING, READY)
    with limits.admit(STOPPED, 45):
        pass


def test_a_limit_on_active_servers_says_nothing_about_when() -> None:
    limits = SpawnLimits(0, 1)
    limits.moved(STOPPED, READY)
    with pytest.raises(ThrottledError) as refused, limits.admit(STOPPED, 45):
        pass
    assert refused.value.retry_after is None


def test_whoever_is_being_let_in_has_a_place() -> None:
    limits = SpawnLimits(1, 0)
    with limits.admit(STOPPED, 45), pytest.raises(ThrottledError), limits.admit(STOPPED, 45):
        pass
    limits = SpawnLimits(0, 1)
    with limits.admit(STOPPED, 45), pytest.raises(ThrottledError), limits.admit(STOPPED, 45):
        pass
    with limits.admit(STOPPED, 45):
        pass


def test_a_place_is_given_back_when_the_start_is_refused() -> None:
    limits = SpawnLimits(1, 1)
    for _ in range(3):
        with pytest.raises(LookupError), limits.admit(STOPPED, 45):
            raise LookupError


@pytest.mark.parametrize("server", ALL[1:])
def test_who_is_not_stopped_has_its_place(server: Server) -> None:
    limits = SpawnLimits(1, 1)
    limits.moved(STOPPED, SPAWNING)
    with limits.admit(server, 45):
        pass


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "10 seconds"), (30, "30 seconds"), (31, "40 seconds"), (90, "90 seconds"), (91, "2 minutes")],
)
def test_how_long_is_told_to_people_in_round_numbers(seconds: int, words: str) -> None:
    limits = SpawnLimits(1, 0)
    limits.moved(STOPPED, SPAWNING)
    with pytest.raises(ThrottledError, match=f"about {words}"), limits.admit(STOPPED, seconds):
        pass
    assert math.ceil(seconds / 10) * 10 >= seconds
