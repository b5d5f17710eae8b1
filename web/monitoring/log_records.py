"""Records for the log that one function writes all the time, made of one that is like them."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any


class Records:
    """As `logger.log` would make them within `writer`, without finding out each time where that is and who runs it.

    Where a configuration has a factory of records of its own, that one is asked.
    """

    def __init__(self, logger: logging.Logger, writer: Callable[..., object]) -> None:
        self._logger = logger
        self._place = writer.__code__
        self._alike = lru_cache(maxsize=16)(self._made_for)

    def new(self, level: int, message: str, given: tuple[object, ...], **beside: object) -> logging.LogRecord:
        """`beside`: what the record carries besides, by names that no record has."""
        if logging.getLogRecordFactory() is not logging.LogRecord:
            return self._made(level, message, given, beside)
        alike, began = self._alike(os.getpid(), threading.get_ident(), level)
        now = time.time()
        record = logging.LogRecord.__new__(logging.LogRecord)
        record.__dict__.update(
            alike,
            msg=message,
            args=given,
            created=now,
            msecs=now * 1000 // 1 % 1000,
            relativeCreated=(now - began) * 1000,
            **beside,
        )
        return record

    def _made_for(self, process: int, thread: int, level: int) -> tuple[dict[str, Any], float]:
        """A record's fields, and the moment from which `relativeCreated` counts."""
        record = self._made(level, "", (), {})
        return dict(vars(record)), record.created - record.relativeCreated / 1000

    def _made(
        self, level: int, message: str, given: tuple[object, ...], beside: dict[str, object]
    ) -> logging.LogRecord:
        place = self._place
        return self._logger.makeRecord(
            self._logger.name,
            level,
            place.co_filename,
            place.co_firstlineno,
            message,
            given,
            None,
            place.co_name,
            beside,
        )
