"""How many progress messages a spawn leaves in the log."""

from __future__ import annotations

import pytest

from core.actors.servers.messages import BURST, PER_SECOND, SOON, Messages, as_event
from core.events.server import SpawnProgressed
from core.plugins.spawner import Progress


def texts(taken: list[Progress]) -> list[str]:
    return [progress.message for progress in taken]


def add(messages: Messages, now: float, *said: str) -> None:
    for text in said:
        messages.add(Progress(text), now)


def test_the_first_waits_a_moment_for_company() -> None:
    messages = Messages(0)
    assert messages.due is None
    add(messages, 5, "a")
    add(messages, 5.01, "b")
    assert messages.due == 5 + SOON
    assert texts(messages.take(5.02)) == ["a", "b"]
    assert messages.due is None
    assert messages.take(6) == []


def test_a_burst_is_kept_as_it_comes_and_the_rest_merged() -> None:
    messages = Messages(0)
    add(messages, 0, *"abcdefghijklmnop")
    assert texts(messages.take(0.1)) == [*"abcdefghi", "p"]


def test_then_two_a_second() -> None:
    messages = Messages(0)
    kept: list[tuple[float, str]] = []
    for tick in range(10_000):
        now = tick / 100
        add(messages, now, str(tick))
        if messages.due is not None and messages.due <= now:
            kept += [(now, text) for text in texts(messages.take(now))]
    assert len(kept) == pytest.approx(BURST + PER_SECOND * 100, abs=2)
    for second in range(10, 100):
        assert 1 <= len([text for at, text in kept if second <= at < second + 1]) <= 3
    assert [int(text) for _, text in kept] == sorted(int(text) for _, text in kept)


def test_the_last_word_is_never_lost() -> None:
    messages = Messages(0)
    add(messages, 0, *map(str, range(100)))
    messages.take(0.02)
    add(messages, 0.03, "x", "y", "last")
    assert messages.due is not None
    assert 0.03 < messages.due <= 0.03 + 1 / PER_SECOND
    assert texts(messages.take(messages.due)) == ["last"]


def test_silence_allows_another_burst() -> None:
    messages = Messages(0)
    add(messages, 0, *"abcdefghij")
    messages.take(0.02)
    add(messages, 100, *"abcdefghijklm")
    assert len(messages.take(100.02)) == BURST


def test_what_could_not_be_recorded_comes_again_in_order() -> None:
    messages = Messages(0)
    add(messages, 0, "a", "b")
    taken = messages.take(0.02)
    add(messages, 0.03, "c")
    messages.put_back(taken, 0.04, 1.0)
    assert messages.due == 1.04
    add(messages, 0.05, "d")
    assert texts(messages.take(2)) == ["a", "b", "c", "d"]


def test_putting_nothing_back_makes_nothing_due() -> None:
    messages = Messages(0)
    messages.put_back([], 1, 1.0)
    assert messages.due is None


def test_what_was_put_back_stays_within_bounds() -> None:
    messages = Messages(0)
    for now in range(100):
        add(messages, now, *map(str, range(1000)))
        taken = messages.take(now + 0.5)
        assert len(taken) <= 2 * BURST
        messages.put_back(taken, now + 0.5, 1.0)
        assert messages.due == now + 1.5


def test_an_event_says_all_that_was_said() -> None:
    message = Progress("pulling", 25, "<b>pulling</b>", {"layer": 3})
    assert as_event("s1", message) == SpawnProgressed("s1", "pulling", 25, "<b>pulling</b>", {"layer": 3})
