"""Groups over HTTP, in memory."""

from __future__ import annotations

import pytest
import trio

import projections
from core.events.file.store import EventStore
from core.settings import GroupSettings
from tests.conftest import ADMIN_TOKEN, Client, hub_in_memory, settings_for_tests
from tests.unit.web.api.rights_world import PAGES, group, send, token_of, users


def model(name: str, *members: str, **properties: object) -> dict[str, object]:
    return {"kind": "group", "name": name, "users": list(members), "properties": properties, "roles": []}


@pytest.fixture
async def world(client: Client) -> Client:
    """Users bob and carol; bob is in the group `a b`."""
    await users(client, "bob", "carol")
    await group(client, "a b", "bob")
    return client


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "answer"),
    [
        ("GET", "/groups", None, 200, [model("a b", "bob")]),
        ("GET", "/groups/a%20b", None, 200, model("a b", "bob")),
        ("GET", "/groups/none", None, 404, None),
        ("POST", "/groups/new", None, 201, model("new")),
        ("POST", "/groups/new", {}, 201, model("new")),
        ("POST", "/groups/new", {"users": ["Carol", "bob", "bob"]}, 201, model("new", "carol", "bob")),
        ("POST", "/groups/new", {"name": "x", "roles": ["admin"]}, 201, model("new")),
        ("POST", "/groups/new%2Fer", {"users": []}, 201, model("new/er")),
        ("POST", "/groups/new", {"properties": {}}, 400, None),
        ("POST", "/groups/new", {"users": ["dave"]}, 400, None),
        ("POST", "/groups/new", {"users": "bob"}, 400, None),
        ("POST", "/groups/new", [], 400, None),
        ("POST", "/groups/a%20b", None, 409, None),
        ("POST", "/groups/a%20b", {"users": ["dave"]}, 409, None),
        (
            "POST",
            "/groups",
            {"groups": ["x", "y"], "users": ["carol"]},
            201,
            [model("x", "carol"), model("y", "carol")],
        ),
        ("POST", "/groups", {"groups": ["x", "a b", "y"]}, 409, None),
        ("POST", "/groups", {"groups": ["x", "x"]}, 409, None),
        ("POST", "/groups", {"groups": ["x", ""]}, 400, None),
        ("POST", "/groups", {"groups": []}, 400, None),
        ("POST", "/groups", {"groups": ["x"], "users": ["dave"]}, 400, None),
        ("POST", "/groups", {"groups": ["x"], "properties": {}}, 400, None),
        ("POST", "/groups", None, 400, None),
        ("DELETE", "/groups/a%20b", None, 204, None),
        ("DELETE", "/groups/none", None, 404, None),
        ("POST", "/groups/a%20b/users", {"users": ["carol", "BOB"]}, 200, model("a b", "bob", "carol")),
        ("POST", "/groups/a%20b/users", {"users": ["carol"], "name": "x"}, 200, model("a b", "bob", "carol")),
        ("POST", "/groups/a%20b/users", {"users": []}, 200, model("a b", "bob")),
        ("POST", "/groups/a%20b/users", {"users": ["carol", "dave"]}, 400, None),
        ("POST", "/groups/a%20b/users", {"name": "x"}, 400, None),
        ("POST", "/groups/a%20b/users", {"users": ["carol"], "properties": {}}, 400, None),
        ("POST", "/groups/a%20b/users", None, 400, None),
        ("POST", "/groups/none/users", {"users": ["carol"]}, 404, None),
        ("DELETE", "/groups/a%20b/users", {"users": ["Bob", "carol"]}, 200, model("a b")),
        ("DELETE", "/groups/a%20b/users", {"users": ["dave"]}, 400, None),
        ("DELETE", "/groups/a%20b/users", None, 400, None),
        ("DELETE", "/groups/none/users", {"users": []}, 404, None),
        ("PUT", "/groups/a%20b/properties", {"x": [1]}, 200, model("a b", "bob", x=[1])),
        ("PUT", "/groups/a%20b/properties", {}, 200, model("a b", "bob")),
        ("PUT", "/groups/a%20b/properties", [], 400, None),
        ("PUT", "/groups/a%20b/properties", None, 400, None),
        ("PUT", "/groups/none/properties", {}, 404, None),
        ("PATCH", "/groups/a%20b", {}, 405, None),
    ],
)
async def test_what_an_administrator_is_answered(world, method, path, body, status, answer):
    response = await send(world, method, path, body)
    assert response.status_code == status, response.text
    if answer is not None:
        assert response.json() == answer
    if status == 204:
        assert response.content == b""
        assert "content-type" not in response.headers
    if status >= 400:
        assert (await world.get("/groups")).json() == [model("a b", "bob")], "a refusal changes nothing"


