"""Whether a log is what was recorded: every digest, position, version and time, from the first event to the last.

Written apart from the code that writes the log, and sharing nothing with it: a mistake there must show here.
It reads in chunks, through a connection of its own, and may be run while a hub is at work.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple
from urllib.parse import quote

CHUNK = 5000  # rows read at a time
NEAR = 1000  # rows among which an event that is out of place is looked for

BEFORE_ALL = -(2**63)
COLUMNS = "position, stream, version, type, payload, at, principal, via, request, cause, digest"


class Head(NamedTuple):
    """How far a log reached. Kept elsewhere, it tells later whether the end of the log was cut off."""

    position: int
    digest: str

    def __str__(self) -> str:
        return f"{self.position}:{self.digest}"


def parse_head(text: str) -> Head:
    """`POSITION:DIGEST`. Raises ValueError."""
    position, _, digest = text.strip().partition(":")
    if not position.isdecimal() or not re.fullmatch("[0-9a-f]{64}", digest):
        raise ValueError(
            f"{text.strip()[:80]!r} is no head: expected POSITION:DIGEST, the digest of 64 digits"
        )
    return Head(int(position), digest)


class Row(NamedTuple):
    """A stored event, its texts as the bytes they are."""

    position: int
    stream: bytes
    version: int
    type: bytes
    payload: bytes
    at: bytes
    principal: bytes
    via: bytes
    request: bytes
    cause: int | None
    digest: bytes


class BrokenLogError(Exception):
    """`position`: the first at which the log is not what was recorded. `what`: in which way."""

    def __init__(self, position: int, what: str) -> None:
        super().__init__(f"The log is broken at event {position}: {what}.")
        self.position = position
        self.what = what


class UnreadableLogError(Exception):
    """The system lets nobody read the log now, which says nothing about it: a disk that is full, for one."""


NOT_THE_LOG = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL)
CORRECTION = b"hub.clock-corrected"
START = Head(0, "0" * 64)


def verify(path: str, *noted: Head, on_progress: Callable[[int], None] = lambda _: None) -> Head:
    """The head of a whole log. Raises BrokenLogError, UnreadableLogError.

    `noted`: heads that the log once had. `on_progress`: told how many events have been read since it was last called.
    """
    log = sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True, isolation_level=None)
    log.text_factory = bytes
    head = START
    try:
        _read_first(log, path)
        head = _verify_chain(log, noted, on_progress)
        _verify_versions(log)
        _check_file(log, head)
    except sqlite3.DatabaseError as error:
        raise BrokenLogError(head.position + 1, f"it cannot be read ({error})") from None
    finally:
        log.close()
    return head


def _read_first(log: sqlite3.Connection, path: str) -> None:
    """Where nobody else has the log open, the first read makes SQLite's index of the WAL: 32 KiB on the disk."""
    try:
        log.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF in NOT_THE_LOG:
            raise UnreadableLogError(f"{path} cannot be read now: {error}. Is its disk full?") from None
        raise


def _check_file(log: sqlite3.Connection, head: Head) -> None:
    """What SQLite thinks of the file: above all whether its indexes have an entry for each row."""
    ((told,),) = log.execute("PRAGMA integrity_check(1)").fetchall()
    if told != b"ok":
        raise BrokenLogError(head.position + 1, f"the file is damaged: {told.decode(errors='replace')[:200]}")


# --- positions, times and digests ---


def _verify_chain(
    log: sqlite3.Connection, noted: tuple[Head, ...], on_progress: Callable[[int], None]
) -> Head:
    head, last_at = START, b""
    digests = {one.position: one.digest for one in noted}
    for row in _rows(log):
        _check_position(row, head)
        _check_digest(log, row, head)
        _check_time(row, last_at)
        head, last_at = Head(row.position, row.digest.decode()), row.at
        _check_noted(head, digests.get(head.position, head.digest))
        if head.position % CHUNK == 0:
            on_progress(CHUNK)
    _check_reached(head, max(digests, default=0))
    on_progress(head.position % CHUNK)
    return head


def _check_digest(log: sqlite3.Connection, row: Row, head: Head) -> None:
    if _digest(head.digest, row) != row.digest:
        raise BrokenLogError(row.position, _diagnosis(log, head, row))


def _check_time(row: Row, last_at: bytes) -> None:
    """It goes back only where the event is that very news."""
    if row.type == CORRECTION:
        if not _is_true_correction(row, last_at):
            raise BrokenLogError(row.position, "the correction of the clock does not fit the times around it")
    elif row.at < last_at:
        raise BrokenLogError(row.position, "it was recorded before the event that precedes it")


