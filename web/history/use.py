"""How much was used, in figures."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import quantiles

from msgspec import Struct

from projections.usage.attempt import Attempt
from projections.usage.months import UserUse

HOUR = 3600 * 1_000_000  # microseconds


class Use(Struct, frozen=True):
    """`hours`: in which servers were ready. `starts`: asked for, `failed`: of those, or lost.

    `median` and `slow` (which one in twenty exceeds): seconds from a start's turn until it was ready; null without any.
    """

    name: str
    hours: float
    starts: int
    failed: int
    median: float | None
    slow: float | None


class Sum:
    """`took`: of starts, in microseconds."""

    def __init__(self) -> None:
        self.in_use = self.starts = self.failed = 0
        self.took: list[int] = []

    def add(self, attempt: Attempt, since: int, until: int) -> None:
        self.in_use += attempt.in_use(since, until)
        if not since <= attempt.asked < until:
            return
        self.starts += 1
        self.failed += attempt.outcome == "failed"
        if attempt.ready is not None and attempt.began is not None:
            self.took.append(attempt.ready - attempt.began)

    def add_month(self, use: UserUse) -> None:
        self.in_use += use.in_use
        self.starts += use.starts
        self.failed += use.failed

    def told(self, name: str) -> Use:
        median, slow = _quantiles(self.took)
        return Use(name, round(self.in_use / HOUR, 4), self.starts, self.failed, median, slow)


def _quantiles(took: Sequence[int]) -> tuple[float | None, float | None]:
    """Median and 95th percentile, in seconds."""
    if len(took) < 2:
        only = took[0] / 1_000_000 if took else None
        return only, only
    cuts = quantiles(took, n=20, method="inclusive")
    return round(cuts[9] / 1_000_000, 3), round(cuts[18] / 1_000_000, 3)
