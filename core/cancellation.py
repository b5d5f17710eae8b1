"""Ending work from outside."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio


@asynccontextmanager
async def cancelled_when(event: trio.Event) -> AsyncIterator[None]:
    """What is inside is cancelled once the event is set."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_cancel_when, event, nursery.cancel_scope)
        yield
        nursery.cancel_scope.cancel()


async def _cancel_when(event: trio.Event, scope: trio.CancelScope) -> None:
    await event.wait()
    scope.cancel()
