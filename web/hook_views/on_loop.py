"""From the thread of a hook to what only the hub's loop may look at."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import trio

T = TypeVar("T")


def on_loop(ask: Callable[[], T]) -> T:
    """What this gives there. A hook that runs on the loop itself asks at once."""
    return ask() if trio.lowlevel.in_trio_task() else trio.from_thread.run_sync(ask)
