"""Wishes that are in the log, carried out one task each, whatever becomes of whoever had them."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import trio

from core.backoff import Backoff
from core.errors import HubError

RETRY = Backoff(1.0, 30.0)

Errand = Callable[[], Awaitable[None]]

logger = logging.getLogger("callboard.errands")


class Errands:
    """One errand at a time for each key. An errand that is refused is tried again, for as long as it takes."""

    def __init__(self) -> None:
        self._under_way: dict[str, UnderWay] = {}
        self._nursery: trio.Nursery | None = None

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            task_status.started()
            await trio.sleep_forever()

    def go_on(self, key: str, errand: Errand) -> None:
        """Begin the errand, unless it is under way."""
        if key not in self._under_way:
            assert self._nursery is not None, "errands are not running"
            self._under_way[key] = UnderWay()
            self._nursery.start_soon(self._carry_out, key, errand)

    def is_under_way(self, key: str) -> bool:
        return key in self._under_way

    async def wait_done(self, key: str) -> None:
        """Return once nothing is under way for `key`."""
        if key in self._under_way:
            await self._under_way[key].over.wait()

    def cancel(self, key: str) -> None:
        """End what is under way for `key`, wherever it is."""
        if key in self._under_way:
            self._under_way[key].scope.cancel()

    async def _carry_out(self, key: str, errand: Errand) -> None:
        with self._under_way[key].scope:
            await _try_until_done(key, errand)
        self._under_way.pop(key).over.set()  # not where the whole hub ends: nothing is done then


class UnderWay:
    """An errand that has begun, how to end it, and how to know that it is over."""

    __slots__ = ("over", "scope")

    def __init__(self) -> None:
        self.scope = trio.CancelScope()
        self.over = trio.Event()


async def _try_until_done(key: str, errand: Errand) -> None:
    for delay in RETRY.delays():
        try:
            await errand()
            break
        except HubError as error:
            logger.warning("%s cannot be finished yet: %s", key, error)
        except Exception:
            logger.exception("%s failed", key)
        await trio.sleep(delay)
