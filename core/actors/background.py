"""Work that nobody waits for. When it fails that is said, and it hurts nobody."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import trio

from core.errors import HubError

logger = logging.getLogger("callboard.background")

Work = Callable[[], Awaitable[object]]
Interval = float | Callable[[], float]  # seconds


async def do(what: str, work: Work) -> None:
    """`what` could not be done: words for the log."""
    try:
        await work()
    except HubError as error:
        logger.warning("%s: %s", what, error)
    except Exception:
        logger.exception("%s", what)


async def do_every(interval: Interval, what: str, work: Work) -> None:
    """Again and again, `interval` seconds after the start and then after the last time ended."""
    while True:
        await trio.sleep(interval() if callable(interval) else interval)
        await do(what, work)


async def do_now_and_every(interval: Interval, what: str, work: Work) -> None:
    await do(what, work)
    await do_every(interval, what, work)
