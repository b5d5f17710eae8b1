"""Wishes that are in the log, carried out whatever happens."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock

from core.actors.errands import RETRY, Errands
from core.errors import UnavailableError


@asynccontextmanager
async def errands() -> AsyncIterator[Errands]:
    running = Errands()
    async with trio.open_nursery() as nursery:
        await nursery.start(running.run)
        yield running
        nursery.cancel_scope.cancel()


class Errand:
    """One that fails in these ways before it succeeds."""

    def __init__(self, *troubles: Exception) -> None:
        self._troubles = list(troubles)
        self.times: list[float] = []

    async def __call__(self) -> None:
        await trio.lowlevel.checkpoint()
        self.times.append(trio.current_time())
        if self._troubles:
            raise self._troubles.pop(0)


@pytest.mark.parametrize(
    ("trouble", "level"),
    [
        (UnavailableError("the log cannot be written"), logging.WARNING),
        (KeyError("a bug"), logging.ERROR),
        (ExceptionGroup("", [KeyError("a bug")]), logging.ERROR),
    ],
)
async def test_an_errand_is_tried_again_until_it_is_done_whatever_goes_wrong(
    trouble: Exception, level: int, caplog: pytest.LogCaptureFixture, autojump_clock: MockClock
) -> None:
    errand = Errand(*[trouble] * 12)
    async with errands() as running:
        running.go_on("alice", errand)
        await running.wait_done("alice")
    assert len(errand.times) == 13
    assert [record.levelno for record in caplog.records] == [level] * 12
    waited = [after - before for before, after in zip(errand.times, errand.times[1:], strict=False)]
    assert all(RETRY.most(n) / 2 <= wait <= RETRY.most(n) for n, wait in enumerate(waited, start=1)), waited


async def test_there_is_one_at_a_time_for_each_key_and_another_after_it(autojump_clock: MockClock) -> None:
    first, same, another = Errand(KeyError("a bug")), Errand(), Errand()
    async with errands() as running:
        running.go_on("alice", first)
        running.go_on("alice", same)
        running.go_on("bob", another)
        await running.wait_done("bob")
        assert (len(first.times), len(same.times), len(another.times)) == (1, 0, 1)
        await running.wait_done("alice")
        running.go_on("alice", same)
        await running.wait_done("alice")
    assert (len(first.times), len(same.times)) == (2, 1)


async def test_what_is_not_under_way_is_not_waited_for() -> None:
    async with errands() as running:
        with trio.fail_after(1):
            await running.wait_done("nobody")
    assert not running._under_way


async def test_what_is_cancelled_ends_where_it_is_and_another_can_begin(autojump_clock: MockClock) -> None:
    endless, another = Errand(*[KeyError("a bug")] * 1000), Errand()
    async with errands() as running:
        running.go_on("alice", endless)
        await trio.sleep(100)
        running.cancel("alice")
        running.cancel("nobody")
        await running.wait_done("alice")
        tries = len(endless.times)
        running.go_on("alice", another)
        await running.wait_done("alice")
        await trio.sleep(100)
    assert (len(endless.times), len(another.times)) == (tries, 1)
