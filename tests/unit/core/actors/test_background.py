"""Work that nobody waits for."""

from __future__ import annotations

import logging

import pytest
import trio

from core.actors.background import do, do_every, do_now_and_every
from core.errors import UnavailableError


async def test_what_fails_is_said_and_tried_again(
    caplog: pytest.LogCaptureFixture, autojump_clock: object
) -> None:
    times: list[float] = []
    errors: list[Exception | None] = [UnavailableError("the disk is full"), KeyError("x"), None]

    async def work() -> None:
        times.append(trio.current_time())
        error = errors[len(times) - 1]
        if error is not None:
            raise error

    begin = trio.current_time()
    with trio.move_on_after(25):
        await do_now_and_every(lambda: 10.0, "the attic is not tidy", work)
    assert [time - begin for time in times] == pytest.approx([0, 10, 20])
    (known, unknown) = caplog.records
    assert (known.levelno, known.getMessage()) == (logging.WARNING, "the attic is not tidy: the disk is full")
    assert (unknown.levelno, unknown.getMessage()) == (logging.ERROR, "the attic is not tidy")
    assert unknown.exc_info is not None


async def test_what_is_gathered_waits_for_its_time(autojump_clock: object) -> None:
    times: list[float] = []

    async def work() -> None:
        times.append(trio.current_time())
        await trio.sleep(1)

    begin = trio.current_time()
    with trio.move_on_after(25):
        await do_every(10.0, "x", work)
    assert [time - begin for time in times] == pytest.approx([10, 21])


async def test_being_told_to_end_is_no_failure(
    caplog: pytest.LogCaptureFixture, autojump_clock: object
) -> None:
    with trio.move_on_after(1) as scope:
        await do("x", trio.sleep_forever)
    assert scope.cancelled_caught
    assert not caplog.records
