"""Who has used how much, summed up by user, server, profile or group: as far as those who ask may see it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from statistics import median, quantiles
from typing import Any, Literal

from msgspec import Struct

from core.events.log.tables import Tables
from core.events.record import utc_text
from projections import groups, users
from projections.usage import Attempt, last_starts, moment, profile_of

HOUR = 3600 * 1_000_000  # microseconds
FEW = 3  # starts, below which nothing is usual

Kind = Literal["user", "server", "profile", "group"]


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


class Usage(Struct, frozen=True):
    """`total` counts each server once, in however many groups its user is."""

    since: str
    until: str
    by: Kind
    items: list[Use]
    total: Use


class _Sum:
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

    def told(self, name: str) -> Use:
        median, slow = _quantiles(self.took)
        return Use(name, round(self.in_use / HOUR, 4), self.starts, self.failed, median, slow)


class Sums:
    """What is added of attempts within two moments (microseconds). `names`: what to count one of them under."""

    def __init__(self, since: int, until: int, names: Callable[[Attempt], Collection[str]]) -> None:
        self._since, self._until, self._names = since, until, names
        self._by_name: dict[str, _Sum] = {}
        self._total = _Sum()

    def add(self, attempt: Attempt) -> None:
        names = self._names(attempt)
        for name in names:
            self._by_name.setdefault(name, _Sum()).add(attempt, self._since, self._until)
        if names:
            self._total.add(attempt, self._since, self._until)

    def items(self) -> list[Use]:
        """Of each name that has used or asked for anything, who used most first."""
        told = [one.told(name) for name, one in self._by_name.items()]
        return sorted(
            (one for one in told if one.hours or one.starts), key=lambda one: (-one.hours, one.name)
        )

    def total(self) -> Use:
        return self._total.told("")


def usual_seconds(db: Tables, options: Mapping[str, Any]) -> float | None:
    """How long starts with such options usually take here: the median of the last ones of their profile."""
    took = last_starts(db, profile_of(options))
    return median(took) / 1_000_000 if len(took) >= FEW else None


class Naming:
    """What an attempt is counted under: present names of users and servers, the last ones of those who are gone."""

    def __init__(self, db: Tables) -> None:
        self._db = db
        self._users: dict[str, str | None] = {}

    def user(self, attempt: Attempt) -> str:
        return self.present(attempt) or attempt.user_name

    def present(self, attempt: Attempt) -> str | None:
        """The name of its user, None if they are gone."""
        if attempt.user not in self._users:
            row = users.by_id(self._db, attempt.user)
            self._users[attempt.user] = None if row is None else row.name
        return self._users[attempt.user]

    def names(self, kind: Kind, attempt: Attempt) -> Iterator[str]:
        match kind:
            case "user":
                yield self.user(attempt)
            case "server":
                yield f"{self.user(attempt)}/{attempt.server_name}"
            case "profile":
                yield attempt.profile
            case "group":
                yield from (row.name for row in groups.of_user(self._db, attempt.user))


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
        self._sums = [_Sum() for _ in range(-(-(until - since) // HOUR))]

    def add(self, attempt: Attempt) -> None:
        if self._since <= attempt.asked < self._until:
            self._sums[(attempt.asked - self._since) // HOUR].add(attempt, self._since, self._until)

    def told(self) -> list[Hour]:
        return [self._told(number, one.told("")) for number, one in enumerate(self._sums)]

    def _told(self, number: int, use: Use) -> Hour:
        begins = utc_text(moment(self._since + number * HOUR))
        return Hour(begins, use.starts, use.failed, use.median, use.slow)


def _quantiles(took: list[int]) -> tuple[float | None, float | None]:
    """Median and 95th percentile, in seconds."""
    if len(took) < 2:
        only = took[0] / 1_000_000 if took else None
        return only, only
    cuts = quantiles(took, n=20, method="inclusive")
    return round(cuts[9] / 1_000_000, 3), round(cuts[18] / 1_000_000, 3)
