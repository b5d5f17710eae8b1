"""The writer's side of the log: one connection, one transaction for many callers, one sync.

Everything here runs in the writer thread (or inline where threads are off), never on the event loop.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial

from core import faults
from core.errors import UnavailableError
from core.events import command_keys
from core.events.ballast import Ballast, ballast_path
from core.events.database import MEMORY, open_for_writing, open_log
from core.events.folding import Folding, Projection
from core.events.log_end import LogEnd
from core.events.place import LogLostError, Place
from core.events.record import utc_text
from core.events.unit import Claim, Outcome, Unit, VersionError, Write
from core.events.wal import WalLimit

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

logger = logging.getLogger("callboard.log")


class Writer:
    """`trouble`: why nothing can be recorded now, if so. `connect` opens the file, and again after trouble.

    `lost`: what has become of the file, if it is no longer where it should be: nothing is recorded after that.
    """

    def __init__(
        self,
        path: str,
        projections: Sequence[Projection],
        now: Callable[[], datetime] | None = None,
        connect: Callable[[str], sqlite3.Connection] = open_for_writing,
    ) -> None:
        self.now = now or partial(datetime.now, UTC)
        self.trouble = ""
        self.lost = ""
        self._path = path
        self._connect = connect
        self._folding = Folding(projections)
        self.connection = open_log(path, self._folding.bring_up, connect)
        self._end = LogEnd(self.connection, self._folding)
        self._place = Place("" if path == MEMORY else path)
        self._place.opened()
        self._is_open = True
        self._is_committing = False
        self._digest_before = self._end.digest
        self._ballast = Ballast(None if path == MEMORY else ballast_path(path))
        self._wal = WalLimit(path)

    @property
    def position(self) -> int:
        return self._end.position

    def close(self) -> None:
        self.connection.close()

    def commit(self, units: Sequence[Unit]) -> None:
        """Record the units in one transaction. Each then holds its records, or the error that refused it."""
        if self.lost:
            _refuse(units, LogLostError(f"The log cannot be written: {self.lost}. Nothing was changed."))
            return
        self._commit(units)
        if self.look():
            doubt = "Whether this was carried out is not known."
            _refuse(units, LogLostError(f"The log cannot be written: {self.lost}. {doubt}"))

    def look(self) -> bool:
        """Whether the file turns out to be no longer where it should be; False where that cannot be asked."""
        try:
            self._place.check()
        except LogLostError as error:
            self.lost = self.trouble = str(error)
            logger.critical("%s under the running hub: nothing more is recorded", self.lost)
        except OSError as error:
            logger.warning("whether the log is where it should be cannot be told: %s", error)
        return bool(self.lost)

    def _commit(self, units: Sequence[Unit]) -> None:
        admitted = self._admit(units)
        if not admitted or self._attempt(admitted):
            return
        urgent = [unit for unit in admitted if unit.is_urgent]
        if urgent and self._is_open and self._ballast.drop():
            self._attempt(urgent)

    def _admit(self, units: Sequence[Unit]) -> Sequence[Unit]:
        """All, or the urgent ones alone while those live on the room of the ballast."""
        if self._ballast.regain():
            return units
        for unit in units:
            if not unit.is_urgent:
                unit.error = UnavailableError(
                    "The log cannot be written now: the disk is full, and its last room is kept for stops and "
                    "revocations. Nothing was changed."
                )
        return [unit for unit in units if unit.is_urgent]

    # --- one transaction ---

    def _attempt(self, units: Sequence[Unit]) -> bool:
        """Whether the transaction is in the log now. Whatever happens, every unit has its answer."""
        self._is_committing = False
        for unit in units:
            unit.error = None  # what an attempt before this one has left
        try:
            if not self._is_open:
                self._reopen()
            self._transact(units)
        except Exception as error:
            return self._settle(units, error)
        if self.trouble and not self._ballast.is_dropped:
            logger.warning("the log is written again")
            self.trouble = ""
        self._wal.keep(self.connection)
        return True

    def _transact(self, units: Sequence[Unit]) -> None:
        """All at once, as if nobody could be refused; where somebody is, again with a savepoint for each."""
        self._digest_before = self._end.digest
        _fault("before", units)
        now = self.now()
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            self._follow_clock(units, now)
            self._end.put(units, now)
        except Exception as error:
            if is_disk_trouble(error):
                raise
            self._put_one_by_one(units, now)
        _fault("in", units)
        self._is_committing = True
        self.connection.execute("COMMIT")
        _fault("after", units)

    def _put_one_by_one(self, units: Sequence[Unit], now: datetime) -> None:
        self.connection.execute("ROLLBACK")
        self._end = LogEnd(self.connection, self._folding)
        self.connection.execute("BEGIN IMMEDIATE")
        self._follow_clock(units, now)
        for unit in units:
            try:
                self._end.put_alone(unit, now)
            except Exception as error:
                if is_disk_trouble(error) or not self.connection.in_transaction:
                    raise
                unit.error = error

    def _follow_clock(self, units: Sequence[Unit], now: datetime) -> None:
        """Only where there is something to record."""
        if any(write.events for unit in units for write in unit.writes):
            self._end.follow_clock(now)

    # --- when the disk says no ---

    def _settle(self, units: Sequence[Unit], error: Exception) -> bool:
        """After a failure only the file knows what happened: ask it, through a new connection."""
        self._note_trouble(error)
        digest_after = self._end.digest
        doubt = "Nothing was changed."
        try:
            self._reopen()
            if self._is_committing and self._is_there(units, digest_after):
                return True
        except Exception as reason:
            logger.error("the log cannot be opened again: %s", reason)  # noqa: TRY400
            if self._is_committing:
                doubt = "Whether this was carried out is not known."
        for unit in units:
            unit.records = []
            unit.error = UnavailableError(f"The log cannot be written now: {error}. {doubt}")
        if self._is_open and self._is_committing:
            self._bury()
        return False

    def _note_trouble(self, error: Exception) -> None:
        if not isinstance(error, sqlite3.Error):
            logger.error("the log's writer failed", exc_info=error)
        elif not self.trouble:
            logger.error("the log cannot be written: %s", error)
        self.trouble = str(error)

    def _reopen(self) -> None:
        self._is_open = False
        if self._path != MEMORY:
            self._place.check()
            self.connection.close()
            self._place.closed()
            self.connection = self._connect(self._path)
        elif self.connection.in_transaction:
            self.connection.execute("ROLLBACK")
        self._end = LogEnd(self.connection, self._folding)
        self._place.opened()
        self._is_open = True

    def _is_there(self, units: Sequence[Unit], digest_after: str) -> bool:
        """Whether the transaction is in the file: the head says so, or a claim where there were no events."""
        if digest_after != self._digest_before:
            return self._end.digest == digest_after
        claims = [unit.claim for unit in units if unit.claim and unit.error is None]
        return bool(claims) and command_keys.is_taken(self.connection, claims[0].key)

    def _bury(self) -> None:
        """Write over what a failed commit may have left in the WAL, lest a crash bring it back to life."""
        with contextlib.suppress(sqlite3.Error):
            at = utc_text(self.now())
            self.connection.execute("INSERT OR REPLACE INTO log_facts VALUES ('last_trouble', ?)", (at,))


def _refuse(units: Sequence[Unit], error: UnavailableError) -> None:
    for unit in units:
        unit.records, unit.error = [], error


def is_disk_trouble(error: Exception) -> bool:
    """Whether the file is the problem: else it is a bug of one unit, and refuses that unit alone."""
    if not isinstance(error, sqlite3.Error):
        return isinstance(error, MemoryError)
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_MISUSE) & 0xFF
    return code not in BUGS


def _fault(when: str, units: Sequence[Unit]) -> None:
    if faults.ARMED:
        for unit in units:
            for write in unit.writes:
                for event in write.events:
                    faults.point(f"{when} {type(event).__name__}")


__all__ = ["Claim", "Outcome", "Unit", "VersionError", "Write", "Writer"]
