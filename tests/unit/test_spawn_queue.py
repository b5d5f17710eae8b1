"""Whose turn it is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.spawn_queue import SpawnQueue

wishes = st.lists(st.sampled_from("abc"), max_size=12)


def queue_of(users: str) -> SpawnQueue:
    queue = SpawnQueue()
    for position, user in enumerate(users):
        queue.add(f"{user}{position}", user, position)
    return queue


def test_one_user_is_served_in_the_order_of_asking() -> None:
    assert list(queue_of("aaa").order()) == ["a0", "a1", "a2"]


def test_users_take_turns() -> None:
    assert list(queue_of("aaab").order()) == ["a0", "b3", "a1", "a2"]


def test_who_gives_up_lets_the_others_move_up() -> None:
    queue = queue_of("abab")
    queue.remove("a0")
    queue.remove("none")
    assert [queue.place(name) for name in ("a0", "a2", "b1", "b3")] == [None, 1, 2, 3]


def test_after_a_restart_the_order_is_that_of_the_log_whatever_the_order_of_return() -> None:
    queue = SpawnQueue()
    for name, user, position in (("b1", "b", 1), ("a2", "a", 2), ("a0", "a", 0)):
        queue.add(name, user, position)
    queue.settle()
    assert list(queue.order()) == ["a0", "b1", "a2"]


def test_the_estimate_is_the_usual_time_for_each_round_before_the_place() -> None:
    queue = queue_of("a")
    assert queue.estimate(1, 10) is None
    queue.started_in(10)
    queue.started_in(20)
    assert (queue.estimate(1, 10), queue.estimate(10, 10), queue.estimate(11, 10)) == (15, 15, 30)


@given(wishes)
def test_turns_come_in_the_order_that_was_shown(users: list[str]) -> None:
    queue = queue_of("".join(users))
    shown = list(queue.order())
    assert [queue.take() for _ in shown] == shown
    assert queue.take() is None


@given(wishes)
def test_nobody_has_a_second_turn_before_everybody_who_waits_had_one(users: list[str]) -> None:
    queue = queue_of("".join(users))
    turns = [name[0] for name in queue.order()]
    for user in set(users):
        others = [other for other in set(users) if other != user]
        first, second = (*[place for place, name in enumerate(turns) if name == user], len(turns))[:2]
        assert all(other in turns[:second] for other in others), (turns, first)


@given(wishes, wishes)
def test_a_user_is_never_overtaken_twice_by_the_same_other(before: list[str], after: list[str]) -> None:
    queue = queue_of("".join(before))
    served: list[str] = []
    for number, user in enumerate(after):
        queue.add(f"{user}x{number}", user, 100 + number)
        name = queue.take()
        if name:
            served.append(name[0])
    while name := queue.take():
        served.append(name[0])
    assert len(served) == len(before) + len(after)
