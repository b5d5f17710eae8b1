"""Reads the log in small pieces: all of it, or what is in some histories."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from typing import NamedTuple, TypeVar

import trio

from core.events.file.database import MEMORY, open_for_reading
from core.events.file.reading import read_at, read_backwards, read_records
from core.events.file.store import CHUNK, EventStore
from core.events.log.tables import Tables
from core.events.record import Record
from projections.histories.about import about
from projections.histories.noted import positions_about
from web.history.feed import Happening
from web.history.wanted import Wanted

Found = TypeVar("Found")

LONG = 2000  # events: from here on reading goes on in a thread, which leaves the event loop to others


class Piece(NamedTuple):
    """`reached`: all there was to read up to here is in this piece or those before it."""

    happenings: list[Happening]
    reached: int


class LogReader:
    """For one who reads through the log. Close it."""

    def __init__(self, store: EventStore, wanted: Wanted) -> None:
        self._store = store
        self._wanted = wanted
        self._own: Tables | None = None

    def close(self) -> None:
        if self._own is not None:
            self._own.close()
            self._own = None

    async def after(self, position: int) -> Piece:
        """The next events behind a position, up to those that everybody has been told of."""
        head = self._store.head
        read = partial(_after, things=self._wanted.found(self._store.db), after=position, head=head)
        return await self._read(read, is_long=head - position > LONG)

    async def before(self, position: int) -> Piece:
        """The last events before a position, the newest first; `reached` is 1 when there are no more."""
        read = partial(_before, things=self._wanted.found(self._store.db), before=position)
        return await self._read(read, is_long=False)

    async def _read(self, read: Callable[[Tables], Piece], *, is_long: bool) -> Piece:
        if not is_long or self._store.path == MEMORY:
            await trio.lowlevel.checkpoint()
            return read(self._store.db)
        if self._own is None:
            self._own = open_for_reading(self._store.path)
        return await trio.to_thread.run_sync(read, self._own)


async def read_apart(store: EventStore, read: Callable[[Tables], Found]) -> Found:
    """What may take long to read: in a thread, by a connection of its own."""
    if store.path == MEMORY:
        await trio.lowlevel.checkpoint()
        return read(store.db)

    def by_its_own() -> Found:
        with closing(open_for_reading(store.path)) as db:
            return read(db)

    return await trio.to_thread.run_sync(by_its_own)


def _after(db: Tables, things: frozenset[str] | None, after: int, head: int) -> Piece:
    if things is None:
        records = read_records(db, after, min(CHUNK, head - after))
        return _piece(db, records, records[-1].position if records else head)
    positions = positions_about(db, things, after, head, CHUNK)
    return _piece(db, read_at(db, positions), positions[-1] if len(positions) == CHUNK else head)


def _before(db: Tables, things: frozenset[str] | None, before: int) -> Piece:
    if things is None:
        records = read_backwards(db, before, CHUNK)
        return _piece(db, records, records[-1].position if records else 1)
    positions = positions_about(db, things, before, 1, CHUNK, newest_first=True)
    return _piece(db, read_at(db, positions), positions[-1] if len(positions) == CHUNK else 1)


def _piece(db: Tables, records: Sequence[Record], reached: int) -> Piece:
    return Piece([Happening(record, about(db, record)) for record in records], reached)
