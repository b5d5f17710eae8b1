"""What the log says may run: the servers that are not stopped, and what they have left behind."""

from __future__ import annotations

from collections.abc import Iterator

import trio

from core.events.file.store import EventStore
from projections.servers import servers
from projections.servers.servers import ServerRow


def unfinished(store: EventStore) -> Iterator[ServerRow]:
    after = ""
    while rows := servers.unfinished(store.db, after):
        yield from rows
        after = rows[-1].id


async def known_now(store: EventStore) -> set[str]:
    """As `known_attempts`, and the event loop does other things meanwhile. What has ended by now may be among them."""
    known: set[str] = set()
    after = ""
    while rows := servers.unfinished(store.db, after):
        known.update(spawn_id for row in rows for spawn_id in (row.spawn_id, *row.left_behind()))
        after = rows[-1].id
        await trio.lowlevel.checkpoint()
    return known


def known_attempts(store: EventStore) -> set[str]:
    """The spawn ids of all that may rightly run or is being ended."""
    return {spawn_id for row in unfinished(store) for spawn_id in (row.spawn_id, *row.left_behind())}
