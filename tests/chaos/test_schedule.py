from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tests.chaos.schedule import Fault, Kind, plan, transitions

SEEDS = st.integers(0, 2**64)
SECONDS = st.floats(0, 100)


@given(SEEDS, SECONDS)
def test_a_seed_always_says_the_same(seed: int, seconds: float) -> None:
    assert plan(seed, seconds) == plan(seed, seconds)


@given(SEEDS, SECONDS)
def test_everything_is_over_in_time_and_in_order(seed: int, seconds: float) -> None:
    faults = plan(seed, seconds)
    assert all(0 <= fault.at <= fault.at + fault.lasts <= seconds + 0.001 for fault in faults)
    assert all(one.at <= following.at for one, following in pairwise(faults))


@given(SEEDS, st.sets(st.sampled_from(Kind), min_size=1))
def test_only_what_can_be_done_is_planned(seed: int, kinds: set[Kind]) -> None:
    assert {fault.kind for fault in plan(seed, 60, sorted(kinds))} <= kinds


def test_every_kind_of_fault_comes_up() -> None:
    assert {fault.kind for fault in plan(1, 600)} == set(Kind)


@given(SEEDS)
def test_whatever_begins_ends_afterwards(seed: int) -> None:
    faults, open_ones = plan(seed, 60), set[Fault]()
    for transition in transitions(faults):
        if transition.is_end:
            open_ones.remove(transition.fault)
        else:
            open_ones.add(transition.fault)
    assert open_ones == set()
