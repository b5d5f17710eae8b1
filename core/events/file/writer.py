"""The writer's side of the log: one connection, one transaction for many callers, one sync.

Everything here runs in the writer thread (or inline where threads are off), never on the event loop.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial

from core.errors import UnavailableError
from core.events.file.database import MEMORY, open_for_writing, open_log
from core.events.file.disk import is_disk_trouble
from core.events.file.folding import Folding, Projection
from core.events.file.log_copy import LogCopy
from core.events.file.log_end import LogEnd
from core.events.file.place import LogLostError, Place
from core.events.file.room import Room
from core.events.file.wal import WalLimit
from core.events.log import command_keys
from core.events.log.append_request import AppendRequest, IdempotencyRecord, Outcome, VersionError, Write
from core.events.log.protocol import Log
from core.events.record import utc_text
from core.machine import faults

logger = logging.getLogger("callboard.log")


class Writer:
    """`trouble`: why nothing can be recorded now, if so. `connect` opens the file, and again after trouble.

    `log`: where the log is kept, if not in the file, which is a copy of it then.
    `lost`: what has become of the file, if it is no longer where it should be: nothing is recorded after that.
    """

    def __init__(
        self,
        path: str,
        projections: Sequence[Projection],
        now: Callable[[], datetime] | None = None,
        connect: Callable[[str], sqlite3.Connection] = open_for_writing,
        log: Log | None = None,
    ) -> None:
        self.now = now or partial(datetime.now, UTC)
        self.trouble = ""
        self.lost = ""
        self._path = path
        self._connect = connect
        self._folding = Folding(projections)
        self._copy = None if log is None else LogCopy(log, self._folding)
        self._room = Room("" if path == MEMORY else path)
        self.connection = self._room.open(partial(open_log, path, self._bring_up, connect))
        self._end = self._find_end()
        self._is_open = True
        self._is_committing = False
        self._is_room_missing = False  # and made the last attempt fail
        self._digest_before = self._end.digest
        self._cursor_before = 0
        self._wal = WalLimit(path)
        self._place = Place("" if path == MEMORY else path)
        if self._room.is_short:
            self._note_trouble(self._room.why)

    def _bring_up(self, connection: sqlite3.Connection) -> None:
        self._folding.bring_up(connection)
        if self._copy:
            self._copy.begin(connection)

    def _find_end(self) -> LogEnd:
        return LogEnd(self.connection, self._folding, keeps_units=self._copy is not None)

    @property
    def position(self) -> int:
        return self._end.position

    @property
    def has_room(self) -> bool:
        """Whether room is kept for what is urgent."""
        return not self._room.is_short

    def close(self) -> None:
        self._room.before_closing()
        self.connection.close()
        self._room.closed()
        if self._copy:
            self._copy.close()

    def commit(self, units: Sequence[AppendRequest]) -> None:
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
            logger.critical("%s while it was written (%s): nothing more is recorded", self.lost, self._path)
        except OSError as error:
            logger.warning("whether the log is where it should be cannot be told: %s", error)
        return bool(self.lost)

    def _commit(self, units: Sequence[AppendRequest]) -> None:
        admitted = self._admit(units)
        if not admitted or self._attempt(admitted):
            return
        urgent = [unit for unit in admitted if unit.is_urgent]
        for make_way in (self._wal.rewind, self._room.drop_ballast):
            if urgent and self._is_open and self._is_room_missing:
                make_way(self.connection)
                self._attempt(urgent)

    def _admit(self, units: Sequence[AppendRequest]) -> Sequence[AppendRequest]:
        """All, or the urgent ones alone while those live on the room that is kept for them."""
        if not self._room.is_short:
            return units
        if self._is_open and self._room.regain(self.connection):
            self._note_recovery()
            return units
        for unit in units:
            if not unit.is_urgent:
                unit.error = UnavailableError(
                    f"The log cannot be written now: {self._room.why}, and its last room is kept for stops and "
                    "revocations. Nothing was changed."
                )
        return [unit for unit in units if unit.is_urgent]

    # --- one transaction ---

    def _attempt(self, units: Sequence[AppendRequest]) -> bool:
        """Whether the transaction is in the log now. Whatever happens, every unit has its answer."""
        self._is_committing = self._is_room_missing = False
        for unit in units:
            unit.error = None  # what an attempt before this one has left
        try:
            if not self._is_open:
                self._reopen()
            self._transact(units)
        except Exception as error:
            return self._settle(units, error)
        if not self._room.is_short:
            self._note_recovery()
        self._wal.keep(self.connection)
        self._room.keep_wal()
        return True

    def _transact(self, units: Sequence[AppendRequest]) -> None:
        """All at once, as if nobody could be refused; where somebody is, again with a savepoint for each."""
        self._digest_before = self._end.digest
        self._cursor_before = self._copy.cursor if self._copy else 0
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
        self._room.keep(self.connection, whole=not all(unit.is_urgent for unit in units))
        self._is_committing = True
        if self._copy and (added := self._end.take_units()):
            self._copy.append(self.connection, added)
        self.connection.execute("COMMIT")
        _fault("after", units)

    def _put_one_by_one(self, units: Sequence[AppendRequest], now: datetime) -> None:
        self.connection.execute("ROLLBACK")
        self._end = self._find_end()
        self.connection.execute("BEGIN IMMEDIATE")
        self._follow_clock(units, now)
        for unit in units:
            try:
                self._end.put_alone(unit, now)
            except Exception as error:
                if is_disk_trouble(error) or not self.connection.in_transaction:
                    raise
                unit.error = error

    def _follow_clock(self, units: Sequence[AppendRequest], now: datetime) -> None:
        """Only where there is something to record."""
        if any(write.events for unit in units for write in unit.writes):
            self._end.follow_clock(now)

    # --- when the disk says no ---

    def _settle(self, units: Sequence[AppendRequest], error: Exception) -> bool:
        """After a failure only the file knows what happened: ask it, through a new connection."""
        self._is_room_missing = self._room.missed(error)
        reason = self._room.why if self._is_room_missing else str(error)
        if isinstance(error, LogLostError):
            self.lost = reason
        if self._is_room_missing or is_disk_trouble(error):
            self._note_trouble(reason)
        else:
            logger.error("the log's writer failed", exc_info=error)
        digest_after = self._end.digest
        is_known = True
        try:
            self._reopen()
            if self._is_committing and self._is_there(units, digest_after):
                return True
        except Exception as obstacle:
            logger.error("the log cannot be opened again: %s", obstacle)  # noqa: TRY400
            is_known = not self._is_committing
        if self._is_open and self._is_committing:
            is_known = self._overwrite_failed_commit()
        what = "Nothing was changed." if is_known else "Whether this was carried out is not known."
        for unit in units:
            unit.records = []
            unit.error = UnavailableError(f"The log cannot be written now: {reason}. {what}")
        return False

    def _note_trouble(self, reason: str) -> None:
        if reason != self.trouble:
            logger.error("the log %s cannot be written: %s", self._path, reason)
        self.trouble = reason

    def _note_recovery(self) -> None:
        if self.trouble:
            logger.warning("the log is written again")
        self.trouble = ""

    def _reopen(self) -> None:
        self._is_open = False
        if self._path != MEMORY:
            self._place.check()
            self.connection.close()
            self.connection = self._connect(self._path)
        elif self.connection.in_transaction:
            self.connection.execute("ROLLBACK")
        if self._copy:
            self._catch_up(self._copy)
        self._end = self._find_end()
        self._is_open = True
        self._room.keep_wal()

    def _catch_up(self, copy: LogCopy) -> None:
        """With what the log has taken, whatever became of the file's own commit."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            copy.catch_up(self.connection)
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    def _is_there(self, units: Sequence[AppendRequest], digest_after: str) -> bool:
        """Whether the transaction is in the file: cursor or head says so, or a key without events."""
        if self._copy:
            return self._copy.cursor != self._cursor_before
        if digest_after != self._digest_before:
            return self._end.digest == digest_after
        keyed = [unit.idempotency for unit in units if unit.idempotency and unit.error is None]
        return bool(keyed) and command_keys.is_taken(self.connection, keyed[0].key)

    def _overwrite_failed_commit(self) -> bool:
        """Write over what a failed commit may have left in the WAL, lest a crash bring it back to life.

        False if that failed as well: then it may still come back.
        """
        at = utc_text(self.now())
        try:
            self.connection.execute("INSERT OR REPLACE INTO log_facts VALUES ('last_trouble', ?)", (at,))
        except sqlite3.Error:
            return False
        return True


def _refuse(units: Sequence[AppendRequest], error: UnavailableError) -> None:
    for unit in units:
        unit.records, unit.error = [], error


def _fault(when: str, units: Sequence[AppendRequest]) -> None:
    if faults.ARMED:
        for unit in units:
            for write in unit.writes:
                for event in write.events:
                    faults.point(f"{when} {type(event).__name__}")


__all__ = ["AppendRequest", "IdempotencyRecord", "Outcome", "VersionError", "Write", "Writer"]
