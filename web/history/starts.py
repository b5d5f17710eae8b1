"""How starts go: hour by hour, and how long they usually take."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median
from typing import Any

from msgspec import Struct

from core.events.log.tables import Tables
from core.events.record import utc_text
from projections.usage.attempt import Attempt, moment, profile_of
from projections.usage.attempts import last_starts
from web.history.use import HOUR, Sum, Use

FEW = 3  # starts, below which nothing is usual


class Hour(Struct, frozen=True):
    """`since`: when it begins. `starts`: asked for in it, `failed`: of those; the rest as in Use."""

    since: str
    starts: int
    failed: int
    median: float | None
    slow: float | None


class Hours:
    """Starts hour by hour, between two moments (microseconds), the first of which is the beginning of an hour."""

    def __init__(self, since: int, until: int) -> None:
        self._since, self._until = since, until
        self._sums = [Sum() for _ in range(-(-(until - since) // HOUR))]

    def add(self, attempt: Attempt) -> None:
        if self._since <= attempt.asked < self._until:
            self._sums[(attempt.asked - self._since) // HOUR].add(attempt, self._since, self._until)

    def told(self) -> list[Hour]:
        return [self._told(number, one.told("")) for number, one in enumerate(self._sums)]

    def _told(self, number: int, use: Use) -> Hour:
        begins = utc_text(moment(self._since + number * HOUR))
        return Hour(begins, use.starts, use.failed, use.median, use.slow)


def usual_seconds(db: Tables, options: Mapping[str, Any]) -> float | None:
    """How long starts with such options usually take here: the median of the last ones of their profile."""
    took = last_starts(db, profile_of(options))
    return median(took) / 1_000_000 if len(took) >= FEW else None
