"""Who comes back to the progress of a start after it is over has missed nothing."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from projections import users
from projections.servers import servers
from tests.conftest import Client

PROGRESS = "/users/bob/server/progress"


@pytest.fixture
async def started(client: Client) -> Client:
    assert (await client.post("/users/bob")).status_code == 201
    assert (await client.post("/users/bob/server")).status_code in (201, 202)
    return client


async def events(client: Client, after: int | None) -> list[dict[str, Any]]:
    headers = {} if after is None else {"Last-Event-ID": str(after)}
    text = (await client.get(PROGRESS, headers=headers)).text
    return [json.loads(line) for line in re.findall(r"^data: (.*)$", text, re.MULTILINE)]


def first_of_the_start(client: Client) -> int:
    db = client.hub.store.db
    user = users.by_name(db, "bob")
    assert user is not None
    server = servers.by_name(db, user.id, "")
    assert server is not None
    (position,) = db.execute(
        "SELECT min(position) FROM progress WHERE server = ? AND phase = 'spawn'", (server.id,)
    ).fetchone()
    return int(position)


async def test_who_begins_is_told_how_it_is(started: Client) -> None:
    (only,) = await events(started, None)
    assert only["ready"]


async def test_who_comes_back_is_told_what_came_meanwhile(started: Client) -> None:
    first = first_of_the_start(started)
    missed = await events(started, first)
    assert [event.get("ready", False) for event in missed] == [False] * (len(missed) - 1) + [True]
    assert "Spawning server..." in [event["message"] for event in missed]


async def test_who_has_seen_all_is_told_how_it_is_again(started: Client) -> None:
    (only,) = await events(started, 10**9)
    assert only["ready"]
