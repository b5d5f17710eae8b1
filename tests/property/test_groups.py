"""A group folded from fewer events is the same group, however long it took to grow."""

from __future__ import annotations

from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from core.events.group import GroupCreated, GroupDeleted, PropertiesReplaced, UsersJoined, UsersLeft
from core.group import NoGroup, evolve, shortened

some = st.lists(st.sampled_from("abcdef"), max_size=3).map(tuple)
events = st.lists(
    st.one_of(
        st.builds(UsersJoined, some),
        st.builds(UsersJoined, some),  # what happens most
        st.builds(UsersLeft, some),
        st.builds(GroupCreated, st.just("students"), some),
        st.just(GroupDeleted()),
        st.just(PropertiesReplaced({"room": 3})),
    )
)


@given(events)
def test_shortened_it_is_the_same(happened):
    assert reduce(evolve, shortened(happened), NoGroup()) == reduce(evolve, happened, NoGroup())


def test_many_who_came_one_by_one_are_one_event():
    came = [GroupCreated("students"), *(UsersJoined((f"u{number}",)) for number in range(1000))]
    assert list(shortened(came)) == [came[0], UsersJoined(tuple(f"u{number}" for number in range(1000)))]
