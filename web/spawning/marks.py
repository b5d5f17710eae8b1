"""The marks of what this hub starts, and what the marks on what runs tell it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from core.events.reading import position_of, read_records
from core.events.server import SpawnRequested, server_stream
from core.events.store import EventStore
from core.mark import PURPOSE, Mark, sealed
from core.secret_file import derive
from core.server import Spawning
from core.strays import Consent, Strays, sort_out
from projections import servers


class Marks:
    def __init__(self, store: EventStore, secret: bytes) -> None:
        self._store = store
        self._key = derive(secret, PURPOSE)

    def of(self, server_id: str, spawning: Spawning) -> str:
        """For the attempt under way. `""` where the server has been removed meanwhile."""
        row = servers.by_id(self._store.db, server_id)
        if row is None:
            return ""
        position = position_of(self._store.db, server_stream(server_id), row.fold_from + 1)
        names = spawning.user_name, spawning.server_name
        return sealed(Mark(self._store.id, position, spawning.spawn_id, *names), self._key)

    def sort_out(self, marks: Mapping[str, str], known: Collection[str], consent: Consent) -> Strays:
        """Whose is what runs, by spawn id, although no server knows it."""
        return sort_out(marks, known, self._key, self._store.id, self._requested_at, consent)

    def _requested_at(self, position: int) -> str:
        for record in read_records(self._store.db, position - 1, 1):
            if record.position == position and isinstance(record.event, SpawnRequested):
                return record.event.spawn_id
        return ""
