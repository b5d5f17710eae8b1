"""A task that does what one state calls for, for as long as the state lasts."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import trio

logger = logging.getLogger("callboard.server")

CLEANUP_TIMEOUT = (
    10.0  # seconds that work may take to clean up before the next state's work begins regardless
)


class WorkTask:
    """Runs in a nursery that outlives the actor: work that will not end cannot hold its server up.

    `previous`: the work of the state before, which is left to clean up first.
    """

    __slots__ = ("_do", "_ended", "_failed", "_has_ended", "_previous", "_scope")

    def __init__(
        self,
        do: Callable[[], Awaitable[None]],
        failed: Callable[[Exception], None],
        previous: WorkTask | None,
    ) -> None:
        self._do = do
        self._failed = failed
        self._previous = previous
        self._scope = trio.CancelScope()
        self._has_ended = False
        self._ended: trio.Event | None = None  # once somebody waits

    def cancel(self) -> None:
        self._scope.cancel()

    async def run(self) -> None:
        try:
            await self._wait_previous()  # even if cancelled by now: the next one waits for this one alone
            with self._scope:
                await trio.lowlevel.checkpoint_if_cancelled()
                await self._do()
        except Exception as error:
            self._fail(error)
        except BaseExceptionGroup as group:  # the whole hub is ending, and here something went wrong with it
            bugs, ending = group.split(Exception)
            if bugs is not None:
                logger.exception("work failed at the hub's end", exc_info=bugs)
            assert ending is not None
            raise ending from None
        finally:
            self._has_ended = True
            if self._ended is not None:
                self._ended.set()

    async def _wait_previous(self) -> None:
        previous, self._previous = self._previous, None
        if previous is None:
            return
        with trio.move_on_after(CLEANUP_TIMEOUT) as timeout:
            await previous._wait_ended()
        if timeout.cancelled_caught:
            logger.error("the work of a state that was left does not end; going on without it")

    async def _wait_ended(self) -> None:
        if not self._has_ended:
            self._ended = trio.Event()
            await self._ended.wait()

    def _fail(self, error: Exception) -> None:
        if self._scope.cancel_called:
            logger.error("cleaning up after a state that was left has failed", exc_info=error)
        else:
            self._failed(error)
