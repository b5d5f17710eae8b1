"""The history of each user, server and group: the positions of all events that are about it."""

from __future__ import annotations

import heapq
import sqlite3
from collections.abc import Collection
from itertools import groupby, islice

from sqlite_utils import Database

from core.events.file.reading import positions_in
from core.events.record import Record
from core.naming.ids import is_id
from projections.histories.about import about, via
from projections.histories.belongings import servers_of


def create(db: Database) -> None:
    """What is about a thing and not in its own stream, nor in that of one of its servers: so what happens most, to
    servers, costs nothing here.
    """
    db.execute(
        "CREATE TABLE histories (thing TEXT, position INTEGER, PRIMARY KEY (thing, position)) STRICT, WITHOUT ROWID"
    )


def project(db: sqlite3.Connection, record: Record) -> None:
    for thing in _to_note(db, record):
        db.execute("INSERT INTO histories VALUES (?, ?)", (thing, record.position))


def _to_note(db: sqlite3.Connection, record: Record) -> set[str]:
    """Of what its stream does not say."""
    if record.kind == "server":
        return {via(record.by.via)} if is_id(record.by.via) else set()
    return about(db, record).things() - {record.stream}


# --- queries ---


def positions_about(
    db: sqlite3.Connection,
    things: Collection[str],
    after: int,
    upto: int,
    count: int,
    *,
    newest_first: bool = False,
) -> list[int]:
    """The next events about any of these things: behind `after` up to `upto`, which for the newest first is below."""
    found = [_noted(db, thing, after, upto, count, newest_first) for thing in things]
    streams = {stream for thing in things for stream in (thing, *servers_of(db, thing))}
    found += [
        positions_in(db, stream, after, upto, count, newest_first=newest_first) for stream in sorted(streams)
    ]
    merged = heapq.merge(*found, reverse=newest_first)
    return [position for position, _ in islice(groupby(merged), count)]


def _noted(
    db: sqlite3.Connection, thing: str, after: int, upto: int, count: int, newest_first: bool
) -> list[int]:
    where = "position < ? AND position >= ?" if newest_first else "position > ? AND position <= ?"
    order = "DESC" if newest_first else "ASC"
    rows = db.execute(
        f"SELECT position FROM histories WHERE thing = ? AND {where} ORDER BY position {order} LIMIT ?",  # noqa: S608
        (thing, after, upto, count),
    ).fetchall()
    return [position for (position,) in rows]
