"""What runs although no server knows it: whose it is. What becomes of it: test_reconciler.py."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.reconcile.mark import Mark, sealed
from core.reconcile.sorting_out import Consent, Strays, named, sort_out

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
