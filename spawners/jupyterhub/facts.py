"""What is recorded of an attempt, and what the thread is told of it."""

from __future__ import annotations

from time import time
from typing import Any

from core.plugins.plugin_hub import PluginHub, ServerFacts
from core.plugins.spawner import Attempt
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


def changes_of(attempt: Attempt, configured: PluginSpawnerSettings) -> dict[str, Any]:
    """What is set for this start alone."""
    of_start = attempt.settings_as(PluginSpawnerSettings, configured)
    values = {name: getattr(of_start, name) for name in configured.__struct_fields__ if name != "plugin"}
    return {name: value for name, value in values.items() if value != getattr(configured, name)}
