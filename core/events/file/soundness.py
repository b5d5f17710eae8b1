"""Whether a log that is about to be opened is one file: not a copy of another with a WAL that is not its own.

Quick enough for every start; all of a log is checked by `callboard verify`.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from core.events.file.chain import columns_of, digest_of, netstring

TAIL = 500  # events at the end whose digests are checked

WAL_HEADER = 32  # bytes


class UnsoundError(Exception):
    """What is wrong, in words."""


def has_frames(wal: str) -> bool:
    """Whether a WAL holds anything: the hub before did not end in order. One of zeros is empty."""
    try:
        with open(wal, "rb") as file:
            return any(file.read(WAL_HEADER))
    except OSError:
        return False


def check_sound(log: sqlite3.Connection, *, thoroughly: bool) -> None:
    """The last events follow from each other; `thoroughly`: and the file is whole. Raises UnsoundError."""
    try:
        _check_tail(log)
        if thoroughly:
            _check_file(log)
    except sqlite3.OperationalError:
        raise  # it cannot be read now, which says nothing about what it holds
    except sqlite3.DatabaseError as error:
        raise UnsoundError(str(error)) from error


def _check_tail(log: sqlite3.Connection) -> None:
    former: tuple[Any, ...] | None = None
    for row in reversed(_last_rows(log)):
        position, stream, version, tag, payload, *envelope, digest = row
        if former is not None:
            if position != former[0] + 1:
                raise UnsoundError(f"event {former[0] + 1} is missing")
            columns = columns_of(
                position, netstring(stream), version, netstring(tag), "".join(map(netstring, envelope))
            )
            if digest_of(former[-1], columns, payload.encode()) != digest:
                raise UnsoundError(f"event {position} does not follow from event {former[0]}")
        former = row


def _last_rows(log: sqlite3.Connection) -> list[tuple[Any, ...]]:
    """The last one first."""
    return log.execute(
        "SELECT position, stream, version, type, payload, at, principal, via, request, cause, digest FROM events "
        "ORDER BY position DESC LIMIT ?",
        (TAIL,),
    ).fetchall()


def _check_file(log: sqlite3.Connection) -> None:
    ((told,),) = log.execute("PRAGMA quick_check(1)").fetchall()
    if told != "ok":
        raise UnsoundError(" ".join(str(told).split()))
    ((last, count),) = log.execute(
        "SELECT coalesce(max(position), 0), (SELECT count(*) FROM events) FROM events"
    ).fetchall()
    if last != count:
        raise UnsoundError(f"it holds {count} events, and the last one is number {last}")
