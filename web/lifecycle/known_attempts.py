"""What the log says may run: the servers that are not stopped, and what they have left behind."""

from __future__ import annotations

from collections.abc import Iterator

from core.events.file.store import EventStore
from projections import servers
from projections.servers import ServerRow


def unfinished(store: EventStore) -> Iterator[ServerRow]:
    after = ""
    while rows := servers.unfinished(store.db, after):
        yield from rows
        after = rows[-1].id


def known_attempts(store: EventStore) -> set[str]:
    """The spawn ids of all that may rightly run or is being ended."""
    return {spawn_id for row in unfinished(store) for spawn_id in (row.spawn_id, *row.left_behind())}
