"""Rows of the log as records."""

from __future__ import annotations

import json
import operator
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from core.events import codec
from core.events.hub import CLOCK
from core.events.record import By, Record
from core.events.server import SpawnRequested, server_stream

_START = str(SpawnRequested.__struct_config__.tag)
_SELECT = "SELECT position, stream, version, payload, at, principal, via, request, cause FROM events "


def read_stream(connection: sqlite3.Connection, stream: str, after: int, count: int) -> list[Record]:
    """The next `count` events of a stream, from version `after` + 1 on."""
    rows = connection.execute(
        _SELECT + "WHERE stream = ? AND version > ? ORDER BY version LIMIT ?", (stream, after, count)
    ).fetchall()
    return [record_of(row) for row in rows]


def read_records(connection: sqlite3.Connection, after: int, count: int) -> list[Record]:
    """The next `count` events of the whole log, from position `after` + 1 on."""
    rows = connection.execute(
        _SELECT + "WHERE position > ? ORDER BY position LIMIT ?", (after, count)
    ).fetchall()
    return [record_of(row) for row in rows]


def read_rows(connection: sqlite3.Connection, after: int, count: int) -> list[dict[str, Any]]:
    """The same as they are stored, by column, with their digests."""
    cursor = connection.execute(
        "SELECT * FROM events WHERE position > ? ORDER BY position LIMIT ?", (after, count)
    )
    columns = [column for column, *_ in cursor.description]
    return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


def read_backwards(connection: sqlite3.Connection, before: int, count: int) -> list[Record]:
    """The last `count` events of the log before position `before`, the newest first."""
    rows = connection.execute(
        _SELECT + "WHERE position < ? ORDER BY position DESC LIMIT ?", (before, count)
    ).fetchall()
    return [record_of(row) for row in rows]


def read_at(connection: sqlite3.Connection, positions: Sequence[int]) -> list[Record]:
    """The events at these positions, in the order of the positions given; a few hundred at most."""
    rows = connection.execute(
        _SELECT + "WHERE position IN (SELECT value FROM json_each(?))",  # noqa: S608
        (json.dumps(positions),),
    ).fetchall()
    found = {row[0]: row for row in rows}
    return [record_of(found[position]) for position in positions]


def positions_in(
    connection: sqlite3.Connection,
    stream: str,
    after: int,
    upto: int,
    count: int,
    *,
    newest_first: bool = False,
) -> list[int]:
    """Where the next events of a stream are: behind `after` and up to `upto`, which for the newest first is below."""
    if newest_first:
        where, order = "version <= ? AND position >= ?", "DESC"
        begin = _version_at(connection, stream, after - 1)
    else:
        where, order = "version > ? AND position <= ?", "ASC"
        begin = _version_at(connection, stream, after)
    rows = connection.execute(
        f"SELECT position FROM events WHERE stream = ? AND {where} ORDER BY version {order} LIMIT ?",  # noqa: S608
        (stream, begin, upto, count),
    ).fetchall()
    return [position for (position,) in rows]


def positions_of_request(
    connection: sqlite3.Connection, request: str, after: int, upto: int, count: int
) -> list[int]:
    """Where the next events are that came of an HTTP request. Every event in between is looked at."""
    rows = connection.execute(
        "SELECT position FROM events WHERE position > ? AND position <= ? AND request = ? ORDER BY position LIMIT ?",
        (after, upto, request, count),
    ).fetchall()
    return [position for (position,) in rows]


def _version_at(connection: sqlite3.Connection, stream: str, position: int) -> int:
    """How many events of the stream there were at that position: versions grow as positions do."""
    few, many = 0, version_of(connection, stream)
    while few < many:
        middle = (few + many + 1) // 2
        (found,) = connection.execute(
            "SELECT position FROM events WHERE stream = ? AND version = ?", (stream, middle)
        ).fetchone()
        few, many = (middle, many) if found <= position else (few, middle - 1)
    return few


def position_at(connection: sqlite3.Connection, moment: str, *, inclusive: bool = True) -> int:
    """The last position up to that moment, or before it, which is written as `utc_text` does; 0 where there is none.

    Between corrections of the clock recorded times never go back, and positions have no gaps: a binary search in
    the last span that begins early enough, for all spans behind it are later as a whole.
    """
    compare = operator.le if inclusive else operator.lt
    few, many = _span_at(connection, moment, "<=" if inclusive else "<")
    while few < many:
        middle = (few + many + 1) // 2
        (at,) = connection.execute("SELECT at FROM events WHERE position = ?", (middle,)).fetchone()
        few, many = (middle, many) if compare(at, moment) else (few, middle - 1)
    return few


def _span_at(connection: sqlite3.Connection, moment: str, early: Literal["<=", "<"]) -> tuple[int, int]:
    """The first and the last position of the last span between corrections that begins early enough; else the first."""
    (begin,) = connection.execute(
        f"SELECT coalesce(max(position), 0) FROM events WHERE stream = ? AND at {early} ?",  # noqa: S608
        (CLOCK, moment),
    ).fetchone()
    (following,) = connection.execute(
        "SELECT min(position) FROM events WHERE stream = ? AND position > ?", (CLOCK, begin)
    ).fetchone()
    return int(begin), head_position(connection) if following is None else int(following) - 1


def position_of(connection: sqlite3.Connection, stream: str, version: int) -> int:
    """Where in the log that event of the stream is."""
    (position,) = connection.execute(
        "SELECT position FROM events WHERE stream = ? AND version = ?", (stream, version)
    ).fetchone()
    return int(position)


def has_started(connection: sqlite3.Connection, server_id: str, spawn_id: str) -> bool:
    """Whether that start of the server is in the log, wherever. Reads all the starts of the server."""
    row = connection.execute(
        "SELECT 1 FROM events WHERE stream = ? AND type = ? AND json_extract(payload, '$.spawn_id') = ? LIMIT 1",
        (server_stream(server_id), _START, spawn_id),
    ).fetchone()
    return row is not None


def head_position(connection: sqlite3.Connection) -> int:
    """The last position there is."""
    (position,) = connection.execute("SELECT coalesce(max(position), 0) FROM events").fetchone()
    return int(position)


def version_of(connection: sqlite3.Connection, stream: str) -> int:
    """How many events the stream has."""
    (version,) = connection.execute(
        "SELECT coalesce(max(version), 0) FROM events WHERE stream = ?", (stream,)
    ).fetchone()
    return int(version)


def record_of(row: Sequence[Any]) -> Record:
    """Of the columns position, stream, version, payload, at, principal, via, request, cause."""
    position, stream, version, payload, at, principal, via, request, cause = row
    try:
        event = codec.decode(payload)
    except codec.UnknownEventError as error:
        raise codec.UnknownEventError(f"{error} It is event {position}, in stream {stream}.") from None
    return Record(
        position, stream, version, datetime.fromisoformat(at), By(principal, via, request, cause), event
    )
