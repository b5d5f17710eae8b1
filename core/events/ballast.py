"""A file that a full disk can give up, so that servers can still be stopped and tokens revoked."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Callable
from pathlib import Path

SIZE = 4 * 2**20
RETRY = 1.0  # seconds between tries to make it again
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


def ballast_path(log: str) -> Path:
    return Path(f"{log}.ballast")


class Ballast:
    """Once dropped, its room is for urgent appends only, until it can be made again."""

    def __init__(self, path: Path | None, clock: Callable[[], float] = time.monotonic) -> None:
        """`path`: None for a log that is not on a disk."""
        self._path = path
        self._clock = clock
        self._tried = 0.0
        self.is_dropped = False
        self._make()

    def drop(self) -> bool:
        """Whether there is room now that was not there before."""
        if self._path is None:
            return False
        try:
            self._path.unlink()
        except OSError:
            return False
        self.is_dropped = True
        self._tried = self._clock()
        return True

    def regain(self) -> bool:
        """Make it again if it was dropped; False while there is no room for it."""
        if not self.is_dropped:
            return True
        if self._clock() - self._tried >= RETRY:
            self._tried = self._clock()
            self.is_dropped = not self._make()
        return not self.is_dropped

    def _make(self) -> bool:
        """False if there is no room. What else keeps it from being made is no reason to refuse anything."""
        if self._path is None or self._is_whole(self._path):
            return True
        try:
            file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(file, 0, SIZE)
            finally:
                os.close(file)
        except OSError as error:
            with contextlib.suppress(OSError):
                self._path.unlink()  # a part of it would only take room
            return error.errno not in NO_ROOM
        return True

    @staticmethod
    def _is_whole(path: Path) -> bool:
        try:
            return path.stat().st_size == SIZE
        except OSError:
            return False
