"""JupyterHub's event log: what is told of starts and stops."""

from __future__ import annotations

import json
import logging
from datetime import datetime

import trio
from msgspec.structs import replace

from core.settings import EventLoggerSettings
from tests.conftest import ADMIN_TOKEN, Client, hub_in_memory, settings_for_tests
from web.lifecycle.shutdown import stop_servers


class Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


async def test_starts_and_orderly_stops_are_told_and_nothing_else(autojump_clock: object) -> None:
    handler = Kept()
    settings = replace(settings_for_tests(), event_logger=EventLoggerSettings(handlers=[handler]))
    async with hub_in_memory(settings) as hub, Client(hub, ADMIN_TOKEN) as client:
        await client.post("/users/alice/servers/lab")
        await client.delete("/users/alice/servers/lab")
        await client.post("/users/alice/server", json={"simulate": {"fail": "no room"}})
        await client.post("/users/alice/server", json={"simulate": {"die_after": 1}})
        await trio.sleep(5)
        await client.post("/users/alice/server")
        await stop_servers(hub)
    told = [json.loads(line) for line in handler.lines]
    assert [(event["action"], event["username"], event["servername"]) for event in told] == [
        ("start", "alice", "lab"),
        ("stop", "alice", "lab"),
        ("start", "alice", ""),
        ("start", "alice", ""),
    ]
    first = told[0]
    assert first.pop("__timestamp__").endswith("+00:00Z")
    assert first == {
        "__schema__": "https://schema.jupyter.org/jupyterhub/events/server-action",
        "__schema_version__": "1",
        "__metadata_version__": 1,
        "action": "start",
        "username": "alice",
        "servername": "lab",
    }
    assert datetime.fromisoformat(told[1]["__timestamp__"].removesuffix("Z")).tzinfo is not None
