"""Who is told of what has been recorded: listeners, in order, and tasks that wait for the next event."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence

import trio

from core.events.record import Record

Listener = Callable[[Sequence[Record]], None]
Read = Callable[[int, int], list[Record]]

logger = logging.getLogger("callboard.store")


class Listeners:
    """`head`: the last event that they were told of. `read`: so many events behind a position."""

    def __init__(self, head: int, read: Read) -> None:
        self.head = head
        self._read = read
        self._listeners: list[tuple[Listener, frozenset[type] | None]] = []
        self._lots: dict[str, trio.lowlevel.ParkingLot] = {}
        self._everything = trio.lowlevel.ParkingLot()

    def add(self, listener: Listener, hears: Iterable[type] | None) -> None:
        self._listeners.append((listener, None if hears is None else frozenset(hears)))

    def tell(self, records: Sequence[Record]) -> None:
        """Of these, and before of what was recorded though nobody could tell, because the log could not be read.

        Raises what reading raises; then nobody is told of anything.
        """
        while records and self.head + 1 < records[0].position:
            self._tell(self._read(self.head, records[0].position - self.head - 1))
        if records:
            self._tell(records)

    def _tell(self, records: Sequence[Record]) -> None:
        self.head = records[-1].position
        kinds = {type(record.event) for record in records}
        for listener, hears in self._listeners:
            if hears is not None and hears.isdisjoint(kinds):
                continue
            try:
                listener(records)
            except Exception:
                logger.exception("events %d to %d were not heard", records[0].position, self.head)
        for stream in {record.stream for record in records}:
            if lot := self._lots.pop(stream, None):
                lot.unpark_all()
        self._everything.unpark_all()

    async def wait_stream(self, stream: str) -> None:
        lot = self._lots.setdefault(stream, trio.lowlevel.ParkingLot())
        try:
            await lot.park()
        finally:
            if not lot and self._lots.get(stream) is lot:
                del self._lots[stream]

    async def wait_any(self) -> None:
        await self._everything.park()
