"""A file whose room a log can be given when its disk is full: to be opened, and as the last resort of a running hub."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from core.events.file.disk import NO_ROOM

SIZE = 4 * 2**20
SLICE = 256 * 2**10


def ballast_path(log: str) -> Path:
    return Path(f"{log}.ballast")


class Ballast:
    def __init__(self, log: str) -> None:
        self._path = ballast_path(log)

    def make(self) -> None:
        """Raises OSError if there is no room. What else keeps it from being made is no reason to refuse anything."""
        if self._size() == SIZE:
            return
        try:
            file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(file, 0, SIZE)
            finally:
                os.close(file)
        except OSError as error:
            self.drop()  # a part of it would only take room
            if error.errno in NO_ROOM:
                raise

    def drop(self) -> bool:
        """Whether there is room now that was not there before."""
        try:
            self._path.unlink()
        except OSError:
            return False
        return True

    def lend(self, wal: str) -> bool:
        """Let it be the WAL of a log that has none, which is to be opened: in between nobody can take the room.

        SQLite takes a WAL of zeros for an empty one.
        """
        if self._size() != SIZE or _size(wal) > 0:
            return False
        with contextlib.suppress(OSError):
            os.rename(self._path, wal)
            return True
        return False

    def give_slice(self) -> bool:
        """Give up a little of it; False once there is nothing left."""
        return give_slice(os.fspath(self._path))

    def _size(self) -> int:
        return _size(self._path)


def give_slice(path: str) -> bool:
    """Cut a file by a little; False if it is empty or not there."""
    size = _size(path)
    if size <= 0:
        return False
    try:
        os.truncate(path, max(0, size - SLICE))
    except OSError:
        return False
    return True


def _size(path: str | Path) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0
