"""How much happened when: counts of events in spans of time, of what somebody may see."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from datetime import datetime
from typing import NamedTuple

from msgspec import Struct

from core.events import codec
from core.events.file.reading import position_at
from core.events.file.store import EventStore
from core.events.log.tables import Tables
from core.events.record import Record, utc_text
from projections import tallies
from projections.histories.about import About
from projections.tallies import EPOCH, SECOND, Count, seconds
from web.history.catching_up import LogReader
from web.history.feed import Happening
from web.history.viewer import Viewer
from web.history.wanted import Wanted, is_about

WALKED = 20_000  # events that are looked at one by one, where no tally can be

FAILURES = frozenset(
    {
        "server.spawn-failed",
        "server.died",
        "server.lost",
        "server.out-of-sight",
        "engine.silent",
        "engine.stray-found",
        "service.failed",
        "job.given-up",
        "access.refused",
    }
)


class Piece(Struct, frozen=True):
    """A span of time that begins `at`. `failures`: of the events in it."""

    at: str
    count: int
    failures: int


class Density(Struct, frozen=True):
    """`step`: seconds of each span. Spans in which nothing happened are left out.

    `first` and `last`: between which moments all of it happened, null where nothing did. `counted_from`: null, or the
    moment before which was not counted: too much would have had to be looked at.
    """

    since: str
    until: str
    step: int
    count: int
    failures: int
    first: str | None
    last: str | None
    counted_from: str | None
    items: list[Piece]


class Spans(NamedTuple):
    """Seconds since 1970."""

    since: int
    until: int
    step: int

    def has(self, second: int) -> bool:
        return self.since <= second < self.until

    def begin_of(self, second: int) -> int:
        return second - (second - self.since) % self.step


class Counted(NamedTuple):
    """`ends`: the first and the last second in which something happened. `since`: what was counted, null for all."""

    counts: list[Count]
    ends: tuple[int, int] | None
    since: int | None = None


def counted(db: Tables, types: frozenset[str], spans: Spans) -> Counted:
    """Of all events of these types that there are."""
    ends = tallies.ends(db, types, spans.since, spans.until)
    return Counted(tallies.counts(db, types, types & FAILURES, *spans) if ends else [], ends)


async def counted_one_by_one(store: EventStore, wanted: Wanted, viewer: Viewer, spans: Spans) -> Counted:
    """Of events that the viewer may see, the newest first, as far as that can be done in good time."""
    walk = _Walk(store.db, wanted, viewer, spans)
    first = position_at(store.db, _text(spans.since), inclusive=False)
    position = 1 + position_at(store.db, _text(spans.until), inclusive=False)
    with closing(LogReader(store, wanted)) as reader:
        while position > first + 1 and walk.looked_at < WALKED:
            piece = await reader.before(position)
            walk.add(piece.happenings)
            position = piece.reached
    return walk.counted(is_whole=position <= first + 1)


class _Walk:
    def __init__(self, db: Tables, wanted: Wanted, viewer: Viewer, spans: Spans) -> None:
        self._wanted, self._viewer, self._spans = wanted, viewer, spans
        self._things = wanted.found(db)
        self._all: Counter[int] = Counter()
        self._failures: Counter[int] = Counter()
        self._ends: tuple[int, int] | None = None
        self._oldest = spans.until
        self.looked_at = 0

    def add(self, happenings: list[Happening]) -> None:
        for record, about in happenings:
            self.looked_at += 1
            self._oldest = second = seconds(record.at)
            if self._spans.has(second) and self._is_wanted(record, about):
                self._count(second, codec.tag_of(record.event))

    def _is_wanted(self, record: Record, about: About) -> bool:
        has_type = self._wanted.has_type(codec.tag_of(record.event))
        return has_type and is_about(self._things, about) and self._viewer.sees(record, about)

    def _count(self, second: int, tag: str) -> None:
        at = self._spans.begin_of(second)
        self._all[at] += 1
        self._failures[at] += tag in FAILURES
        first, last = self._ends or (second, second)
        self._ends = min(first, second), max(last, second)

    def counted(self, *, is_whole: bool) -> Counted:
        counts = [Count(at, self._all[at], self._failures[at]) for at in sorted(self._all)]
        return Counted(counts, self._ends, None if is_whole else self._oldest)


def density(counted: Counted, spans: Spans) -> Density:
    first, last = counted.ends or (None, None)
    return Density(
        since=_text(spans.since),
        until=_text(spans.until),
        step=spans.step,
        count=sum(one.all for one in counted.counts),
        failures=sum(one.marked for one in counted.counts),
        first=None if first is None else _text(first),
        last=None if last is None else _text(last + 1),
        counted_from=None if counted.since is None else _text(counted.since),
        items=[Piece(_text(one.since), one.all, one.marked) for one in counted.counts],
    )


def _text(second: int) -> str:
    return utc_text(_moment(second))


def _moment(second: int) -> datetime:
    return EPOCH + second * SECOND
