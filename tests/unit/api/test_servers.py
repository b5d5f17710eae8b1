"""Servers over HTTP, in memory."""

from __future__ import annotations

import json

from tests.conftest import Client


async def test_a_start_that_is_quick_is_201_and_the_model_says_ready(
    client: Client, autojump_clock: object
) -> None:
    answer = await client.post("/users/alice/server")
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (201, b"", "text/plain")
    model = (await client.get("/users/alice")).json()
    assert model["server"] == "/user/alice/"
    assert model["servers"][""]["ready"] is True
    assert model["servers"][""]["progress_url"] == "/hub/api/users/alice/server/progress"


async def test_a_slow_start_is_202_and_its_progress_ends_with_ready(
    client: Client, autojump_clock: object
) -> None:
    options = {"simulate": {"delay": 20, "progress": [[5, 25, "pulling"], [15, 75, "almost"]]}}
    answer = await client.post("/users/alice/servers/lab", json={"user_options": options})
    assert (answer.status_code, answer.content) == (202, b"")
    stream = await client.get("/users/alice/servers/lab/progress")
    events = [json.loads(line[6:]) for line in stream.text.splitlines() if line.startswith("data: ")]
    assert [event.get("message") for event in events] == [
        "Server requested",
        "Spawning server...",
        "pulling",
        "almost",
        "Server ready at /user/alice/lab/",
    ]
    assert events[-1]["ready"] is True


async def test_a_start_that_fails_in_time_is_its_error_and_stays_readable(
    client: Client, autojump_clock: object
) -> None:
    options = {"simulate": {"fail": "no room", "fail_status": 418}}
    answer = await client.post("/users/alice/server", json=options)
    assert (answer.status_code, answer.json()) == (418, {"status": 418, "message": "no room"})
    stream = await client.get("/users/alice/server/progress")
    assert '"message":"Spawn failed: no room"' in stream.text


async def test_a_stop_is_204_and_the_server_leaves_the_model(client: Client, autojump_clock: object) -> None:
    await client.post("/users/alice/server")
    answer = await client.delete("/users/alice/server")
    assert (answer.status_code, answer.content) == (204, b"")
    assert "content-type" not in answer.headers
    assert (await client.get("/users/alice")).json()["servers"] == {}
