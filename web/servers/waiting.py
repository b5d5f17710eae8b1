"""Waiting for what was asked for, no longer than is wished, and not beyond the hub's end."""

from __future__ import annotations

from collections.abc import Awaitable

import trio

from core.cancellation import cancelled_when


async def in_time(event: Awaitable[object], seconds: float, *, unless: trio.Event) -> bool:
    """Whether `event` comes within so many seconds, and before `unless` is set: the hub no longer serves, say."""
    came = False
    with trio.move_on_after(seconds):
        async with cancelled_when(unless):
            await event
            came = True
    return came
