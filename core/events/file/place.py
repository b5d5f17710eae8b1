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
    """What the paths of a log and of its WAL name. `log`: it has just been opened; "" for one that has no file."""

    def __init__(self, log: str) -> None:
        paths = (log, f"{os.path.realpath(log)}-wal") if log else ()
        self._held = {path: _identity(path) for path in paths}

    def check(self) -> None:
        """Raises LogLostError if another file is there now, or none; OSError where that cannot be asked."""
        for path, held in self._held.items():
            if (found := _identity(path)) != held:
                raise LogLostError(
                    f"{os.path.basename(path)} was {'replaced' if found else 'deleted or moved'}"
                )


def _identity(path: str) -> Identity | None:
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return Identity(found.st_dev, found.st_ino)
