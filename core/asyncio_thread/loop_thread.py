"""One thread with one asyncio loop, which goes on whatever is done to it from inside."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import trio

logger = logging.getLogger("callboard.plugins")

EXECUTORS = "plugin-executor"  # what names of threads begin with that wait for blocking calls of plug-ins
LAST_MOMENT = 1.0  # seconds that tasks have to end once they are cancelled at the end
_DEEPEST = 12  # frames of a stack that are told


class LoopThread:
    """Made in trio. `on_end`: called in trio once the loop has ended, asked to or not.

    The thread is a daemon: one that never comes back does not keep the hub from ending.
    """

    def __init__(self, name: str, on_end: Callable[[], None]) -> None:
        self.name = name
        self.ended = trio.Event()
        self._hub = trio.lowlevel.current_trio_token()
        self._on_end = on_end
        self._is_ending = False
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(_tell_of_a_task)
        self._loop.set_default_executor(ThreadPoolExecutor(thread_name_prefix=EXECUTORS))
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def post(self, function: Callable[..., object], *args: Any) -> None:
        """Call it over there, soon; never, where the loop has ended."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(function, *args)

    def post_to_hub(self, function: Callable[..., object], *args: Any) -> None:
        """From over there: call it in trio, soon. It must not raise."""
        with suppress(trio.RunFinishedError):
            self._hub.run_sync_soon(function, *args)

    def end(self) -> None:
        """Cancel all its tasks, give them a moment, and end; returns at once."""
        self.post(self._begin_to_end)

    def doing(self) -> str:
        """The task it is in, and its stack: for the log, as somebody else sees it. Source lines, never values."""
        frame = sys._current_frames().get(self._thread.ident or 0)
        if frame is None:
            return "nothing: its thread has ended"
        task = asyncio.current_task(self._loop)
        stack = "".join(traceback.format_stack(frame)[-_DEEPEST:])
        return f"{task.get_name() if task else 'no task'}, at\n{stack}"

    # --- in the thread ---

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            while not self._is_ending and self._has_run():
                pass
            self._close()
        finally:
            self.post_to_hub(self._tell_end)

    def _has_run(self) -> bool:
        """Whether the loop can go on. `sys.exit` in a task, and `loop.stop()`, end only the run."""
        try:
            self._loop.run_forever()
        except (SystemExit, KeyboardInterrupt) as error:
            logger.warning(
                "%s: a task of a plug-in wanted the hub to end (%r): only the task has", self.name, error
            )
        except BaseException:
            logger.exception("%s: the loop is broken", self.name)
            return False
        return True

    def _begin_to_end(self) -> None:
        self._is_ending = True
        self._loop.stop()

    def _close(self) -> None:
        for task in (tasks := asyncio.all_tasks(self._loop)):
            if not task.cancelling():  # else it is on its way, and may be cleaning up
                task.cancel()
        try:
            if tasks:
                self._loop.run_until_complete(asyncio.wait(tasks, timeout=LAST_MOMENT))
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        except BaseException as error:
            logger.warning("%s: %r while it ended", self.name, error)
        with suppress(RuntimeError):  # somebody has made it run again
            self._loop.close()

    # --- in trio ---

    def _tell_end(self) -> None:
        self.ended.set()
        self._on_end()


def _tell_of_a_task(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What went wrong where nobody waits for it."""
    logger.error("in a task of a plug-in: %s", context.get("message"), exc_info=context.get("exception"))
