from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from core.actors.servers.work_task import CLEANUP_TIMEOUT, WorkTask

Do = Callable[[], Awaitable[None]]


class Desk:
    """Starts work, and notes what failed."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        self.failures: list[Exception] = []

    def begin(self, do: Do, previous: WorkTask | None = None) -> WorkTask:
        task = WorkTask(do, self.failures.append, previous)
        self._nursery.start_soon(task.run)
        return task


async def stubborn(seconds: float) -> None:
    try:
        await trio.sleep_forever()
    finally:
        with trio.CancelScope(shield=True):
            await trio.sleep(seconds)


async def test_work_ends_when_it_is_done_or_cancelled(autojump_clock: MockClock) -> None:
    async with trio.open_nursery() as nursery:
        desk = Desk(nursery)
        desk.begin(trio.lowlevel.checkpoint)
        task = desk.begin(trio.sleep_forever)
        await wait_all_tasks_blocked()
        task.cancel()
    assert desk.failures == []


async def test_what_was_cancelled_before_it_began_does_nothing(autojump_clock: MockClock) -> None:
    done: list[str] = []

    async def do() -> None:
        done.append("something")

    async with trio.open_nursery() as nursery:
        Desk(nursery).begin(do).cancel()
    assert done == []


@pytest.mark.parametrize(("takes", "waits"), [(0, 0), (4, 4), (1000, CLEANUP_TIMEOUT)])
async def test_the_next_waits_for_a_farewell_but_not_for_ever(
    takes: float, waits: float, autojump_clock: MockClock
) -> None:
    began: list[float] = []

    async def following() -> None:
        began.append(trio.current_time())

    async with trio.open_nursery() as nursery:
        desk = Desk(nursery)
        first = desk.begin(lambda: stubborn(takes))
        await wait_all_tasks_blocked()
        first.cancel()
        desk.begin(following, first)
    assert began == pytest.approx([waits])


async def test_one_that_never_began_still_waits_on_behalf_of_the_next(autojump_clock: MockClock) -> None:
    began: list[float] = []

    async def following() -> None:
        began.append(trio.current_time())

    async with trio.open_nursery() as nursery:
        desk = Desk(nursery)
        first = desk.begin(lambda: stubborn(5))
        await wait_all_tasks_blocked()
        first.cancel()
        second = desk.begin(trio.sleep_forever, first)
        second.cancel()
        desk.begin(following, second)
    assert began == pytest.approx([5])


async def test_a_failure_is_told_unless_the_work_was_left(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail() -> None:
        raise KeyError("bug")

    async def fail_in_the_end() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise OSError("clean-up")

    async with trio.open_nursery() as nursery:
        desk = Desk(nursery)
        desk.begin(fail)
        left = desk.begin(fail_in_the_end)
        await wait_all_tasks_blocked()
        left.cancel()
    assert [type(error) for error in desk.failures] == [KeyError]
    assert "clean-up" in caplog.text


async def test_work_that_is_done_keeps_nothing_alive_of_what_came_before(autojump_clock: MockClock) -> None:
    async with trio.open_nursery() as nursery:
        desk = Desk(nursery)
        task = desk.begin(trio.lowlevel.checkpoint)
        for _ in range(3):
            await wait_all_tasks_blocked()
            task = desk.begin(trio.lowlevel.checkpoint, task)
    assert task._previous is None
