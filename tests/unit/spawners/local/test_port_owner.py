"""Whose a port is, decided from what the kernel lists."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spawners.local.listeners import Listener
from spawners.local.port_owner import Holder, strangers

HUB, ALICE, MALLORY = 0, 1001, 1002


def listener(inode: int, uid: int = ALICE) -> Listener:
    return Listener("127.0.0.1", 20000, uid, inode)


def holder(*sockets: int, uid: int = ALICE) -> Holder:
    return Holder(uid, frozenset(sockets))


def hidden(uid: int) -> Holder:
    return Holder(uid, None)


@pytest.mark.parametrize(
    ("listeners", "holders", "strange"),
    [
        ([listener(1)], [holder(1)], []),
        ([listener(1)], [holder(5, 1, 6)], []),
        ([listener(1)], [holder(), holder(1)], []),  # a child of the server's listens
        ([listener(1)], [holder(2)], [1]),
        ([listener(1)], [], [1]),
        ([listener(1), listener(2)], [holder(1)], [2]),  # both share the port
        ([listener(1), listener(2)], [holder(1), holder(2)], []),
        ([listener(1, HUB)], [holder(2, uid=HUB)], [1]),  # one account for all: it proves nothing
        ([listener(1, ALICE)], [hidden(ALICE)], []),
        ([listener(1, MALLORY)], [hidden(ALICE)], [1]),
        ([listener(1, ALICE)], [holder(), hidden(ALICE)], []),
        ([listener(1, MALLORY), listener(2, ALICE)], [hidden(ALICE)], [1]),
        ([], [holder(1)], []),
    ],
)
def test_what_nobody_of_the_family_holds_is_a_strangers(
    listeners: list[Listener], holders: list[Holder], strange: list[int]
) -> None:
    assert [one.inode for one in strangers(listeners, holders)] == strange


sockets = st.frozensets(st.integers(1, 5))
holders = st.builds(Holder, st.integers(1, 3), st.none() | sockets)
listeners = st.builds(listener, st.integers(1, 5), st.integers(1, 3))


@given(st.lists(listeners), st.lists(holders), st.lists(holders))
def test_a_larger_family_never_makes_a_stranger(
    found: list[Listener], family: list[Holder], more: list[Holder]
) -> None:
    few = strangers(found, [*family, *more])
    assert all(one in strangers(found, family) for one in few)
    seen = [one for one in family if one.sockets is not None]
    if len(seen) == len(family):  # nothing is hidden: then accounts count for nothing
        assert strangers(found, seen) == [
            one for one in found if not any(one.inode in (process.sockets or ()) for process in seen)
        ]