@pytest.mark.parametrize(
    ("scopes", "listed", "read", "join", "create", "delete"),
    [
        (["admin:groups"], 200, 200, 200, 201, 204),
        (["admin:groups!group=math"], 200, 200, 200, 403, 204),
        (["admin:groups!group=other"], 200, 404, 404, 403, 404),
        (["groups!group=math"], 200, 200, 200, 403, 403),
        (["read:groups!group=math"], 403, 200, 403, 403, 403),
        (["read:roles:groups"], 403, 200, 403, 403, 403),
        (["list:groups!group=math"], 200, 200, 403, 403, 403),
        (["delete:groups!group=math"], 403, 403, 403, 403, 204),
        (["delete:groups!group=other"], 403, 403, 403, 403, 404),
        (["users"], 403, 403, 403, 403, 403),
    ],
)
async def test_who_may_what(client: Client, scopes, listed, read, join, create, delete):
    await group(client, "math")
    await group(client, "other")
    caller = await token_of(client, "alice", *scopes)
    statuses = [
        (await send(caller, *request)).status_code
        for request in (
            ("GET", "/groups"),
            ("GET", "/groups/math"),
            ("POST", "/groups/math/users", {"users": []}),
            ("POST", "/groups", {"groups": ["new"]}),
            ("DELETE", "/groups/math"),
        )
    ]
    assert statuses == [listed, read, join, create, delete]


@pytest.mark.parametrize(
    ("scope", "keys"),
    [
        ("read:groups", {"kind", "name", "users", "properties"}),
        ("read:groups:name", {"kind", "name"}),
        ("read:roles:groups", {"kind", "name", "roles"}),
        ("admin:groups!group=math", {"kind", "name", "users", "properties", "roles"}),
    ],
)
async def test_a_model_shows_what_the_scope_allows(client: Client, scope, keys):
    await group(client, "math", "alice")
    caller = await token_of(client, "alice", scope)
    assert (await caller.get("/groups/math")).json().keys() == keys


async def test_a_hidden_group_looks_like_one_that_does_not_exist(client: Client):
    await group(client, "math")
    caller = await token_of(client, "alice", "read:groups!group=other")
    hidden, absent = [await caller.get(f"/groups/{name}") for name in ("math", "none")]
    assert (hidden.status_code, absent.status_code) == (404, 404)
    assert hidden.json()["message"] == absent.json()["message"].replace("none", "math")
    assert "read:groups!group=math" in hidden.json()["message"]


async def test_pages_and_totals_are_of_what_the_caller_may_list(client: Client):
    await client.post("/groups", json={"groups": [f"g{n}" for n in range(7)]})
    page = (await client.get("/groups?limit=3&offset=2", headers=PAGES)).json()
    assert [item["name"] for item in page["items"]] == ["g2", "g3", "g4"]
    assert page["_pagination"]["total"] == 7
    assert page["_pagination"]["next"]["offset"] == 5
    caller = await token_of(
        client, "alice", "list:groups!group=g1", "list:groups!group=g5", "list:groups!group=no"
    )
    page = (await caller.get("/groups?limit=1", headers=PAGES)).json()
    assert [item["name"] for item in page["items"]] == ["g1"]
    assert page["_pagination"]["total"] == 2


