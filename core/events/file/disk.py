"""What an error says about the disk, and no more than it says."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3

from core.errors import DoubtError, UnavailableError
from core.events.file.place import LogLostError
from core.events.log.protocol import LogUnreachableError

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
PROBE = 2**20  # bytes

BUGS = frozenset(
    {
        sqlite3.SQLITE_ERROR,
        sqlite3.SQLITE_CONSTRAINT,
        sqlite3.SQLITE_MISMATCH,
        sqlite3.SQLITE_MISUSE,
        sqlite3.SQLITE_RANGE,
        sqlite3.SQLITE_TOOBIG,
    }
)  # what SQLite says of wrong statements and values, whatever the state of the file

MAY_HIDE_A_QUOTA = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)


def is_disk_trouble(error: BaseException) -> bool:
    """Whether the file is the problem: else it is a bug of one unit, and refuses that unit alone."""
    if isinstance(error, sqlite3.Error):
        return _code(error) not in BUGS
    return isinstance(error, MemoryError | LogUnreachableError | LogLostError)


def unreadable(error: BaseException) -> UnavailableError | None:
    """The refusal with the reason, where the file is why something could not be read; None for any other error."""
    if isinstance(error, UnavailableError):
        return error
    if isinstance(error, sqlite3.Error) and is_disk_trouble(error):
        return DoubtError(f"The log cannot be read now: {error}.")
    return None


def is_room_missing(error: BaseException | None, log: str) -> bool:
    """Whether room on the disk is what is missing. SQLite hides what the system said: where it may, we ask."""
    if isinstance(error, OSError):
        return error.errno in NO_ROOM
    if not isinstance(error, sqlite3.Error):
        return False
    code = _code(error)
    return code == sqlite3.SQLITE_FULL or (code in MAY_HIDE_A_QUOTA and not has_room(log))


def has_room(log: str) -> bool:
    """Whether a little can be allocated beside the log. True where something else than room is in the way."""
    probe = f"{log}.probe"
    try:
        file = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(file, 0, PROBE)
        finally:
            os.close(file)
    except OSError as error:
        return error.errno not in NO_ROOM
    finally:
        with contextlib.suppress(OSError):
            os.unlink(probe)
    return True


def _code(error: sqlite3.Error) -> int:
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_MISUSE) & 0xFF
    return code
