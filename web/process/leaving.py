"""The very last of a hub: threads that plug-ins have left are not waited for."""

from __future__ import annotations

import logging
import os
import sys
import threading
from typing import NoReturn

from core.asyncio_thread.loop_thread import EXECUTORS

logger = logging.getLogger("callboard.plugins")

PATIENCE = 1.0  # seconds that they have to end by themselves


def leave_threads_behind(status: int) -> int:
    """The status, if none is left; else the process ends here, with that: Python would wait for them for ever."""
    for thread in (left := _left()):
        thread.join(PATIENCE / len(left))
    if still := [thread.name for thread in _left()]:
        logger.warning("threads of plug-ins do not end, and are left behind: %s", ", ".join(still))
        _end(status)
    return status


def _left() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith(EXECUTORS)]


def _end(status: int) -> NoReturn:
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
