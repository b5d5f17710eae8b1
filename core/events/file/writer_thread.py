"""The thread in which the log is written. It stays, and one hand-over each way is all that a commit pays for it.

trio's own threads get a context, a name, a place under a limit and a cancel scope for every call.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import NamedTuple

import outcome
import trio

Result = outcome.Value[None] | outcome.Error


class Order(NamedTuple):
    """`then`: called on the event loop with what has become of it, before `task`, which waits for that, goes on."""

    do: Callable[[], None]
    then: Callable[[Result], None]
    task: trio.lowlevel.Task
    token: trio.lowlevel.TrioToken


class WriterThread:
    """Begins with the first order, and ends with `close`. Orders are carried out one after the other."""

    def __init__(self) -> None:
        self._orders: SimpleQueue[Order | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    async def carry_out(self, do: Callable[[], None], then: Callable[[Result], None]) -> None:
        """Raises what either has raised, and is not cancelled before."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="the log's writer", daemon=True)
            self._thread.start()
        order = Order(do, then, trio.lowlevel.current_task(), trio.lowlevel.current_trio_token())
        self._orders.put(order)
        await trio.lowlevel.wait_task_rescheduled(no_way_back)

    def close(self) -> None:
        """Once nobody waits for it any more."""
        if self._thread is not None:
            self._orders.put(None)
            self._thread.join()
            self._thread = None

    def _work(self) -> None:
        while (order := self._orders.get()) is not None:
            result = outcome.capture(order.do)
            with contextlib.suppress(trio.RunFinishedError):  # the loop was torn down: nobody wants to know
                order.token.run_sync_soon(_tell, order, result)
            del order, result  # the next may be long in coming


def _tell(order: Order, result: Result) -> None:
    told = outcome.capture(order.then, result)
    trio.lowlevel.reschedule(order.task, told if isinstance(told, outcome.Error) else result)


def no_way_back(_: object) -> trio.lowlevel.Abort:
    return trio.lowlevel.Abort.FAILED