def _is_true_correction(row: Row, last_at: bytes) -> bool:
    try:
        told = json.loads(row.payload)
        before, after = (datetime.fromisoformat(told[key]) for key in ("before", "after"))
        recorded = [datetime.fromisoformat(at.decode()) for at in (last_at, row.at)]
    except (ValueError, LookupError, TypeError):
        return False
    return recorded == [before, after] and after < before


def _check_noted(head: Head, digest: str) -> None:
    if digest != head.digest:
        what = "its digest is not the one noted earlier: the log was rewritten"
        raise BrokenLogError(head.position, what)


def _check_reached(head: Head, noted: int) -> None:
    if head.position < noted:
        what = f"the log once reached event {noted}, and its tail was cut off"
        raise BrokenLogError(head.position + 1, what)


def _rows(log: sqlite3.Connection) -> Iterator[Row]:
    """All of them. One that cannot be read breaks the log at the place where it should be."""
    after, expected = BEFORE_ALL, 1
    while True:
        try:
            chunk = log.execute(
                f"SELECT {COLUMNS} FROM events WHERE position > ? ORDER BY position LIMIT ?",  # noqa: S608
                (after, CHUNK),
            ).fetchall()
        except sqlite3.DatabaseError as error:
            what = f"it, or an event in the {CHUNK} from there on, cannot be read ({error})"
            raise BrokenLogError(expected, what) from None
        if not chunk:
            return
        yield from map(Row._make, chunk)
        after, expected = chunk[-1][0], chunk[-1][0] + 1


def _check_position(row: Row, head: Head) -> None:
    expected = head.position + 1
    if row.position < expected:
        raise BrokenLogError(row.position, "there is no such position: it was inserted")
    if row.position > expected:
        last = row.position - 1
        which = "it was removed" if last == expected else f"events {expected} to {last} were removed"
        raise BrokenLogError(expected, which)


def _digest(previous: str, row: Row) -> bytes:
    """What the digest of this row must be, coming after one with the digest `previous`."""
    whole = sha256(previous.encode())
    columns = (row.position, row.stream, row.version, row.type, row.at)
    for column in (*columns, row.principal, row.via, row.request, row.cause):
        if column is None:
            whole.update(b"0:,")
            continue
        raw = column if isinstance(column, bytes) else str(column).encode()
        whole.update(str(len(raw)).encode() + b":")
        whole.update(raw)
        whole.update(b",")
    whole.update(sha256(row.payload).hexdigest().encode())
    return whole.hexdigest().encode()


def _diagnosis(log: sqlite3.Connection, head: Head, row: Row) -> str:
    """Why the digest of `row` is not what it must be, as far as its neighbours tell."""
    following = log.execute(
        f"SELECT {COLUMNS} FROM events WHERE position > ? ORDER BY position LIMIT ?",  # noqa: S608
        (row.position, NEAR),
    ).fetchall()
    neighbours = [Row._make(values) for values in following]
    for other in neighbours:
        if _digest(head.digest, other._replace(position=row.position)) == other.digest:
            return f"the event recorded here is event {other.position} now: events were inserted or changed places"
    computed = _digest(head.digest, row)
    if neighbours and _digest(computed.decode(), neighbours[0]) == neighbours[0].digest:
        return "its digest was changed"
    if neighbours and _digest(row.digest.decode(errors="replace"), neighbours[0]) == neighbours[0].digest:
        return "one of its columns was changed"
    return "it is not what was recorded here: it was changed or put there, or events before it were removed"


# --- versions ---


def _verify_versions(log: sqlite3.Connection) -> None:
    """The versions of each stream are 1, 2, 3, and so on."""
    last: tuple[bytes, int] = (b"", 0)
    while True:
        chunk = log.execute(
            "SELECT stream, version, position FROM events WHERE (stream, version) > (CAST(? AS TEXT), ?) "
            "ORDER BY stream, version LIMIT ?",
            (*last, CHUNK),
        ).fetchall()
        for stream, version, position in chunk:
            _check_version(position, stream, version, last[1] + 1 if stream == last[0] else 1)
            last = stream, version
        if not chunk:
            return


def _check_version(position: int, stream: bytes, version: int, expected: int) -> None:
    if version != expected:
        name = stream.decode(errors="replace")
        raise BrokenLogError(position, f"it is version {version} of stream {name}, not {expected}")
