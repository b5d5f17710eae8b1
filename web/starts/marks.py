"""The marks of what this hub starts, and what the marks on what runs tell it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from core.events import Event
from core.events.file.reading import has_started, position_of, read_records
from core.events.file.store import EventStore
from core.events.server import SpawnRequested, server_stream
from core.reconcile.mark import PURPOSE, Mark, opened, sealed
from core.reconcile.sorting_out import Consent, Strays, sort_out
from core.secrets.secret_file import derive
from core.server import Spawning
from projections import users
from projections.servers import servers


class Marks:
    def __init__(self, store: EventStore, secret: bytes) -> None:
        self._store = store
        self._log = store.id
        self._key = derive(secret, PURPOSE)

    def of(self, server_id: str, spawning: Spawning) -> str:
        """For the attempt under way. `""` where the server has been removed meanwhile."""
        row = servers.by_id(self._store.db, server_id)
        if row is None:
            return ""
        position = position_of(self._store.db, server_stream(server_id), row.fold_from + 1)
        names = spawning.user_name, spawning.server_name
        return sealed(Mark(self._log, position, spawning.spawn_id, *names), self._key)

    def sort_out(self, marks: Mapping[str, str], known: Collection[str], consent: Consent) -> Strays:
        """Whose is what runs, by spawn id, although no server knows it."""
        return sort_out(marks, known, self._key, self._log, self._knows, consent)

    def opened(self, text: str) -> Mark | None:
        """None for what this hub has not made."""
        return opened(text, self._key)

    def _knows(self, mark: Mark) -> bool:
        """Its start stands where the mark says; or elsewhere, for one that was adopted."""
        found = read_records(self._store.db, mark.position - 1, 1)
        return any(_is_start_of(mark, record.event) for record in found) or self._was_adopted(mark)

    def _was_adopted(self, mark: Mark) -> bool:
        """Looks through all starts of the server."""
        owner = users.by_name(self._store.db, mark.user)
        server = owner and servers.by_name(self._store.db, owner.id, mark.server)
        return server is not None and has_started(self._store.db, server.id, mark.spawn_id)


def _is_start_of(mark: Mark, event: Event) -> bool:
    return isinstance(event, SpawnRequested) and event.spawn_id == mark.spawn_id
