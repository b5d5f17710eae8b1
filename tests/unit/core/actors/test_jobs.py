"""Jobs carried out: when they are due, again after failures, one per key, and until they are cancelled."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
import trio
from trio.testing import MockClock

from core.actors.errands import Errands
from core.actors.hub_entities import HubEntities
from core.actors.job_run import TRIES, HopelessError, JobRun
from core.actors.jobs import RETRY, Jobs
from core.errors import AlreadyExistsError, BusyError, ForbiddenError, NotFoundError, ThrottledError
from core.events.file.store import EventStore
from core.events.record import By
from core.job import Request
from projections import ALL
from projections import jobs as table
from web.hub.timetable import Timetable

BY = By("user/u1", via="t1")
START = datetime(2026, 12, 1, 8, tzinfo=UTC)


class World:
    """A log whose clock is trio's, and the jobs of the hub that has it now."""

    jobs: Jobs

    def __init__(self) -> None:
        self.store = EventStore(":memory:", ALL, threaded=False, now=self.now)
        self.acts: list[tuple[float, str]] = []
        self.by: list[By] = []
        self.troubles: list[Exception] = []
        self.seconds = 0.0  # that each item takes

    def now(self) -> datetime:
        return START + timedelta(seconds=trio.current_time())

    async def act(self, item: str) -> None:
        self.acts.append((trio.current_time(), item))
        await trio.sleep(self.seconds)
        if self.troubles:
            raise self.troubles.pop(0)

    async def whole(self, run: JobRun) -> None:
        self.by.append(run.by)
        await self.act("")

    async def items(self, run: JobRun) -> None:
        await run.each(self.act, 2)

    @asynccontextmanager
    async def hub(self) -> AsyncIterator[Jobs]:
        """Ends as a killed one does: at once, with nothing more recorded."""
        errands = Errands()
        self.jobs = Jobs(HubEntities(self.store).jobs, Timetable(self.store.db), errands, now=self.now)
        self.jobs.teach("whole", self.whole)
        self.jobs.teach("items", self.items)
        async with trio.open_nursery() as nursery:
            await nursery.start(self.store.run)
            await nursery.start(errands.run)
            await nursery.start(self.jobs.run)
            yield self.jobs
            nursery.cancel_scope.cancel()

    def row(self, job_id: str = "j1") -> table.JobRow:
        row = table.by_id(self.store.db, job_id)
        assert row is not None
        return row

    async def ended(self, job_id: str = "j1") -> table.JobRow:
        while self.row(job_id).is_open:
            await self.store.wait_any()
        return self.row(job_id)


@pytest.fixture
def world() -> World:
    return World()


