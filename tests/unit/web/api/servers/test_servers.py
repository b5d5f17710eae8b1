"""Servers over HTTP, in memory."""

from __future__ import annotations

import json

import pytest
import trio
from msgspec.structs import replace

from core.settings import CallboardSettings
from spawners.simulated import SimulatedBackend
from tests.conftest import ADMIN_TOKEN, Client, hub_in_memory, settings_for_tests


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


async def start(client: Client, path: str, **simulate: object) -> int:
    return (await client.post(path, json={"user_options": {"simulate": simulate}})).status_code


async def test_putting_a_server_makes_it_without_starting_it(client: Client) -> None:
    made = await client.put(
        "/users/alice/servers/lab", json={"display_name": "My Lab", "user_options": {"a": 1}}
    )
    assert made.status_code == 201
    model = made.json()
    assert (model["name"], model["display_name"], model["stopped"]) == ("lab", "My Lab", True)
    assert (model["user_options"], model["full_name"], model["url"]) == (
        {"a": 1},
        "alice/lab",
        "/user/alice/lab/",
    )
    assert (await client.put("/users/alice/servers/lab")).status_code == 409
    assert (await client.put("/users/alice/servers/")).status_code == 409
    assert (await client.put("/users/alice/server")).status_code == 409


@pytest.mark.parametrize(
    "name", ["serverA", "1a", "a.b", "a_b", "a--b", "a-", "x" * 31, "%2e%2e", "a%2Fb", "%00"]
)
async def test_names_that_are_no_labels_are_refused(client: Client, name: str) -> None:
    assert (await client.put(f"/users/alice/servers/{name}")).status_code == 400
    assert (await client.post(f"/users/alice/servers/{name}")).status_code == 400


async def test_any_name_goes_where_the_setting_says_so(autojump_clock: object) -> None:
    settings = replace(settings_for_tests(), callboard=CallboardSettings(allow_any_server_name=True))
    async with hub_in_memory(settings) as hub, Client(hub, ADMIN_TOKEN) as client:
        assert (await client.post("/users/alice/servers/Server_A.1")).status_code == 201
        assert (await client.post("/users/alice/servers/%2e%2e")).status_code == 400


async def test_named_servers_may_be_disabled_and_limited(autojump_clock: object) -> None:
    async with (
        hub_in_memory(settings_for_tests(allow_named_servers=False)) as hub,
        Client(hub, ADMIN_TOKEN) as client,
    ):
        assert (await client.post("/users/alice/servers/lab")).status_code == 400
        assert (await client.delete("/users/alice/servers/lab")).status_code == 400
        assert (await client.post("/users/alice/servers/")).status_code == 201
    async with (
        hub_in_memory(settings_for_tests(named_server_limit_per_user=1)) as hub,
        Client(hub, ADMIN_TOKEN) as client,
    ):
        assert (await client.post("/users/alice/servers/one")).status_code == 201
        assert (await client.post("/users/alice/servers/two")).status_code == 400
        assert (await client.post("/users/alice/server")).status_code == 201


async def test_options_are_kept_replaced_and_reset(client: Client, autojump_clock: object) -> None:
    async def started_with(body: object) -> object:
        await client.post("/users/alice/server", content=json.dumps(body))
        model = (await client.get("/users/alice/server")).json()
        await client.delete("/users/alice/server")
        return model["user_options"]

    assert await started_with({"a": 1}) == {"a": 1}
    assert await started_with({}) == {"a": 1}
    assert await started_with({"user_options": None}) == {"a": 1}
    assert await started_with({"user_options": {"b": 2}, "c": 3}) == {"b": 2}
    assert await started_with({"user_options": {}}) == {}


@pytest.mark.parametrize("body", ["[]", "3", "{", '{"user_options": []}', '{"display_name": 3}', '"x"'])
async def test_starts_with_bad_bodies_change_nothing(client: Client, body: str) -> None:
    head = client.hub.store.head
    assert (await client.post("/users/alice/server", content=body)).status_code == 400
    assert client.hub.store.head == head


async def test_a_stop_of_what_does_not_run(client: Client) -> None:
    assert (await client.delete("/users/alice/server")).status_code == 204
    assert (await client.delete("/users/alice/servers/none")).status_code == 404
    assert (await client.request("DELETE", "/users/alice/server", content="{")).status_code == 400
    remove = {"remove": True}
    assert (await client.request("DELETE", "/users/alice/server", json=remove)).status_code == 400


