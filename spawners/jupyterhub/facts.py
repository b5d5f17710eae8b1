"""What is recorded of an attempt, and what the thread is told of it."""

from __future__ import annotations

from time import time
from typing import Any

from core.machine.process_identity import Identity
from core.plugins.plugin_hub import PluginHub, ServerFacts
from core.plugins.spawner import Attempt, Elsewhere
from core.settings import PluginSpawnerSettings
from spawners.jupyterhub.ending import Attempted
from spawners.jupyterhub.records import Record


def of_attempt(attempt: Attempt, hub: PluginHub) -> ServerFacts:
    return ServerFacts(
        server_id=attempt.server_id,
        person=hub.person(attempt.user_id, attempt.user),
        name=attempt.server,
        prefix=attempt.prefix,
        spawn_id=attempt.spawn_id,
        user_options=attempt.user_options,
        handler=attempt.handler,
    )


def of_record(record: Record, hub: PluginHub) -> Attempted:
    server = ServerFacts(
        server_id=record.server_id,
        person=hub.person(record.user_id, record.user),
        name=record.server,
        prefix=record.prefix,
        spawn_id=record.spawn_id,
        user_options=record.user_options,
    )
    return Attempted(server, record.state, record.url, record.process)


def new_record(attempt: Attempt) -> Record:
    return Record(
        spawn_id=attempt.spawn_id,
        server_id=attempt.server_id,
        user_id=attempt.user_id,
        user=attempt.user,
        server=attempt.server,
        prefix=attempt.prefix,
        mark=attempt.mark,
        began=time(),
        user_options=attempt.user_options,
    )


def taken_in(found: Elsewhere, process: Identity | None) -> Record:
    """Of what another hub has started."""
    return Record(
        spawn_id=found.spawn_id,
        server_id=found.server_id,
        user_id=found.user_id,
        user=found.user,
        server=found.server,
        prefix=found.prefix,
        began=found.started.timestamp(),
        user_options=found.user_options,
        state=found.state,
        phase="started",
        url=found.url,
        process=process,
    )


def changes_of(attempt: Attempt, configured: PluginSpawnerSettings) -> dict[str, Any]:
    """What is set for this start alone."""
    of_start = attempt.settings_as(PluginSpawnerSettings, configured)
    values = {name: getattr(of_start, name) for name in configured.__struct_fields__ if name != "plugin"}
    return {name: value for name, value in values.items() if value != getattr(configured, name)}
