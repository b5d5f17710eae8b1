"""When an engine counts as silent, and since when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.reconcile.breaker import PATIENCE, Breaker

NINE = datetime(2026, 11, 28, 9, 0, tzinfo=UTC)


def after(*story: tuple[str, float]) -> Breaker:
    """`answered` or `failed`, so many seconds after nine."""
    breaker = Breaker()
    for what, seconds in story:
        at = NINE + timedelta(seconds=seconds)
        if what == "answered":
            breaker.answered(at)
        else:
            breaker.failed(seconds, at)
    return breaker


@pytest.mark.parametrize(
    ("story", "silent_since"),
    [
        ([], None),
        ([("failed", 1)], None),
        ([("failed", 1), ("failed", 1 + PATIENCE - 0.1)], None),
        ([("failed", 1), ("failed", 1 + PATIENCE)], 1),  # it has never answered
        ([("answered", 0), ("failed", 60), ("failed", 60 + PATIENCE)], 0),
        ([("failed", 1), ("answered", 3), ("failed", 1 + PATIENCE)], None),  # not in a row
        ([("failed", 1), ("failed", 9), ("answered", 10)], None),
        ([("failed", 1), ("failed", 9), ("answered", 10), ("failed", 11)], None),
        ([("failed", 1), ("failed", 9), ("failed", 90)], 1),
    ],
)
def test_it_is_silent(story: list[tuple[str, float]], silent_since: float | None) -> None:
    breaker = after(*story)
    assert breaker.is_open == (silent_since is not None)
    assert breaker.since == (None if silent_since is None else NINE + timedelta(seconds=silent_since))


def test_a_silence_of_the_last_hub_goes_on_until_it_answers() -> None:
    breaker = Breaker(NINE)
    breaker.failed(100, NINE + timedelta(hours=1))
    assert breaker.since == NINE
    breaker.answered(NINE + timedelta(hours=2))
    assert not breaker.is_open