async def test_members_follow_renames_and_leave_with_their_account(client: Client):
    await users(client, "bob", "carol")
    await group(client, "math", "bob", "carol")
    await client.patch("/users/bob", json={"name": "robert"})
    assert (await client.get("/groups/math")).json()["users"] == ["robert", "carol"]
    assert (await client.get("/users/robert")).json()["groups"] == ["math"]
    await client.delete("/users/robert")
    await users(client, "robert")
    assert (await client.get("/groups/math")).json()["users"] == ["carol"]
    assert (await client.get("/users/robert")).json()["groups"] == []


async def test_two_who_create_the_same_group_at_once(client: Client):
    statuses = []

    async def create() -> None:
        statuses.append((await client.post("/groups/math")).status_code)

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(create)
    assert sorted(statuses) == [201, 409, 409]


async def test_a_command_that_is_repeated_gives_its_answer_again(client: Client):
    await users(client, "bob")
    for path, body in (("/groups/math", {"users": ["bob"]}), ("/groups", {"groups": ["x", "y"]})):
        key = {"Idempotency-Key": path}
        first, second = [await client.post(path, json=body, headers=key) for _ in range(2)]
        assert (first.status_code, first.content) == (second.status_code, second.content)
        assert first.status_code == 201


async def test_groups_of_the_configuration_are_added_to_and_never_taken_from():
    groups = {"math": GroupSettings(["Bob", "alice"], {"room": 1}), "empty": GroupSettings()}
    store = EventStore(":memory:", projections.ALL, threaded=False)
    async with (
        hub_in_memory(settings_for_tests(load_groups=groups), store=store) as hub,
        Client(hub, ADMIN_TOKEN) as client,
    ):
        assert (await client.get("/groups/math")).json() == model("math", "bob", "alice", room=1)
        assert (await client.get("/groups/empty")).json() == model("empty")
        await users(client, "carol")
        await client.post("/groups/math/users", json={"users": ["carol"]})
        await client.request("DELETE", "/groups/math/users", json={"users": ["alice"]})
        await client.put("/groups/empty/properties", json={"kept": True})
    groups["math"] = GroupSettings(["alice"], {})
    async with (
        hub_in_memory(settings_for_tests(load_groups=groups), store=store) as hub,
        Client(hub, ADMIN_TOKEN) as client,
    ):
        assert (await client.get("/groups/math")).json() == model("math", "bob", "carol", "alice")
        assert (await client.get("/groups/empty")).json() == model("empty", kept=True)


async def test_groups_are_found_by_a_part_of_their_names(client: Client) -> None:
    for name in ("physics", "metaphysics", "history"):
        await client.post(f"/groups/{name}", json={"users": ["alice"] if name == "physics" else []})
    found = await client.get("/groups", params={"name_filter": "phys"})
    assert [group["name"] for group in found.json()] == ["physics", "metaphysics"]
    wrapped = {"Accept": "application/jupyterhub-pagination+json"}
    page = await client.get("/groups", params={"name_filter": "phys", "limit": 1}, headers=wrapped)
    assert page.json()["_pagination"]["total"] == 2
    assert (await client.get("/groups", params={"name_filter": "x" * 300})).status_code == 400


async def test_users_are_found_by_their_group(client: Client) -> None:
    await client.post("/users", json={"usernames": ["bob", "carol"]})
    await client.post("/groups/physics", json={"users": ["bob", "carol"]})
    found = await client.get("/users", params={"group": "physics", "name_filter": "o", "sort": "-name"})
    assert [user["name"] for user in found.json()] == ["carol", "bob"]
    assert (await client.get("/users", params={"group": "nothing"})).status_code == 404


async def test_who_may_not_read_a_group_does_not_learn_who_is_in_it(client: Client) -> None:
    await client.post("/users/bob")
    await client.post("/groups/physics", json={"users": ["bob"]})
    scopes = ["list:users", "read:users:name"]
    token = (await client.post("/users/alice/tokens", json={"scopes": scopes})).json()["token"]
    asked = {"params": {"group": "physics"}, "headers": {"Authorization": f"token {token}"}}
    assert (await client.get("/users", **asked)).status_code == 403