async def test_a_job_is_done_at_once_by_whoever_asked(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as jobs:
        await jobs.request("j1", Request("whole"), by=BY)
        assert (await world.ended()).state == "done"
    assert world.by == [By("user/u1", via="t1", cause=1)]


async def test_what_fails_is_tried_again_with_back_off_and_the_outcome_is_told(
    world: World, autojump_clock: MockClock
) -> None:
    world.troubles = [ForbiddenError("not now"), KeyError("a bug"), ForbiddenError("not now")]
    async with world.hub() as jobs:
        await jobs.request("j1", Request("whole"), by=BY)
        row = await world.ended()
    assert (row.state, row.why) == ("done", "")
    times = [at for at, _ in world.acts]
    waited = [after - before for before, after in pairwise(times)]
    assert all(RETRY.most(n) / 2 <= wait <= RETRY.most(n) for n, wait in enumerate(waited, start=1)), waited


async def test_after_so_many_tries_it_is_given_up(world: World, autojump_clock: MockClock) -> None:
    world.troubles = [ForbiddenError("not now")] * 9
    async with world.hub() as jobs:
        await jobs.request("j1", Request("whole", tries=3), by=BY)
        row = await world.ended()
    assert (row.state, row.why, len(world.acts)) == ("given up", "not now", 3)


async def test_what_is_hopeless_is_given_up_at_once(world: World, autojump_clock: MockClock) -> None:
    world.troubles = [HopelessError("it is gone")]
    async with world.hub() as jobs:
        await jobs.request("j1", Request("whole"), by=BY)
        row = await world.ended()
    assert (row.state, row.why, len(world.acts)) == ("given up", "it is gone", 1)


async def test_a_job_nobody_here_can_do_waits_for_a_hub_that_can(
    world: World, autojump_clock: MockClock
) -> None:
    async with world.hub() as jobs:
        await jobs.request("j1", Request("unheard of"), by=BY)
        await trio.sleep(5)
        assert "unheard of" in world.row().why
    async with world.hub() as jobs:
        jobs.teach("unheard of", world.whole)
        assert (await world.ended()).state == "done"


async def test_a_timer_waits_and_a_restart_finds_it_again(world: World, autojump_clock: MockClock) -> None:
    due = START + timedelta(hours=2)
    async with world.hub() as jobs:
        await jobs.request("j1", Request("whole", due=due), by=BY)
        await trio.sleep(3600)
        assert world.acts == []
    async with world.hub():
        await world.ended()
    assert [round(at) for at, _ in world.acts] == [7200]


async def test_a_timer_that_passed_while_no_hub_ran_is_made_up_for(
    world: World, autojump_clock: MockClock
) -> None:
    async with world.hub() as jobs:
        await jobs.request("j1", Request("whole", due=START + timedelta(seconds=10)), by=BY)
    await trio.sleep(100)
    async with world.hub():
        await world.ended()
    assert [round(at) for at, _ in world.acts] == [100]


async def test_items_are_done_a_few_at_a_time_and_counted(world: World, autojump_clock: MockClock) -> None:
    world.seconds = 10
    async with world.hub() as jobs:
        await jobs.request("j1", Request("items", ("a", "b", "c", "d")), by=BY)
        await trio.sleep(12)
        assert (world.row().total, world.row().done) == (4, 2)
        assert (await world.ended()).done == 4
    assert world.acts == [(0, "a"), (0, "b"), (10, "c"), (10, "d")]


async def test_an_item_that_is_refused_has_failed_and_the_others_go_on(
    world: World, autojump_clock: MockClock
) -> None:
    world.troubles = [ForbiddenError("you may not"), KeyError("a bug")]
    async with world.hub() as jobs:
        await jobs.request("j1", Request("items", ("a", "b", "c")), by=BY)
        row = await world.ended()
    assert (row.state, row.done, row.failed) == ("done", 1, 2)
    failures = table.failures(world.store.db, "j1")
    assert failures == {"a": "you may not", "b": "The hub failed at it; its own log says how."}


async def test_what_is_too_much_at_once_is_asked_again_when_the_hub_says(
    world: World, autojump_clock: MockClock
) -> None:
    world.troubles = [ThrottledError("later", 30), BusyError("in a moment")]
    async with world.hub() as jobs:
        await jobs.request("j1", Request("items", ("a",)), by=BY)
        assert (await world.ended()).done == 1
    assert len(world.acts) == 3
    assert world.acts[1][0] >= 30


async def test_what_is_too_much_for_ever_fails(world: World, autojump_clock: MockClock) -> None:
    world.troubles = [BusyError("in a moment")] * TRIES
    async with world.hub() as jobs:
        await jobs.request("j1", Request("items", ("a",)), by=BY)
        assert (await world.ended()).failed == 1
    assert len(world.acts) == TRIES


async def test_a_killed_hub_is_followed_by_one_that_does_the_rest(
    world: World, autojump_clock: MockClock
) -> None:
    world.seconds = 10
    async with world.hub() as jobs:
        await jobs.request("j1", Request("items", ("a", "b", "c", "d")), by=BY)
        await trio.sleep(15)
    async with world.hub():
        row = await world.ended()
    assert (row.state, row.done) == ("done", 4)
    assert [item for _, item in world.acts] == ["a", "b", "c", "d", "c", "d"]


async def test_a_hub_that_dies_of_it_every_time_is_not_sent_to_die_for_ever(
    world: World, autojump_clock: MockClock
) -> None:
    world.seconds = 10
    async with world.hub() as jobs:
        await jobs.request("j1", Request("whole", tries=3), by=BY)
        await trio.sleep(5)
    for _ in range(3):
        async with world.hub():
            await trio.sleep(5)
    assert (world.row().state, len(world.acts)) == ("given up", 3)


async def test_a_cancelled_job_ends_with_what_was_done(world: World, autojump_clock: MockClock) -> None:
    world.seconds = 10
    async with world.hub() as jobs:
        await jobs.request("j1", Request("items", ("a", "b", "c", "d")), by=BY)
        await trio.sleep(10.5)
        await jobs.cancel("j1", by=BY)
        await jobs.wait_tried("j1")
        await trio.sleep(60)
    row = world.row()
    assert (row.state, row.done, len(world.acts)) == ("cancelled", 2, 4)


async def test_a_cancelled_timer_never_goes_off(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as jobs:
        await jobs.request("j1", Request("whole", due=START + timedelta(seconds=10)), by=BY)
        await jobs.cancel("j1", by=BY)
        await jobs.cancel("j1", by=BY)
        await trio.sleep(60)
    assert (world.row().state, world.acts) == ("cancelled", [])


async def test_there_is_one_open_job_of_a_key(world: World, autojump_clock: MockClock) -> None:
    world.seconds = 10
    async with world.hub() as jobs:
        await jobs.request("j1", Request("whole", key="mornings"), by=BY)
        with pytest.raises(AlreadyExistsError):
            await jobs.request("j2", Request("whole", key="mornings"), by=BY)
        await jobs.request("j3", Request("whole", key="evenings"), by=BY)
        await jobs.request("j4", Request("whole"), by=BY)
        await jobs.request("j5", Request("whole"), by=BY)
        await world.ended()
        await jobs.request("j6", Request("whole", key="mornings"), by=BY)


async def test_what_was_never_asked_for_cannot_be_cancelled(world: World, autojump_clock: MockClock) -> None:
    async with world.hub() as jobs:
        with pytest.raises(NotFoundError):
            await jobs.cancel("j1", by=BY)
    assert table.by_id(world.store.db, "j1") is None
