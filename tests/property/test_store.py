"""Any appends, in any company, on a disk that fails now and then: what holds of the log after each."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from core.errors import AlreadyExistsError, UnavailableError
from core.events.file.reading import position_at
from core.events.file.store import EventStore
from core.events.file.verify import verify
from core.events.file.writer import Writer
from core.events.hub import CLOCK
from core.events.log.append_request import VersionError, Write
from core.events.record import Record
from projections.rebuild import drift
from tests.effort import examples
from tests.logs import BY, Disk, Refusing, created, rows, said

STREAMS = ("a", "b", "c")
START = datetime(2026, 5, 4, 12, tzinfo=UTC)


class Ask(NamedTuple):
    """One caller's append: messages for some streams, `late` versions behind or ahead of them; maybe a user."""

    streams: tuple[str, ...]
    count: int
    late: int
    eve: bool


class Round(NamedTuple):
    """What is asked at once, how the clock moves before it, and where the disk fails in it."""

    asks: list[Ask]
    seconds: int
    fails: str


asks = st.builds(
    Ask,
    st.lists(st.sampled_from(STREAMS), min_size=1, max_size=2, unique=True).map(tuple),
    st.integers(1, 3),
    st.sampled_from([0, 0, 0, 0, 1, -1, 7]),
    st.sampled_from([False, False, True]),
)
rounds = st.builds(
    Round,
    st.lists(asks, min_size=1, max_size=5),
    st.integers(-100, 100),
    st.sampled_from(["", "", "", "BEGIN", "INSERT INTO events", "INSERT INTO seen", "COMMIT", "done COMMIT"]),
)


class Run:
    def __init__(self, path: str) -> None:
        self.disk = Disk()
        self.acknowledged: list[tuple[int, str, int]] = []
        self.now = START
        self.users = 0
        self.on_records: list[Record] = []
        self.projections = (Refusing("eve"),)
        self.store = EventStore(
            path, self.projections, now=lambda: self.now, threaded=False, connect=self.disk.connect
        )
        self.store.listen(self.on_records.extend)

    async def play(self, program: Sequence[Round]) -> None:
        async with trio.open_nursery() as nursery:
            await nursery.start(self.store.run)
            for one in program:
                await self._play_round(one)
            nursery.cancel_scope.cancel()
        self.store.close()

    async def _play_round(self, one: Round) -> None:
        self.now += timedelta(seconds=one.seconds)
        self.disk.fails = {one.fails} if one.fails else set()
        async with trio.open_nursery() as nursery:
            for ask in one.asks:
                nursery.start_soon(self._append, ask, len(one.asks) == 1)
        self._check()

    def _writes(self, ask: Ask) -> list[Write]:
        writes = [
            said(name, max(0, self.store.version(f"server/{name}") - ask.late), ask.count)
            for name in ask.streams
        ]
        if ask.eve:
            self.users += 1
            writes.append(created(self.users, "eve"))
        return writes

    async def _append(self, ask: Ask, is_alone: bool) -> None:
        writes = self._writes(ask)
        is_right = all(write.version == self.store.version(write.stream) for write in writes) and not ask.eve
        try:
            records = await self.store.append(*writes, by=BY)
        except UnavailableError:
            assert self.disk.fails, "only a failing disk refuses what is right"
        except (VersionError, AlreadyExistsError):
            assert not (is_right and is_alone)
        else:
            assert not ask.eve
            expected = [
                (write.stream, write.version + number + 1)
                for write in writes
                for number in range(len(write.events))
            ]
            assert [(record.stream, record.version) for record in records] == expected
            self.acknowledged += [(record.position, record.stream, record.version) for record in records]

    def _check(self) -> None:
        """What was acknowledged is there, and nothing else; it was told in order; and the log is whole."""
        there = rows(self.store.db)
        assert sorted(self.acknowledged) == [row for row in there if row[1] != CLOCK]
        on_records = [record.position for record in self.on_records]
        assert on_records == [position for position, _, _ in there][: len(on_records)]
        assert {stream for _, stream, _ in there[len(on_records) :]} <= {CLOCK}  # told of with the next event
        self._check_times()
        assert verify(self.store.path).position == len(there)
        assert drift(self.store.db, self.projections) == []

    def _check_times(self) -> None:
        """They decrease at each correction and nowhere else; a moment is found as by looking at all."""
        found = rows(self.store.db, "position, stream, at")
        for (_, _, before), (_, stream, at) in itertools.pairwise(found):
            assert (at < before) == (stream == CLOCK)
        for moment in {at for _, _, at in found}:
            upto = [position for position, _, at in found if at <= moment]
            earlier = [position for position, _, at in found if at < moment]
            assert position_at(self.store.db, moment) == max(upto)
            assert position_at(self.store.db, moment, inclusive=False) == max(earlier, default=0)


@settings(deadline=None, max_examples=examples(60), suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(rounds, max_size=8))
def test_any_appends_leave_a_whole_log_and_are_answered_by_the_truth(program: list[Round]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        run = Run(f"{directory}/log.sqlite")
        trio.run(run.play, program, clock=MockClock(autojump_threshold=0))
        again = Writer(run.store.path, run.projections)
        assert again.position >= len(run.acknowledged)
        again.close()
