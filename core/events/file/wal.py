"""Keeps the write-ahead log short. SQLite empties it by itself, but only when no reader happens to be in the way."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable

LIMIT = 64 * 2**20  # bytes
RETRY = 1.0  # seconds between tries
TIMEOUT = 100  # milliseconds for readers to get out of the way


class WalLimit:
    def __init__(self, log: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = f"{log}-wal"
        self._clock = clock
        self._tried = -RETRY

    def keep(self, connection: sqlite3.Connection) -> None:
        """Called between transactions: empty the WAL if it has grown too long. Readers may put that off."""
        if self._size() <= LIMIT or self._clock() - self._tried < RETRY:
            return
        self._tried = self._clock()
        _checkpoint(connection, "TRUNCATE")

    def rewind(self, connection: sqlite3.Connection) -> None:
        """Have the next transaction written to the WAL's beginning, unless readers are in the way."""
        _checkpoint(connection, "RESTART")

    def _size(self) -> int:
        try:
            return os.stat(self._path).st_size
        except OSError:
            return 0


def _checkpoint(connection: sqlite3.Connection, mode: str) -> None:
    with contextlib.suppress(sqlite3.Error):
        connection.execute(f"PRAGMA busy_timeout = {TIMEOUT}")
        connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchall()
    with contextlib.suppress(sqlite3.Error):
        connection.execute("PRAGMA busy_timeout = 5000")
