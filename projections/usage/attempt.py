"""One attempt to start a server, and what it adds to sums."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal, NamedTuple

NOT_YET = 2**62  # the end of what goes on: later than all moments, so that one index serves both
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
DAY = 86400 * 1_000_000  # microseconds

Outcome = Literal["", "failed", "cancelled", "stopped", "died", "lost", "left"]


class Attempt(NamedTuple):
    """`user`, `server`: ids; the names are those of the start. `began`: when its turn had come. `ready`: None if never.

    `outcome`: `""` while it goes on; `left`: given up for a later attempt. Moments are microseconds (UTC, since 1970).
    """

    spawn_id: str
    server: str
    user: str
    user_name: str
    server_name: str
    profile: str
    asked: int
    began: int | None
    ready: int | None
    ended: int
    outcome: Outcome

    def in_use(self, since: int, until: int) -> int:
        """Microseconds of use within these moments."""
        if self.ready is None:
            return 0
        return max(0, min(self.ended, until) - max(self.ready, since))


class Share(NamedTuple):
    """What attempts add to a month. `in_use`: microseconds of those that have ended. `going_on`: how many became ready
    in it and have not ended; `since`: the sum of the moments from which on they have been."""

    in_use: int = 0
    going_on: int = 0
    since: int = 0
    starts: int = 0
    failed: int = 0

    def plus(self, other: Share, sign: Literal[1, -1] = 1) -> Share:
        return Share(
            self.in_use + sign * other.in_use,
            self.going_on + sign * other.going_on,
            self.since + sign * other.since,
            self.starts + sign * other.starts,
            self.failed + sign * other.failed,
        )


NOTHING = Share()


def shares(attempt: Attempt) -> dict[str, Share]:
    """What an attempt adds to which months."""
    first = Share(starts=1, failed=int(attempt.outcome == "failed"))
    found = {month_at(attempt.asked): first}
    for month, share in _use(attempt):
        found[month] = found[month].plus(share) if month in found else share
    return found


def _use(attempt: Attempt) -> Iterator[tuple[str, Share]]:
    if attempt.ready is None:
        return
    if attempt.ended == NOT_YET:
        yield month_at(attempt.ready), Share(going_on=1, since=attempt.ready)
        return
    for month, length in by_month(attempt.ready, attempt.ended):
        yield month, Share(in_use=length)


def by_month(since: int, until: int) -> Iterator[tuple[str, int]]:
    """The months between two moments, with how much of each lies between them."""
    while since < until:
        month = month_at(since)
        end = until if month == month_at(until) else microseconds(next_month(moment(since)))
        yield month, end - since
        since = end


def profile_of(options: Mapping[str, Any]) -> str:
    """By its name, "" where none was chosen."""
    profile = options.get("profile")
    return profile if isinstance(profile, str) else ""


# --- moments ---


def microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // MICROSECOND


def moment(at: int) -> datetime:
    return EPOCH + at * MICROSECOND


def month_at(at: int) -> str:
    """As it is kept: 2026-05. Texts sort as months do."""
    return _month_of_day(at // DAY)


@lru_cache(maxsize=64)
def _month_of_day(day: int) -> str:
    return f"{moment(day * DAY):%Y-%m}"


def month_of(day: datetime) -> datetime:
    """Its beginning."""
    return day.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def next_month(day: datetime) -> datetime:
    """The beginning of the one behind it."""
    return month_of(month_of(day) + timedelta(days=31))
