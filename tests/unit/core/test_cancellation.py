from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from core.cancellation import cancelled_when


async def test_what_is_inside_ends_when_the_event_is_set(autojump_clock: MockClock) -> None:
    event, lived = trio.Event(), []
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def set_it() -> None:
            await trio.sleep(5)
            event.set()

        async with cancelled_when(event):
            await trio.sleep(3)
            lived.append(trio.current_time())
            await trio.sleep_forever()
        lived.append(trio.current_time())
    assert lived[1] - lived[0] == pytest.approx(2)


async def test_what_ends_by_itself_does_not_wait_for_the_event(autojump_clock: MockClock) -> None:
    event, began = trio.Event(), trio.current_time()
    async with cancelled_when(event):
        await trio.sleep(1)
    assert trio.current_time() - began == pytest.approx(1)
    assert not event.is_set()


async def test_an_event_that_is_set_already_leaves_no_time(autojump_clock: MockClock) -> None:
    event, came_by = trio.Event(), False
    event.set()
    async with cancelled_when(event):
        await trio.sleep(1)
        came_by = True
    assert not came_by
