"""Long lists that are gone through on the event loop, with room for others now and then."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

import trio

STEP = 100

Item = TypeVar("Item")
Found = TypeVar("Found")


async def in_steps(find: Callable[[Item], Found], items: Iterable[Item]) -> list[Found]:
    """What `find` says of each, in their order."""
    found = []
    for number, item in enumerate(items, 1):
        found.append(find(item))
        if number % STEP == 0:
            await trio.lowlevel.checkpoint()
    return found