async def test_removing_a_running_server_ends_it_first(client: Client, autojump_clock: object) -> None:
    await client.post("/users/alice/servers/lab")
    answer = await client.request("DELETE", "/users/alice/servers/lab", json={"remove": True})
    assert answer.status_code == 204
    assert (await client.get("/users/alice/servers/lab")).status_code == 404
    assert await client.hub.spawner.list_attempts() == []


async def test_a_slow_removal_goes_on_by_itself(client: Client, autojump_clock: object) -> None:
    await start(client, "/users/alice/servers/lab", stop_delay=30)
    answer = await client.request("DELETE", "/users/alice/servers/lab", json={"remove": True})
    assert answer.status_code == 202
    assert (await client.post("/users/alice/servers/lab")).status_code == 400
    await trio.sleep(40)
    assert (await client.get("/users/alice/servers/lab")).status_code == 404


async def test_a_start_that_is_cancelled_shows_one_failed_event_to_who_watches(
    client: Client, autojump_clock: object
) -> None:
    assert await start(client, "/users/alice/server", delay=50) == 202
    seen: list[str] = []

    async def watch() -> None:
        seen.append((await client.get("/users/alice/server/progress")).text)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch)
        await trio.sleep(1)
        assert (await client.delete("/users/alice/server")).status_code == 204
    assert seen[0].count('"failed":true') == 1
    assert "Spawn cancelled" in seen[0]
    assert '"ready"' not in seen[0]
    assert (await client.get("/users/alice/server/progress")).status_code in (400, 404)


async def test_a_stop_has_a_progress_stream(client: Client, autojump_clock: object) -> None:
    await start(client, "/users/alice/server", stop_delay=20)
    assert (await client.delete("/users/alice/server")).status_code == 202
    stream = (await client.get("/users/alice/server/progress")).text
    events = [json.loads(line[6:]) for line in stream.splitlines() if line.startswith("data: ")]
    assert events[0] == {"progress": 0, "message": "Stop requested"}
    assert (events[-1]["progress"], events[-1]["stopped"]) == (100, True)


async def test_a_stream_is_resumed_after_the_last_event_seen(client: Client, autojump_clock: object) -> None:
    await start(client, "/users/alice/server", delay=20, progress=[[12, 30, "half way"]])
    async with trio.open_nursery() as nursery:
        first = await client.hub.store.read(
            "server/" + (await client.get("/users/alice/server")).json()["name"]
        )
        assert first == []
        nursery.cancel_scope.cancel()
    whole = (await client.get("/users/alice/server/progress")).text
    assert whole.startswith("\n\nid: ")
    ids = [int(line[4:]) for line in whole.splitlines() if line.startswith("id: ")]
    assert ids == sorted(ids)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"display_name": "New"}, 200),
        ({"user_options": {"x": 1}}, 200),
        ({"name": "lab-2"}, 200),
        ({}, 400),
        ({"unknown": 1}, 400),
        ({"name": "Bad Name"}, 400),
        ({"display_name": " x"}, 400),
        ({"user_options": [1]}, 400),
        ({"name": "other"}, 409),
        ({"name": ""}, 409),
    ],
)
async def test_a_stopped_server_can_be_changed(
    client: Client, changes: dict[str, object], status: int
) -> None:
    await client.put("/users/alice/servers/lab")
    await client.put("/users/alice/servers/other")
    answer = await client.patch("/users/alice/servers/lab", json=changes)
    assert answer.status_code == status
    if status == 200:
        assert {key: answer.json()[key] for key in changes} == changes


async def test_the_default_server_s_name_is_its_own(client: Client) -> None:
    assert (await client.patch("/users/alice/server", json={"name": ""})).status_code == 409


@pytest.mark.parametrize(
    ("body", "options"),
    [(None, {}), ({}, {}), ({"user_options": None}, {}), ({"display_name": "X"}, {}), ({"a": 1}, {"a": 1})],
)
async def test_a_server_that_was_made_has_options(
    client: Client, body: dict[str, object] | None, options: dict[str, object]
) -> None:
    made = await client.put("/users/alice/servers/lab", **({} if body is None else {"json": body}))
    assert (made.status_code, made.json()["user_options"]) == (201, options)
    assert (await client.get("/users/alice/servers/lab")).json()["user_options"] == options


