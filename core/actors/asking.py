"""Asking a backend that may not be there: what its errors mean, and how long to wait before asking again."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import trio

from core.errors import HubError, UnreachableError

logger = logging.getLogger("callboard.server")

RETRY_FIRST, RETRY_LAST = 0.1, 30.0  # seconds

T = TypeVar("T")


def essence(error: Exception) -> Exception:
    """What matters in an exception that nurseries may have wrapped: the refusal, or that it cannot be asked."""
    if not isinstance(error, ExceptionGroup):
        return error
    leaves = list(_leaves(error))
    for kind in (HubError, UnreachableError):
        for leaf in leaves:
            if isinstance(leaf, kind):
                return leaf
    return leaves[0] if len(leaves) == 1 else error


def _leaves(group: ExceptionGroup[Exception]) -> Iterator[Exception]:
    for error in group.exceptions:
        if isinstance(error, ExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


async def insist(what: str, spawn_id: str, ask: Callable[[], Awaitable[T]]) -> T:
    """Ask until there is an answer, whatever goes wrong; the caller sets the deadline, if any."""
    pauses = Pauses(what, spawn_id)
    while True:
        try:
            return await ask()
        except Exception as error:
            await pauses.after(error)


class Pauses:
    """Between tries: longer and longer. Only the first failure of a row is worth a line in the log."""

    __slots__ = ("_delays", "_is_first", "_is_loud", "_spawn_id", "_what")

    def __init__(self, what: str, spawn_id: str, *, is_loud: bool = True) -> None:
        """`what` could not be done about `spawn_id`: "end", "start". `is_loud`: nobody else will say that the
        backend is away."""
        self._is_loud = is_loud
        self._what = what
        self._spawn_id = spawn_id
        self.reset()

    def reset(self) -> None:
        self._delays = Delays()
        self._is_first = True

    async def after(self, error: Exception) -> None:
        reason = essence(error)
        if not self._is_first:
            logger.debug("still cannot %s %s: %s", self._what, self._spawn_id, reason)
        elif isinstance(reason, UnreachableError):
            level = logging.WARNING if self._is_loud else logging.DEBUG
            logger.log(level, "cannot %s %s: %s", self._what, self._spawn_id, reason)
        else:
            logger.error("cannot %s %s", self._what, self._spawn_id, exc_info=error)
        self._is_first = False
        await trio.sleep(next(self._delays))


class Delays:
    """Seconds to wait before asking again: doubling, for ever."""

    def __init__(self) -> None:
        self._next = RETRY_FIRST / 2

    def __iter__(self) -> Iterator[float]:
        return self

    def __next__(self) -> float:
        self._next = min(self._next * 2, RETRY_LAST)
        return self._next
