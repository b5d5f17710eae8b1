"""From the thread of a hook to what only the hub's loop may look at."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio

T = TypeVar("T")


def on_loop(ask: Callable[[], T]) -> T:
    """What this gives there. A hook that runs on the loop itself asks at once."""
    return ask() if trio.lowlevel.in_trio_task() else trio.from_thread.run_sync(ask)


async def done_on_loop(do: Callable[[], Awaitable[T]]) -> T:
    """What comes of doing this there. Under asyncio nothing else of the hook's goes on meanwhile."""
    return await do() if trio.lowlevel.in_trio_task() else trio.from_thread.run(do)
