"""Who has used how much, summed up by user, server, profile or group: as far as those who ask may see it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from statistics import median, quantiles
from typing import Any, Literal, get_args

from msgspec import Struct
from msgspec.structs import astuple

from core.events.log.tables import Tables
from core.events.record import utc_text
from projections import groups, users
from projections.usage import Attempt, in_use, last_starts, microseconds, moment, profile_of

HOUR = 3600 * 1_000_000  # microseconds
FEW = 3  # starts, below which nothing is usual

Kind = Literal["user", "server", "profile", "group"]
KINDS: tuple[Kind, ...] = get_args(Kind)


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


class Summing:
    """All that was used between two moments, added up step by step. `may_see`: whose use counts, by present name;
    None for one who is gone."""

    def __init__(
        self,
        db: Tables,
        kind: Kind,
        since: datetime,
        until: datetime,
        may_see: Callable[[str | None], bool] = lambda _: True,
    ) -> None:
        self._db, self._kind, self._may_see = db, kind, may_see
        self._span = since, until
        self._since, self._until = microseconds(since), microseconds(until)
        self._naming = Naming(db)
        self._by_name: dict[str, _Sum] = {}
        self._total = _Sum()

    def steps(self) -> Iterator[None]:
        """Each adds a chunk, so that others may have a turn between them."""
        for attempts in in_use(self._db, self._since, self._until):
            for attempt in attempts:
                if self._may_see(self._naming.present(attempt)):
                    self._add(attempt)
            yield

    def _add(self, attempt: Attempt) -> None:
        names = list(self._naming.names(self._kind, attempt))
        for name in names:
            self._by_name.setdefault(name, _Sum()).add(attempt, self._since, self._until)
        if names:
            self._total.add(attempt, self._since, self._until)

    def usage(self) -> Usage:
        """Of each name that has used or asked for anything, who used most first."""
        told = [one.told(name) for name, one in self._by_name.items()]
        items = sorted(
            (one for one in told if one.hours or one.starts), key=lambda one: (-one.hours, one.name)
        )
        since, until = map(utc_text, self._span)
        return Usage(since, until, self._kind, items, self._total.told(""))


def month_of(day: datetime) -> datetime:
    """Its beginning."""
    return day.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def as_csv(usage: Usage) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(Use.__struct_fields__)
    writer.writerows(map(astuple, usage.items))
    return text.getvalue()


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
