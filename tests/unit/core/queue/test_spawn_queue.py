"""Whose turn it is."""

from __future__ import annotations

from core.queue.spawn_queue import SpawnQueue


def queue_of(users: str) -> SpawnQueue:
    queue = SpawnQueue()
    for position, user in enumerate(users, start=1):
        queue.add(f"{user}{position}", user, position)
    return queue


def test_one_user_is_served_in_the_order_of_asking() -> None:
    assert queue_of("aaa").order() == ["a1", "a2", "a3"]


def test_users_take_turns() -> None:
    assert queue_of("aaab").order() == ["a1", "b4", "a2", "a3"]
    assert queue_of("aaabbc").order() == ["a1", "b4", "c6", "a2", "b5", "a3"]


def test_who_had_a_turn_comes_after_everybody_who_waits() -> None:
    queue = queue_of("aab")
    queue.remove("a1", turn=4)
    assert queue.order() == ["b3", "a2"]


def test_who_comes_later_than_anothers_turn_comes_after_them() -> None:
    queue = queue_of("aa")
    queue.remove("a1", turn=3)
    queue.add("b4", "b", 4)
    assert queue.order() == ["a2", "b4"]


def test_who_gives_up_lets_the_others_move_up() -> None:
    queue = queue_of("abab")
    queue.remove("b2")
    queue.remove("none")
    assert [queue.place(name) for name in ("b2", "a1", "a3", "b4")] == [None, 1, 3, 2]
    assert ("b2" in queue, "b4" in queue, len(queue)) == (False, True, 3)


def test_a_wish_given_up_holds_no_place_for_a_later_one() -> None:
    queue = queue_of("aba")
    queue.remove("a1")
    assert queue.order() == ["b2", "a3"]


def test_a_turn_is_forgotten_once_its_user_waits_no_more() -> None:
    queue = queue_of("a")
    queue.remove("a1", turn=9)
    queue.had_turn("a", 9)
    queue.add("a2", "a", 2)
    queue.add("b3", "b", 3)
    assert queue.order() == ["a2", "b3"]


def test_the_estimate_is_the_usual_time_for_each_round_before_the_place() -> None:
    queue = queue_of("a")
    assert queue.estimate(1, 10) is None
    queue.started_in(10)
    queue.started_in(20)
    assert (queue.estimate(1, 10), queue.estimate(10, 10), queue.estimate(11, 10)) == (15, 15, 30)
