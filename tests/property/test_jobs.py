"""Jobs over crashes: whatever is asked, whatever fails and whenever the hub is killed, every item comes about.

The log and the world in which items are done outlive the hubs; the clock is trio's, so hours cost nothing.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct
from trio.testing import MockClock

from core.actors.job_run import JobRun
from core.actors.jobs import Jobs
from core.errors import AlreadyExistsError, BusyError, ForbiddenError
from core.job import AnyJob, Ended, NoJob, Request, evolve
from projections import ALL
from projections import jobs as table
from projections.rebuild import drift
from tests.unit.core.actors.test_jobs import BY, World

ITEMS = ("a", "b", "c", "d", "e")
FATAL = ForbiddenError("never")


class Ask(Struct, frozen=True):
    """`delay`: seconds until it is due; 0: at once."""

    job: int
    items: tuple[str, ...]
    delay: int
    key: str


class Cancel(Struct, frozen=True):
    job: int


class Pass(Struct, frozen=True):
    seconds: float


class Kill(Struct, frozen=True):
    """The hub ends at once; the next one begins so many seconds later."""

    seconds: float


class Trouble(Struct, frozen=True):
    """The next items fail in these ways."""

    kinds: tuple[str, ...]


TROUBLES: dict[str, Exception] = {"busy": BusyError("later"), "forbidden": FATAL, "bug": KeyError("a bug")}

numbers = st.integers(0, 3)
seconds = st.sampled_from([0.5, 1.5, 7.0, 100.0, 5000.0])
steps = st.one_of(
    st.builds(
        Ask,
        numbers,
        st.lists(st.sampled_from(ITEMS), unique=True, max_size=5).map(tuple),
        st.sampled_from([0, 0, 10, 4000]),
        st.sampled_from(["", "", "key"]),
    ),
    st.builds(Cancel, numbers),
    st.builds(Pass, seconds),
    st.builds(Kill, seconds),
    st.builds(Trouble, st.lists(st.sampled_from(sorted(TROUBLES)), max_size=3).map(tuple)),
)


class History(World):
    """What was asked of which hub, and what must have become of it."""

    def __init__(self, story: list[object]) -> None:
        super().__init__()
        self.seconds = 3.0  # that each item takes
        self.story = story
        self.asked: dict[str, Ask] = {}
        self.cancelled: set[str] = set()
        self.done: Counter[str] = Counter()  # by job and item

    async def items(self, run: JobRun) -> None:
        async def act(item: str) -> None:
            await self.act(item)
            self.done[f"{run.id} {item}"] += 1

        await run.each(act, 2)

    async def live(self) -> None:
        while self.story:
            async with self.hub() as jobs:
                pause = await self._one_life(jobs)
            await trio.sleep(pause)
        self.troubles = []
        async with self.hub():
            with trio.fail_after(10_000):
                for job in self.asked:
                    await self.ended(job)

    async def _one_life(self, jobs: Jobs) -> float:
        while self.story:
            step = self.story.pop(0)
            if isinstance(step, Kill):
                return step.seconds
            await self._do(jobs, step)
        return 0.0

    async def _do(self, jobs: Jobs, step: object) -> None:
        match step:
            case Ask():
                await self._ask(jobs, step)
            case Cancel() if f"j{step.job}" in self.asked:
                await jobs.cancel(f"j{step.job}", by=BY)
                self.cancelled.add(f"j{step.job}")
            case Pass():
                await trio.sleep(step.seconds)
            case Trouble():
                self.troubles = [TROUBLES[kind] for kind in step.kinds]

    async def _ask(self, jobs: Jobs, ask: Ask) -> None:
        due = self.now() + timedelta(seconds=ask.delay) if ask.delay else None
        taken = f"j{ask.job}" in self.asked or (ask.key and table.is_open(self.store.db, ask.key))
        try:
            await jobs.request(f"j{ask.job}", Request("items", ask.items, due=due, key=ask.key), by=BY)
        except AlreadyExistsError:
            assert taken
        else:
            assert not taken
            self.asked[f"j{ask.job}"] = ask

    # --- what must hold ---

    async def check(self) -> None:
        assert drift(self.store.db, ALL) == []
        for job, ask in self.asked.items():
            row = self.row(job)
            failed = set(table.failures(self.store.db, job))
            done = {key.partition(" ")[2] for key in self.done if key.startswith(f"{job} ")}
            assert row.state == "done" or (row.state == "cancelled" and job in self.cancelled)
            assert row.done + row.failed <= row.total == len(ask.items)
            if row.state == "done":
                assert done | failed == set(ask.items)
                assert row.done + row.failed == row.total
            assert await self._fold(job) == Ended(row.state)  # type: ignore[arg-type]

    async def _fold(self, job: str) -> AnyJob:
        state: AnyJob = NoJob()
        for record in await self.store.read(f"job/{job}"):
            state = evolve(state, record.event)  # type: ignore[arg-type]
        return state


@given(st.lists(steps, max_size=25))
@settings(deadline=None)
def test_every_item_of_every_job_comes_about_once_hubs_live_long_enough(story: list[object]) -> None:
    async def run() -> None:
        history = History(story)
        try:
            await history.live()
            await history.check()
        finally:
            history.store.close()

    trio.run(run, clock=MockClock(autojump_threshold=0))


@given(st.lists(st.builds(Kill, seconds), min_size=1, max_size=8))
@settings(deadline=None)
def test_an_item_is_done_again_only_where_a_hub_was_killed_before_it_was_recorded(
    kills: list[object],
) -> None:
    story: list[object] = [Ask(0, ITEMS, 0, "")]
    for kill in kills:
        story += [Pass(4.0), kill]

    async def run() -> Counter[str]:
        history = History(story)
        try:
            await history.live()
            return history.done
        finally:
            history.store.close()

    done = trio.run(run, clock=MockClock(autojump_threshold=0))
    assert set(done) == {f"j0 {item}" for item in ITEMS}
    assert sum(done.values()) <= len(ITEMS) + 2 * len(kills)
