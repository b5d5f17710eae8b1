"""The limits on starts, as a hub finds them: what is active and starting, and who waits in which order."""

from __future__ import annotations

from datetime import datetime

from core.events.log.tables import Tables
from core.queue.spawn_limits import Share, SpawnLimits
from core.settings import Settings
from projections.servers import servers, spawn_queue


def limits_of(settings: Settings, db: Tables) -> SpawnLimits:
    """Where the last hub left off; from here on they listen to the store."""
    limits = SpawnLimits(0, 0)
    configure(limits, settings)
    _take_up_queue(limits, db)
    _take_up_servers(limits, db)
    return limits


def configure(limits: SpawnLimits, settings: Settings) -> None:
    profiles = settings.callboard.spawner_profiles.values()
    limits.configure(
        settings.hub.concurrent_spawn_limit,
        settings.hub.active_server_limit,
        settings.callboard.spawn_queue_limit,
        {one.name: Share(one.concurrent_spawn_limit, one.active_server_limit) for one in profiles},
    )


def _take_up_queue(limits: SpawnLimits, db: Tables) -> None:
    position = 0
    while rows := spawn_queue.waiting(db, position):
        for row in rows:
            limits.queue.add(row.server, row.user, row.position)
            if (turn := spawn_queue.last_turn(db, row.user)) is not None:
                limits.queue.had_turn(row.user, turn)
        position = rows[-1].position


def _take_up_servers(limits: SpawnLimits, db: Tables) -> None:
    last = ""
    while rows := servers.unfinished(db, last):
        for server in rows:
            if server.is_active:
                limits.found(server.id, _starts_since(limits, server), server.options() or {})
        last = rows[-1].id


def _starts_since(limits: SpawnLimits, server: servers.ServerRow) -> datetime | None:
    if server.state != "spawn" or server.id in limits.queue or server.started is None:
        return None
    return datetime.fromisoformat(server.started)
