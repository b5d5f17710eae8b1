"""After a restart: what the previous hub process had begun goes on."""

from __future__ import annotations

from math import inf

import trio

from core.events.file.store import EventStore
from projections import users as users_table
from projections.servers import servers as servers_table
from web.hub.hub import Hub
from web.lifecycle.known_attempts import unfinished


async def resume(hub: Hub, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
    """After a restart: enter every unfinished state, go on with deletions.

    Started once every unfinished server is awake, so that nobody is answered from half a picture.
    """
    began = trio.current_time()
    for server in unfinished(hub.store):
        hub.servers.actor(server.id)
    await trio.lowlevel.checkpoint()
    hub.metrics.resumed(trio.current_time() - began)
    await _wait_checked(hub.store, hub.settings.hub.init_spawners_timeout)
    task_status.started()
    position = 0
    while leaving := users_table.leaving(hub.store.db, position):
        for departing in leaving:
            hub.user_deletion.go_on(departing.id)
        position = leaving[-1].position
    last = ""
    while going := servers_table.leaving(hub.store.db, last):
        for server in going:
            hub.removals.go_on(server.user, server.id)
        last = going[-1].id


async def _wait_checked(store: EventStore, timeout: float) -> None:
    """Return once every server that may run is known to, or after so many seconds; negative: however long it takes."""
    with trio.move_on_after(timeout if timeout >= 0 else inf):
        while servers_table.is_any_checked(store.db):
            await store.wait_any()
