"""The thread of the log's writer: what becomes of orders, and in which order their askers hear of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import outcome
import pytest
import trio

from core.events.file.writer_thread import Result, WriterThread


@pytest.fixture
def thread() -> Iterator[WriterThread]:
    thread = WriterThread()
    yield thread
    thread.close()


def nothing(_: Result) -> None:
    pass


async def test_orders_are_carried_out_in_one_other_thread_one_after_the_other(thread: WriterThread) -> None:
    began: list[tuple[int, int]] = []
    running: list[int] = []

    def work(number: int) -> None:
        running.append(number)
        assert running == [number], "two at once"
        began.append((number, threading.get_ident()))
        time.sleep(0.001)
        running.remove(number)

    async with trio.open_nursery() as nursery:
        for number in range(5):
            nursery.start_soon(thread.carry_out, lambda number=number: work(number), nothing)
    assert sorted(number for number, _ in began) == [0, 1, 2, 3, 4]
    assert {where for _, where in began} - {threading.get_ident()} == {began[0][1]}


async def test_who_is_to_hear_hears_on_the_event_loop_before_the_asker_goes_on(thread: WriterThread) -> None:
    said: list[object] = []
    await thread.carry_out(
        lambda: said.append("done"), lambda result: said.append((result, threading.get_ident()))
    )
    assert said == ["done", (outcome.Value(None), threading.get_ident())]


async def test_what_goes_wrong_is_raised_where_it_was_asked_for(thread: WriterThread) -> None:
    heard: list[Result] = []
    with pytest.raises(ZeroDivisionError):
        await thread.carry_out(lambda: 1 / 0, heard.append)  # type: ignore[arg-type, return-value]
    assert isinstance(heard[0], outcome.Error)
    with pytest.raises(KeyError):
        await thread.carry_out(lambda: None, lambda _: {}["nobody hears"])
    await thread.carry_out(lambda: None, nothing)  # it goes on


async def test_nothing_that_was_begun_is_cancelled(thread: WriterThread) -> None:
    done: list[bool] = []

    def slowly() -> None:
        time.sleep(0.02)
        done.append(True)

    with trio.move_on_after(0.001):
        await thread.carry_out(slowly, nothing)
    assert done == [True]


def test_it_outlives_a_loop_that_was_torn_down_and_works_for_the_next() -> None:
    thread, may_go_on, done = WriterThread(), threading.Event(), threading.Event()

    def work() -> None:
        may_go_on.wait(5)
        done.set()

    async def torn_down() -> None:
        trio.lowlevel.spawn_system_task(thread.carry_out, work, nothing)
        await trio.testing.wait_all_tasks_blocked()
        raise KeyboardInterrupt

    async def next_one() -> None:
        await thread.carry_out(lambda: None, nothing)

    stuck = threading.Timer(0.05, may_go_on.set)
    stuck.start()
    with pytest.raises(KeyboardInterrupt):
        trio.run(torn_down)
    assert done.wait(5)
    trio.run(next_one)
    thread.close()
    thread.close()


def test_one_that_was_never_needed_was_never_begun() -> None:
    before = threading.active_count()
    WriterThread().close()
    assert threading.active_count() == before
