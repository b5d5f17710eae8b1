"""What the thread is told of an attempt."""

from __future__ import annotations

from core.plugins.plugin_hub import PluginHub, ServerFacts
from core.plugins.spawner import Attempt
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
