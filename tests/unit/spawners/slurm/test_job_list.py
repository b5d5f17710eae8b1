"""One question to Slurm for everybody, and never two within a moment."""

from __future__ import annotations

import pytest
import trio
from msgspec.structs import replace
from trio.testing import MockClock

from core.errors import UnreachableError
from spawners.slurm.job_list import JobList
from tests.unit.spawners.slurm.test_jobs import ID, JOB, OTHER


class Controller:
    """Answers after a second with the jobs there are, or that it is away."""

    def __init__(self) -> None:
        self.jobs = [JOB]
        self.is_away = False
        self.asked: list[float] = []

    async def __call__(self) -> list[object]:
        self.asked.append(trio.current_time())
        jobs, is_away = list(self.jobs), self.is_away
        await trio.sleep(0.5)
        if is_away:
            raise UnreachableError("away")
        return jobs  # type: ignore[return-value]


@pytest.fixture
def controller() -> Controller:
    return Controller()


@pytest.fixture
def jobs(controller: Controller) -> JobList:
    return JobList(controller, 1.0)  # type: ignore[arg-type]


async def test_two_hundred_ask_and_slurm_is_asked_once_a_second(
    controller: Controller, jobs: JobList, autojump_clock: MockClock
) -> None:
    async def ask_often() -> None:
        for _ in range(10):
            assert (await jobs.now()).of(ID) == (JOB,)

    async with trio.open_nursery() as nursery:
        for number in range(200):
            nursery.start_soon(ask_often)
            if number % 50 == 0:
                await trio.sleep(0.1)
    pauses = [after - before for before, after in zip(controller.asked, controller.asked[1:], strict=False)]
    assert min(pauses) >= 1.0
    assert len(controller.asked) <= 13


async def test_an_answer_from_before_is_no_answer(
    controller: Controller, jobs: JobList, autojump_clock: MockClock
) -> None:
    before = await jobs.now()
    controller.jobs = []
    assert await jobs.since(before.asked_at) is before
    assert await jobs.any() is before
    after = await jobs.now()
    assert (after.of(ID), len(controller.asked)) == ((), 2)


async def test_nobody_waits_for_a_second_failure(
    controller: Controller, jobs: JobList, autojump_clock: MockClock
) -> None:
    controller.is_away = True

    async def fails() -> None:
        with pytest.raises(UnreachableError, match="away"):
            await jobs.now()

    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        for _ in range(100):
            nursery.start_soon(fails)
    assert (len(controller.asked), trio.current_time() - began) == (1, pytest.approx(0.5))
    controller.is_away = False
    assert (await jobs.now()).of(ID) == (JOB,)


async def test_whoever_is_called_off_leaves_the_others_their_answer(
    jobs: JobList, controller: Controller, autojump_clock: MockClock
) -> None:
    async with trio.open_nursery() as nursery:
        with trio.move_on_after(0.1):
            nursery.start_soon(jobs.now)
            await jobs.now()
    assert (await jobs.any()).of(ID) == (JOB,)


async def test_who_waits_for_one_is_woken_for_that_one(
    controller: Controller, jobs: JobList, autojump_clock: MockClock
) -> None:
    woken: list[str] = []

    async def wait(spawn_id: str) -> None:
        await jobs.wait_change(spawn_id, (await jobs.any()).of(spawn_id))
        woken.append(spawn_id)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(jobs.watch, 2.0, lambda: None)
        nursery.start_soon(wait, ID)
        nursery.start_soon(wait, OTHER)
        await trio.sleep(5)
        assert woken == []
        controller.jobs = [replace(JOB, states=frozenset({"FAILED"}))]
        await trio.sleep(5)
        assert woken == [ID]
        jobs.wake(OTHER)
        await trio.sleep(0)
        await trio.sleep(0)
        assert woken == [ID, OTHER]
        nursery.cancel_scope.cancel()


async def test_without_a_watch_who_waits_asks(
    controller: Controller, jobs: JobList, autojump_clock: MockClock
) -> None:
    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(jobs.wait_change, ID, (await jobs.any()).of(ID))
        await trio.sleep(3)
        controller.jobs = []
    assert 3 <= trio.current_time() - began <= 6


async def test_a_watch_is_heard_of_until_slurm_is_away(
    controller: Controller, jobs: JobList, autojump_clock: MockClock
) -> None:
    heard: list[float] = []
    began = trio.current_time()

    async def goes_away() -> None:
        await trio.sleep(10)
        controller.is_away = True

    async with trio.open_nursery() as nursery:
        nursery.start_soon(goes_away)
        with pytest.raises(UnreachableError):
            await jobs.watch(2.0, lambda: heard.append(trio.current_time() - began))
    assert heard == pytest.approx([0.5, 3.0, 5.5, 8.0], abs=0.1)
