"""Whether the log's path still names the files that are written.

By `stat` alone: closing any descriptor of an SQLite file drops the locks that the process holds on it.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from core.errors import UnavailableError


class LogLostError(UnavailableError):
    """The log was deleted, moved or replaced under the hub: what is written now nobody will find."""


class Identity(NamedTuple):
    device: int
    inode: int


class Place:
    """What the paths of a log and of its WAL named when they were opened. `log`: "" for one that has no file."""

    def __init__(self, log: str) -> None:
        self._log = log
        self._wal = f"{os.path.realpath(log)}-wal"
        self._held_log = _identity(log) if log else None
        self._held_wal: Identity | None = None

    def opened(self) -> None:
        """There is a connection now, which has read from the log: from then on there is a WAL. Raises OSError."""
        self._held_wal = _identity(self._wal) if self._log else None

    def closed(self) -> None:
        """There is no connection: if there was no other one either, the WAL has gone, and rightly."""
        self._held_wal = None

    def check(self) -> None:
        """Raises LogLostError if another file is there now, or none; OSError where that cannot be asked."""
        for path, held in ((self._log, self._held_log), (self._wal, self._held_wal)):
            if held is not None and (found := _identity(path)) != held:
                raise LogLostError(f"{path} was {'replaced' if found else 'deleted or moved'}")


def _identity(path: str) -> Identity | None:
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return Identity(found.st_dev, found.st_ino)
