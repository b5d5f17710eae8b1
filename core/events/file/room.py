"""Room on the disk that is the log's own: nobody else can take it, so it is there when the disk is full.

A commit needs room in the WAL, its checkpoint in the log's file, an opening for WAL and index. So the WAL is never
short, what a transaction adds to the file is allocated before it commits, and free pages in the file are left to what
is urgent. A log that is closed has no WAL: the ballast becomes the next one.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import time
from collections.abc import Callable
from typing import NamedTuple

from core.events.file.ballast import SIZE, Ballast, give_slice
from core.events.file.database import DatabaseError, open_for_reading
from core.events.file.disk import NO_ROOM, has_room, is_room_missing
from core.events.file.file_system import file_system, is_copy_on_write

WAL_ROOM = SIZE
PAGES = 256  # free ones in the log's file, at least
MORE = 512  # pages added to those when they are fewer
SPARE = 16  # pages, for what it takes to fill and free so many
RETRY = 1.0  # seconds between tries to have all of it again

logger = logging.getLogger("callboard.log")


class Room:
    """`is_short`: it is not whole, and what there is of it is for urgent appends. `log`: "" for one in memory."""

    def __init__(self, log: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._wal = f"{os.path.realpath(log)}-wal"
        self._ballast = Ballast(log)
        self._clock = clock
        self._tried = -RETRY
        self._file = -1  # never closed while there are connections: that would drop their locks
        self._anchor: sqlite3.Connection | None = None  # WAL and index are there for as long as it is
        self.is_short = False

    @property
    def why(self) -> str:
        return f"the disk of {os.path.basename(self._log)} is full"

    # --- opening and closing ---

    def open(self, opening: Callable[[], sqlite3.Connection]) -> sqlite3.Connection:
        """The first connection to the log: with the room of the ballast, if need be. Raises DatabaseError, OSError."""
        is_lent = bool(self._log) and self._ballast.lend(self._wal)
        while True:
            try:
                connection = opening()
                break
            except DatabaseError as error:
                if not (is_room_missing(error.__cause__, self._log) and self._make_way(is_lent)):
                    raise
        if self._log:
            self._opened(connection)
        return connection

    def _make_way(self, is_wal_lent: bool) -> bool:
        """A little room: to be opened a log needs more than a WAL. False once there is none to give."""
        return self._ballast.give_slice() or (is_wal_lent and give_slice(self._wal))

    def _opened(self, connection: sqlite3.Connection) -> None:
        self._file = os.open(self._log, os.O_RDWR | os.O_CLOEXEC)
        self._anchor = open_for_reading(self._log)
        self._anchor.execute("SELECT count(*) FROM log_facts").fetchone()
        if is_copy_on_write(self._log):
            logger.warning(
                "%s: on %s no room can be kept for a full disk, as nothing is ever written over in place",
                self._log,
                file_system(self._log),
            )
        self.is_short = not (self._make_whole(connection) and has_room(self._log))

    def before_closing(self) -> None:
        """The last connection to be closed is one that may write: it puts all that is in the WAL into the file."""
        if self._anchor is not None:
            self._anchor.close()
            self._anchor = None

    def closed(self) -> None:
        """The log has been closed, and its WAL has gone. The room of that is for the next one."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
            with contextlib.suppress(OSError):
                self._ballast.make()

    # --- while it is open ---

    def missed(self, error: BaseException) -> bool:
        """Whether it was for want of room that something failed. Then it is short."""
        if self._log and is_room_missing(error, self._log):
            if not self.is_short:
                self.is_short, self._tried = True, self._clock() - RETRY
            return True
        return False

    def regain(self, connection: sqlite3.Connection) -> bool:
        """Have it whole again, with some to spare, if it was short; False while that cannot be."""
        if self.is_short and self._clock() - self._tried >= RETRY:
            self._tried = self._clock()
            self.is_short = not (self._make_whole(connection) and has_room(self._log))
        return not self.is_short

    def keep(self, connection: sqlite3.Connection, *, whole: bool) -> None:
        """In an open transaction: have room in the file for its pages and, if it is to be whole, for free ones.

        Raises OSError where there is none.
        """
        if not self._log:
            return
        pages = _pages(connection)
        if whole and pages.free < PAGES:
            _allocate(self._file, (pages.all + MORE + SPARE) * pages.size)
            connection.execute("INSERT INTO room VALUES (zeroblob(?))", ((pages.free + MORE) * pages.size,))
            connection.execute("DELETE FROM room")
            pages = _pages(connection)
        _allocate(self._file, pages.all * pages.size)

    def keep_wal(self) -> None:
        """After something that may have cut it. What is missing then is noticed by whoever needs it."""
        if self._log:
            with contextlib.suppress(OSError):
                self._allocate_wal()

    def drop_ballast(self, _: sqlite3.Connection) -> None:
        """There may be room now that was not there before, for whoever is quick."""
        self._ballast.drop()

    # --- all of it ---

    def _make_whole(self, connection: sqlite3.Connection) -> bool:
        """False for want of room. What else is in the way is no reason to refuse anything."""
        try:
            self._allocate_wal()
            connection.execute("BEGIN IMMEDIATE")
            self.keep(connection, whole=True)
            connection.execute("COMMIT")
            self._ballast.make()
        except (OSError, sqlite3.Error) as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            if is_room_missing(error, self._log):
                return False
            logger.warning("no room can be kept for a full disk: %s", error)
        return True

    def _allocate_wal(self) -> None:
        if os.stat(self._wal).st_size >= WAL_ROOM:
            return
        file = os.open(self._wal, os.O_WRONLY | os.O_CLOEXEC)
        try:
            _allocate(file, WAL_ROOM)
        finally:
            os.close(file)


def _allocate(file: int, size: int) -> None:
    """Make a file at least so long. Raises OSError if there is no room; what else is in the way will show itself."""
    present = os.fstat(file).st_size
    if present < size:
        try:
            os.posix_fallocate(file, present, size - present)
        except OSError as error:
            if error.errno in NO_ROOM:
                raise


class _Pages(NamedTuple):
    """Of the log's file: how many, those of them that are free, and the bytes of one."""

    all: int
    free: int
    size: int


def _pages(connection: sqlite3.Connection) -> _Pages:
    """In one question, since every commit asks."""
    (found,) = connection.execute(
        "SELECT page_count, freelist_count, page_size "
        "FROM pragma_page_count(), pragma_freelist_count(), pragma_page_size()"
    ).fetchall()
    return _Pages(*found)
