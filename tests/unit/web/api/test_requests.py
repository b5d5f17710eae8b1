"""What came of a request, by its number: to administrators what they may see."""

from __future__ import annotations

from typing import Any

from tests.conftest import ADMIN_TOKEN, Client, hub_in_memory, settings_for_tests
from tests.unit.web.api.rights_world import token_of, users


async def of(client: Client, number: str) -> dict[str, Any]:
    answer = await client.get(f"/requests/{number}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_start_is_found_with_its_outcome(client: Client, autojump_clock: object) -> None:
    await users(client, "bob")
    answer = await client.post("/users/bob/server")
    found = await of(client, answer.headers["X-Request-Id"])
    types = [event["type"] for event in found["events"]]
    assert (types[0], types[-1]) == ("server.spawn-requested", "server.ready")
    assert found["events"][0]["by"] == {"kind": "user", "name": "alice"}
    assert found["at"][:13] == found["events"][0]["at"][:13]
    (start,) = found["starts"]
    assert (start["user"], start["server"], start["outcome"]) == ("bob", "", "running")
    assert start["lines"] == ["simulated server: started"]
    assert found["more"] is False


FAILING = {"simulate": {"fail": "The image is gone.", "progress": [[0, 20, "Pulling the image"]]}}


async def test_a_start_that_failed_says_why_and_what_was_written_last(
    client: Client, autojump_clock: object
) -> None:
    await users(client, "bob")
    answer = await client.post("/users/bob/servers/lab", json=FAILING)
    (start,) = (await of(client, answer.headers["X-Request-Id"]))["starts"]
    assert (start["server"], start["outcome"]) == ("lab", "failed")
    assert "The image is gone." in start["reason"]
    assert "Pulling the image" in "".join(start["lines"])


async def test_a_request_that_recorded_nothing_has_no_events(client: Client) -> None:
    answer = await client.get("/users/nobody")
    found = await of(client, answer.headers["X-Request-Id"])
    assert (found["events"], found["starts"]) == ([], [])
    assert (await of(client, "what-is-this"))["at"] is None


async def test_a_request_of_many_events_is_cut(client: Client) -> None:
    answer = await client.post("/users", json={"usernames": [f"u{number}" for number in range(260)]})
    found = await of(client, answer.headers["X-Request-Id"])
    assert (len(found["events"]), found["more"]) == (200, True)


HELPERS = {
    "name": "helpers",
    "users": ["dave"],
    "scopes": ["self", "admin-ui", "read:users!user=bob", "read:servers!user=bob"],
}


async def test_nobody_is_told_of_what_they_may_not_see(autojump_clock: object) -> None:
    settings = settings_for_tests(load_roles=[HELPERS], services=[])
    async with hub_in_memory(settings) as hub, Client(hub, ADMIN_TOKEN) as client:
        await users(client, "bob", "carol")
        await client.post("/users/dave")
        for name, events in (("bob", True), ("carol", False)):
            answer = await client.post(f"/users/{name}/servers/lab", json=FAILING)
            helper = await token_of(client, "dave")
            found = await of(helper, answer.headers["X-Request-Id"])
            assert (bool(found["events"]), len(found["starts"])) == (events, int(events))
            assert all(start["lines"] == [] for start in found["starts"])  # it needs another scope
        carol = await token_of(client, "carol")
        assert (await carol.get("/requests/x")).status_code == 403