async def test_where_there_is_no_progress(client: Client, autojump_clock: object) -> None:
    """A server that has stopped is 404, as one that is not there; one that was only just made is 400."""
    await client.put("/users/alice/servers/lab")
    for path, before in (("server", 404), ("servers/lab", 400), ("servers/none", 404)):
        url = f"/users/alice/{path}/progress"
        assert (await client.get(url)).status_code == before
        await client.post(f"/users/alice/{path}")
        assert (await client.get(url)).status_code == 200
        await client.delete(f"/users/alice/{path}")
        assert (await client.get(url)).status_code == 404


async def test_a_running_server_cannot_be_changed(client: Client, autojump_clock: object) -> None:
    await client.post("/users/alice/servers/lab")
    assert (await client.patch("/users/alice/servers/lab", json={"name": "lab-2"})).status_code == 400
    assert (await client.patch("/users/alice/servers/none", json={"name": "lab-2"})).status_code == 404


async def test_the_default_server_may_be_given_a_name_and_another_takes_its_place(
    client: Client, autojump_clock: object
) -> None:
    await client.post("/users/alice/server", json={"a": 1})
    await client.delete("/users/alice/server")
    answer = await client.patch("/users/alice/server", json={"name": "old"})
    assert (answer.status_code, answer.json()["name"], answer.json()["user_options"]) == (
        200,
        "old",
        {"a": 1},
    )
    assert (await client.get("/users/alice/server")).json()["user_options"] is None
    assert (await client.post("/users/alice/server")).status_code == 201


async def test_callers_without_hub_in_their_path_or_who_want_json_get_the_model(
    client: Client, autojump_clock: object
) -> None:
    answer = await client.post("/users/alice/server", headers={"Accept": "application/json"})
    assert answer.status_code == 201
    assert answer.json()["ready"] is True


async def test_the_server_model_holds_itself_for_readers_of_the_user_model(
    client: Client, autojump_clock: object
) -> None:
    assert (await client.get("/users/alice/server")).json()["servers"] == {}
    await client.post("/users/alice/server")
    model = (await client.get("/users/alice/server")).json()
    assert model["servers"][""]["ready"] is True
    assert "servers" not in model["servers"][""]


async def test_its_lines_are_there_for_its_owner(client: Client, autojump_clock: object) -> None:
    await client.post("/users/alice/server")
    logs = (await client.get("/users/alice/server/logs")).json()
    assert logs["logs"] == ["simulated server: started"]
    await client.delete("/users/alice/server")
    assert (await client.get("/users/alice/server/logs")).json()["exit_code"] == 0
    stream = await client.get("/users/alice/server/logs", headers={"Accept": "text/event-stream"})
    assert "simulated server: ended" in stream.text


async def test_limits_turn_starts_away(autojump_clock: object) -> None:
    async with (
        hub_in_memory(settings_for_tests(active_server_limit=1)) as hub,
        Client(hub, ADMIN_TOKEN) as client,
    ):
        await client.post("/users/alice/server")
        refused = await client.post("/users/alice/servers/two")
        assert refused.status_code == 429
        assert "Retry-After" not in refused.headers


async def test_nobody_waits_who_would_rather_not(client: Client, autojump_clock: object) -> None:
    at_once = {"Prefer": "respond-async"}
    began = trio.current_time()
    options = {"simulate": {"delay": 5, "stop_delay": 5}}
    assert (await client.post("/users/alice/server", json=options, headers=at_once)).status_code == 202
    await trio.sleep(6)
    assert (await client.get("/users/alice/server")).json()["ready"]
    assert (await client.delete("/users/alice/server", headers=at_once)).status_code == 202
    assert trio.current_time() - began < 7


async def test_what_was_kept_for_a_server_goes_only_when_it_is_removed_or_its_user_deleted(
    autojump_clock: object,
) -> None:
    backend = SimulatedBackend()

    def kept() -> set[str]:
        return {server for _, server in backend.volumes}

    async with hub_in_memory(backend=backend) as hub, Client(hub, ADMIN_TOKEN) as client:
        await client.post("/users/bob")
        for path in ("/users/bob/server", "/users/bob/servers/lab"):
            assert (await client.post(path)).status_code == 201
            assert (await client.delete(path)).status_code == 204
        assert len(kept()) == 2, "an end keeps it"
        answer = await client.request("DELETE", "/users/bob/servers/lab", json={"remove": True})
        assert answer.status_code == 204
        assert len(kept()) == 1
        assert (await client.delete("/users/bob")).status_code == 204
        assert kept() == set()
