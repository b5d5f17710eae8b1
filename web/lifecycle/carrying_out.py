"""The steps of a start that record something: what a full disk refuses is done once there is room."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable

import trio

from core.errors import HubError, UnavailableError

AGAIN = 5.0  # seconds

Step = tuple[str, Callable[[], Awaitable[object]]]  # what it is about, and what is done; it may be done again

logger = logging.getLogger("callboard.config")


async def carry_out(steps: Iterable[Step]) -> list[Step]:
    """All of them, one after the other; those that could not be recorded now."""
    left: list[Step] = []
    for what, do in steps:
        try:
            await do()
        except HubError as error:
            if not (left or isinstance(error, UnavailableError)):
                raise  # else it may be for want of what was to be done before
            logger.warning("%s: not as the configuration says yet: %s", what, error.message)
            left.append((what, do))
    return left


async def carry_out_later(steps: list[Step]) -> None:
    while steps:
        await trio.sleep(AGAIN)
        steps = await carry_out(steps)
