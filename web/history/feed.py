"""The latest events, kept once for all who follow the log live. Who falls further behind reads the log itself.

A follower has no queue of its own, only a position: so however many there are and however slowly they read, what the
hub keeps for them is these events and what each has been sent and not yet taken.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import trio

from core.events.file.store import CHUNK, EventStore
from core.events.record import Record
from projections.histories.about import About, about
from web.history.names import NameBook

KEPT = 10_000  # events
CROWD = 50  # followers; when there are more, they are told less often
SHARE = 0.0005  # seconds that each of them then adds to the time between
CATCHING_UP = 4  # followers that read the log at a time: others have a hub to use, too


class Happening(NamedTuple):
    record: Record
    about: About


class Feed:
    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._latest: deque[Happening] = deque(maxlen=KEPT)
        self.names = NameBook(store.db)
        self.catching_up = trio.Semaphore(CATCHING_UP)
        self.followers = 0
        self.lost = 0  # followers that were too slow
        store.listen(self._heard)

    @property
    def kept(self) -> int:
        """How many events are in memory."""
        return len(self._latest)

    def _heard(self, records: Sequence[Record]) -> None:
        self.names.on_records(records)
        if self.followers:
            db = self._store.db
            self._latest.extend(Happening(record, about(db, record)) for record in records)

    @contextmanager
    def followed(self) -> Iterator[None]:
        """While somebody follows, events are kept."""
        self.followers += 1
        try:
            yield
        finally:
            self.followers -= 1
            if not self.followers:
                self._latest.clear()

    async def wait_for_more(self) -> None:
        """A crowd is told together what comes in quick succession, lest telling be all that the hub does."""
        if self.followers > CROWD:
            await trio.sleep(self.followers * SHARE)

    def after(self, position: int) -> list[Happening] | None:
        """The next events behind a position, not too many at once; None if they are no longer kept."""
        missing = self._store.head - position
        if missing > len(self._latest):
            return None
        first = len(self._latest) - missing
        return [self._latest[index] for index in range(first, min(first + CHUNK, len(self._latest)))]
