"""Users over HTTP, in memory: list, create, change, delete, activity."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import trio
from msgspec.structs import replace

from core.events.record import HUB
from core.settings import AuthenticatorSettings
from core.user import Change
from projections import names
from projections import users as users_table
from tests.conftest import ADMIN_TOKEN, SERVICE_TOKEN, Client, hub_in_memory, settings_for_tests
from tests.unit.web.api.rights_world import PAGES, group, send, token_of, users


def model(name: str, **changes: Any) -> dict[str, Any]:
    """As an administrator sees a user without servers; `created` left out."""
    return {
        "kind": "user",
        "name": name,
        "admin": False,
        "user_info": None,
        "roles": ["user"],
        "groups": [],
        "server": None,
        "pending": None,
        "last_activity": None,
        "servers": {},
        "auth_state": None,
        **changes,
    }


def without_times(answer: Any) -> Any:
    if isinstance(answer, list):
        return [without_times(one) for one in answer]
    return {key: value for key, value in answer.items() if key != "created"}


@pytest.fixture
async def world(client: Client) -> Client:
    await users(client, "bob")
    return client


# --- one by one ---


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "answer"),
    [
        ("GET", "/users/bob", None, 200, model("bob")),
        ("GET", "/users/none", None, 404, None),
        ("POST", "/users/carol", None, 201, model("carol")),
        ("POST", "/users/Carol", {}, 201, model("carol")),
        ("POST", "/users/carol", {"admin": True}, 201, model("carol", admin=True, roles=["admin", "user"])),
        ("POST", "/users/carol", {"name": "x", "groups": ["g"], "roles": ["admin"]}, 201, model("carol")),
        ("POST", "/users/c@r%20o~l", None, 201, model("c@r o~l")),
        ("POST", "/users/bob", None, 409, None),
        ("POST", "/users/BOB", None, 409, None),
        ("POST", "/users/carol", {"admin": "yes"}, 400, None),
        ("POST", "/users/carol", {"admin": 1}, 400, None),
        ("POST", "/users/carol", {"servers": {}}, 400, None),
        ("POST", "/users/carol", ["x"], 400, None),
        ("POST", "/users/%20carol", None, 400, None),
        ("POST", "/users/a%2Fb", None, 400, None),
        ("POST", "/users/%2E%2E", None, 400, None),
        ("POST", "/users", {"usernames": ["carol", "Dave", "bob"]}, 201, [model("carol"), model("dave")]),
        ("POST", "/users", {"usernames": ["carol", "CAROL"]}, 201, [model("carol")]),
        ("POST", "/users", {"usernames": ["x"], "admin": True}, 201, [model("x", admin=True, roles=["admin", "user"])]),
        ("POST", "/users", {"usernames": ["carol"], "groups": ["g"], "name": "n"}, 201, [model("carol")]),
        ("POST", "/users", {"usernames": ["bob", "alice"]}, 409, None),
        ("POST", "/users", {"usernames": ["carol", "a/b"]}, 400, None),
        ("POST", "/users", {"usernames": ["carol", 3]}, 400, None),
        ("POST", "/users", {"usernames": "carol"}, 400, None),
        ("POST", "/users", {"usernames": []}, 400, None),
        ("POST", "/users", {"usernames": ["carol"], "x": 1}, 400, None),
        ("POST", "/users", {}, 400, None),
        ("POST", "/users", None, 400, None),
        ("PATCH", "/users/bob", {}, 200, model("bob")),
        ("PATCH", "/users/bob", {"name": "bob"}, 200, model("bob")),
        ("PATCH", "/users/bob", {"name": "Robert"}, 200, model("robert")),
        ("PATCH", "/users/bob", {"admin": True}, 200, model("bob", admin=True, roles=["admin", "user"])),
        ("PATCH", "/users/bob", {"admin": True, "name": "rob"}, 200, model("rob", admin=True, roles=["admin", "user"])),
        ("PATCH", "/users/bob", {"auth_state": None}, 200, model("bob")),
        ("PATCH", "/users/bob", {"name": "alice"}, 400, None),
        ("PATCH", "/users/bob", {"name": "a/b"}, 400, None),
        ("PATCH", "/users/bob", {"name": ""}, 400, None),
        ("PATCH", "/users/bob", {"name": None}, 400, None),
        ("PATCH", "/users/bob", {"admin": None}, 400, None),
        ("PATCH", "/users/bob", {"groups": []}, 400, None),
        ("PATCH", "/users/bob", {"roles": []}, 400, None),
        ("PATCH", "/users/bob", {"auth_state": 3}, 400, None),
        ("PATCH", "/users/bob", [], 400, None),
        ("PATCH", "/users/bob", None, 400, None),
        ("PATCH", "/users/none", {"name": "x"}, 404, None),
        ("DELETE", "/users/bob", None, 204, None),
        ("DELETE", "/users/none", None, 404, None),
        ("DELETE", "/users/alice", None, 400, None),
        ("POST", "/users/bob/admin-access", None, 403, None),
        ("PUT", "/users/bob", {}, 405, None),
    ],
)  # fmt: skip
async def test_what_an_administrator_is_answered(world, method, path, body, status, answer):
    response = await send(world, method, path, body)
    assert response.status_code == status, response.text
    if answer is not None:
        assert without_times(response.json()) == answer
    if status == 204:
        assert response.content == b""
        assert "content-type" not in response.headers
    if status >= 400:
        assert response.json()["message"]
        assert [user["name"] for user in (await world.get("/users")).json()] == ["alice", "bob"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("POST /users/dave", {"admin": True}),
        ("POST /users", {"usernames": ["dave"], "admin": True}),
        ("PATCH /users/bob", {"admin": True}),
        ("PATCH /users/alice", {"name": "alicia"}),
        ("PATCH /users/alice", {"admin": False}),
        ("PATCH /users/alice", {}),
    ],
)
async def test_scopes_alone_make_no_administrators(world: Client, path, body):
    """The service may do everything about users, but is no administrator."""
    method, _, url = path.partition(" ")
    service = world.with_token(SERVICE_TOKEN)
    assert (await send(service, method, url, body)).status_code == 403
    assert (await send(service, "PATCH", "/users/bob", {"name": "rob", "admin": False})).status_code == 200
    assert (await send(service, "POST", "/users/dave", {"admin": False})).status_code == 201


@pytest.mark.parametrize(
    ("scope", "keys"),
    [
        ("read:users", "kind name admin user_info roles groups server pending created last_activity"),
        ("read:users:name", "kind name admin user_info"),
        ("read:users:groups", "kind name groups"),
        ("read:users:activity", "kind name last_activity"),
        ("read:roles:users", "kind name admin roles"),
        ("read:servers", "kind name admin user_info servers"),
        ("list:users", "kind name admin user_info"),
    ],
)
async def test_a_model_shows_what_the_scope_allows(world: Client, scope, keys):
    for held in (scope, f"{scope}!user=bob"):
        caller = await token_of(world, "alice", held)
        assert set((await caller.get("/users/bob")).json()) == set(keys.split())
    await users(world, "carol")
    assert (await caller.get("/users/carol")).status_code == 404


async def test_what_the_login_says_about_a_user_is_shown(world: Client):
    row = users_table.by_name(world.hub.store.db, "bob")
    assert row is not None
    for info in ({"name": "Bob B."}, None):
        await world.hub.entities.users.ask(row.id, Change(user_info=info), by=HUB)
        assert (await world.get("/users/bob")).json()["user_info"] == info


async def test_a_user_goes_with_servers_tokens_and_roles(world: Client, autojump_clock: object):
    for server in ("server", "servers/lab"):
        await world.post(f"/users/bob/{server}")
    bob = await token_of(world, "bob")
    assert (await world.delete("/users/bob")).status_code == 204
    assert await world.hub.spawner.list_attempts() == []
    assert (await bob.get("/user")).status_code == 403
    await users(world, "bob")
    assert (await world.get("/users/bob/tokens")).json() == {"api_tokens": []}


async def test_a_command_that_is_repeated_gives_its_answer_again(client: Client):
    for method, path, body in (
        ("POST", "/users/bob", None),
        ("POST", "/users", {"usernames": ["x", "y"]}),
        ("PATCH", "/users/x", {"admin": True}),
        ("DELETE", "/users/y", None),
    ):
        key = {"Idempotency-Key": method + path}
        first, second = [await client.request(method, path, json=body, headers=key) for _ in range(2)]
        assert (first.status_code, first.content) == (second.status_code, second.content)
        assert first.status_code < 300


async def test_many_who_create_the_same_users_at_once(client: Client):
    answers = []

    async def create(*names: str) -> None:
        answers.append(await client.post("/users", json={"usernames": list(names)}))

    async with trio.open_nursery() as nursery:
        for pair in ("ab", "bc", "ca"):
            nursery.start_soon(create, *pair)
    made = [user["name"] for answer in answers if answer.status_code == 201 for user in answer.json()]
    assert sorted(made) == ["a", "b", "c"]
    assert {answer.status_code for answer in answers} <= {201, 409}


# --- lists ---


async def listed(client: Client, query: str = "") -> list[str]:
    answer = await client.get(f"/users{query}")
    assert answer.status_code == 200, answer.text
    return [user["name"] for user in answer.json()]


@pytest.fixture
async def crowd(client: Client) -> Client:
    """With `autojump_clock`: alice, bob (ready), carol (spawning), dave_1, Erin (was running)."""
    await users(client, "bob", "carol", "dave_1", "Erin")
    await client.post("/users/bob/server")
    await client.post("/users/carol/servers/lab", json={"simulate": {"delay": 10_000}})
    await client.post("/users/erin/server")
    await client.delete("/users/erin/server")
    await client.post("/users/dave_1/servers/lab", json={"simulate": {"fail": "no room"}})
    return client


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "alice bob carol dave_1 erin"),
        ("?state=", "alice bob carol dave_1 erin"),
        ("?state=active", "bob carol"),
        ("?state=ready", "bob"),
        ("?state=inactive", "alice dave_1 erin"),
        ("?state=running", "bob"),
        ("?state=running&limit=1&offset=1", ""),
        ("?state=pending", "carol"),
        ("?state=failed", "dave_1"),
        ("?name_filter=A", "alice carol dave_1"),
        ("?name_filter=e_1", "dave_1"),
        ("?name_filter=r%25n", "erin"),
        ("?name_filter=_a", "carol dave_1"),
        ("?name_filter=&limit=2", "alice bob"),
        ("?state=inactive&name_filter=e&offset=1", "dave_1 erin"),
        ("?sort=id&offset=-1&limit=-2", "bob carol"),
        ("?sort=-id", "erin dave_1 carol bob alice"),
        ("?sort=-name&limit=0", "erin"),
        ("?sort=name&limit=1&limit=2", "alice bob"),
        ("?state=ready&limit=1&offset=1", ""),
    ],
)
async def test_lists(crowd, query, expected, autojump_clock):
    assert await listed(crowd, query) == expected.split()


async def test_sorting_by_activity(client: Client):
    await users(client, "bob", "carol", "dave")
    for name, year in (("bob", 2021), ("dave", 2020)):
        await client.post(f"/users/{name}/activity", json={"last_activity": f"{year}-01-01"})
    await client.hub.activity.record()
    assert await listed(client, "?sort=last_activity&name_filter=_%25") == ["carol", "dave", "bob", "alice"]
    assert await listed(client, "?sort=-last_activity") == ["alice", "bob", "dave", "carol"]


async def test_sorting_by_activity_that_is_not_recorded_yet(client: Client):
    await users(client, "bob", "carol", "dave")
    seen = {"bob": datetime(2020, 1, 1, tzinfo=UTC), "dave": datetime(2021, 1, 1, tzinfo=UTC)}
    for name, at in seen.items():
        await client.post(f"/users/{name}/activity", json={"last_activity": at.isoformat()})
    await client.hub.activity.record()
    await client.post("/users/bob/activity", json={"last_activity": "2022-01-01"})
    shown = (await client.get("/users?sort=-last_activity")).json()
    assert [user["name"] for user in shown] == ["alice", "bob", "dave", "carol"]
    assert shown[1]["last_activity"] == "2022-01-01T00:00:00Z"
    assert await listed(client, "?sort=last_activity&limit=2&offset=1") == ["dave", "bob"]


@pytest.mark.parametrize(
    "query",
    ["state=gone", "sort=", "sort=age", "sort=--name", "limit=x", "limit=", "offset=1.5"],
)
async def test_lists_that_cannot_be(client: Client, query):
    assert (await client.get(f"/users?{query}")).status_code == 400


@pytest.mark.parametrize(
    ("query", "total", "names"),
    [
        ("limit=2&offset=1", 5, "bob carol"),
        ("state=active", 2, "bob carol"),
        ("state=ready", 2, "bob"),
        ("state=running", 1, "bob"),
        ("state=inactive&limit=1", 3, "alice"),
        ("name_filter=e", 3, "alice dave_1 erin"),
    ],
)
async def test_totals(crowd, query, total, names, autojump_clock):
    page = (await crowd.get(f"/users?{query}", headers=PAGES)).json()
    assert page["_pagination"]["total"] == total
    assert [user["name"] for user in page["items"]] == names.split()


@pytest.mark.parametrize(
    ("scopes", "query", "names", "total"),
    [
        (["list:users!user=bob"], "", "bob", 1),
        (["list:users!user=bob", "list:users!user=none"], "", "bob", 1),
        (["list:users!group=g"], "", "carol dave_1", 2),
        (
            ["list:users!group=g", "list:users!user=alice", "list:users!user=carol"],
            "",
            "alice carol dave_1",
            3,
        ),
        (["list:users!group=g"], "state=active", "carol", 1),
        (["list:users!group=g"], "name_filter=dave&limit=1", "dave_1", 1),
        (["users!group=g"], "limit=1", "carol", 2),
    ],
)
async def test_lists_hold_only_what_the_caller_may_list(crowd, scopes, query, names, total, autojump_clock):
    await group(crowd, "g", "carol", "dave_1")
    caller = await token_of(crowd, "alice", *scopes)
    page = (await caller.get(f"/users?{query}", headers=PAGES)).json()
    assert [user["name"] for user in page["items"]] == names.split()
    assert page["_pagination"]["total"] == total


@pytest.mark.parametrize("scope", ["list:users!server=bob/", "read:users", "list:groups"])
async def test_who_may_not_list_is_told_so(world: Client, scope):
    caller = await token_of(world, "alice", scope)
    answer = await caller.get("/users")
    assert answer.status_code == 403
    assert "list:users" in answer.json()["message"]


async def test_stopped_servers_are_listed_if_asked_for(crowd: Client, autojump_clock: object):
    for query, expected in (("", 0), ("?include_stopped_servers", 1), ("?include_stopped_servers=False", 0)):
        model = (await crowd.get(f"/users/erin{query}")).json()
        assert len(model["servers"]) == expected
    by_name = {user["name"]: user for user in (await crowd.get("/users?include_stopped_servers=1")).json()}
    assert by_name["erin"]["servers"][""]["stopped"] is True


# --- names ---


async def test_names_are_mapped_and_must_match():
    settings = settings_for_tests()
    names = AuthenticatorSettings(
        admin_users={"alice"}, username_pattern="[a-y]", username_map={"bobby": "bob"}, allow_all=True
    )
    async with (
        hub_in_memory(replace(settings, authenticator=names)) as hub,
        Client(hub, ADMIN_TOKEN) as client,
    ):
        assert (await client.post("/users/Bobby")).json()["name"] == "bob"
        assert (await client.post("/users", json={"usernames": ["bobby"]})).status_code == 409
        assert (await client.post("/users/zoe")).status_code == 400
        assert (await client.post("/users", json={"usernames": ["carol", "zoe"]})).status_code == 400
        assert (await client.patch("/users/bob", json={"name": "zoe"})).status_code == 400
        assert (await client.patch("/users/bob", json={"name": "dave_9"})).json()["name"] == "dave_9"


async def test_a_rename_keeps_everything(world: Client, autojump_clock: object):
    bob = await token_of(world, "bob")
    created = (await world.get("/users/bob")).json()["created"]
    await world.post("/users/bob/servers/lab")
    await world.patch("/users/bob", json={"name": "rob"})
    assert (await world.get("/users/bob")).status_code == 404
    model = (await world.get("/users/rob")).json()
    assert model["created"] == created
    lab = model["servers"]["lab"]
    assert (lab["url"], lab["full_name"]) == ("/user/bob/lab/", "rob/lab")
    assert lab["progress_url"] == "/hub/api/users/rob/servers/lab/progress"
    assert (await bob.get("/user")).json()["name"] == "rob"
    await world.delete("/users/rob/servers/lab")
    await world.post("/users/rob/servers/lab")
    model = (await world.get("/users/rob")).json()
    assert model["servers"]["lab"]["url"] == "/user/rob/lab/"


async def test_an_old_name_serves_a_running_server_and_nobody_else(world: Client, autojump_clock: object):
    await world.post("/users/bob/server")
    attempt = (await world.hub.spawner.list_attempts())[0]
    own = world.with_token(world.hub.launch.token(attempt))
    visitor = await token_of(world, "bob", "access:servers!user")
    await world.patch("/users/bob", json={"name": "rob"})

    assert (await own.post("/users/bob/activity", json={"last_activity": "2020-01-01"})).status_code == 200
    assert (await own.get("/user")).json()["name"] == "rob"
    rob = await token_of(world, "rob")
    held = (await rob.get("/user")).json()["scopes"]
    assert {"access:servers!user=rob", "access:servers!user=bob"} <= set(held)
    assert "servers!user=bob" not in held
    assert (await rob.get("/users/bob")).status_code == 404
    assert (await visitor.get("/user")).json()["name"] == "rob"

    assert (await world.post("/users/bob")).status_code == 409
    assert (await world.post("/users", json={"usernames": ["bob"]})).status_code == 409
    assert (await world.patch("/users/alice", json={"name": "bob"})).status_code == 400
    assert names.holder_of(world.hub.store.db, "user", "bob") is not None

    await world.delete("/users/rob/server")
    assert (await own.post("/users/bob/activity", json={"last_activity": "2020-01-01"})).status_code == 403
    assert "access:servers!user=bob" not in (await rob.get("/user")).json()["scopes"]
    assert (await world.post("/users/bob")).status_code == 201


async def test_one_may_go_back_to_an_old_name(world: Client, autojump_clock: object):
    await world.post("/users/bob/server")
    for name in ("rob", "robert", "bob"):
        old = "bob" if name == "rob" else "rob" if name == "robert" else "robert"
        assert (await world.patch(f"/users/{old}", json={"name": name})).status_code == 200
    assert names.aliases(world.hub.store.db) == []
    assert (await world.post("/users/rob")).status_code == 201


# --- activity ---


FUTURE = (datetime.now(UTC) + timedelta(hours=3)).isoformat()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"last_activity": "2021-03-04T05:06:07Z"}, 200),
        ({"last_activity": "2021-03-04 06:06:07+01:00"}, 200),
        ({"last_activity": "4 March 2021 05:06:07"}, 200),
        ({"servers": {"": {"last_activity": "2021-03-04T05:06:07Z"}}}, 200),
        ({"last_activity": "2021-03-04", "servers": {"": {"last_activity": "2021-03-04", "more": 1}}}, 200),
        ({"last_activity": FUTURE}, 400),
        ({"last_activity": "soon"}, 400),
        ({"last_activity": 12}, 400),
        ({"servers": {"none": {"last_activity": "2021-03-04"}}}, 400),
        ({"last_activity": "2021-03-04", "servers": {"none": {"last_activity": "2021-03-04"}}}, 400),
        ({"servers": {"": {}}}, 400),
        ({"servers": {"": "2021-03-04"}}, 400),
        ({"servers": {"": {"last_activity": FUTURE}}}, 400),
        ({"servers": []}, 400),
        ({}, 400),
        ([], 400),
        ("x", 400),
        (None, 400),
    ],
)
async def test_activity(world: Client, body, status):
    answer = await send(world, "POST", "/users/bob/activity", body)
    assert answer.status_code == status, answer.text
    seen = (await world.get("/users/bob")).json()["last_activity"]
    if status == 400:
        assert seen is None
    elif "last_activity" in body:
        assert answer.content == b""
        assert seen.startswith("2021-03-04T0")


async def test_activity_never_moves_backwards(world: Client):
    for text in ("2021-03-04T05:06:07Z", "2020-01-01"):
        await world.post("/users/bob/activity", json={"last_activity": text})
        await world.hub.activity.record()
    assert (await world.get("/users/bob")).json()["last_activity"] == "2021-03-04T05:06:07Z"


async def test_admin_access_when_it_is_on(monkeypatch: pytest.MonkeyPatch):
    async with (
        hub_in_memory(settings_for_tests(admin_access=True)) as hub,
        Client(hub, ADMIN_TOKEN) as client,
    ):
        answer = await client.post("/users/alice/admin-access")
        assert (answer.status_code, answer.content) == (200, b"")
        assert (await client.post("/users/none/admin-access")).status_code == 404


# --- many ---


async def test_a_page_of_ten_thousand_is_as_quick_as_one_of_a_hundred(client: Client):
    """Counted in steps of the database's machine, not in seconds."""

    async def steps() -> int:
        count = 0

        def step() -> None:
            nonlocal count
            count += 1

        db = client.hub.store.db
        db.set_progress_handler(step, 100)
        for query in ("", "?state=inactive", "?sort=-last_activity", "?sort=name"):
            await client.get(f"/users{query}", headers=PAGES)
        db.set_progress_handler(None, 0)
        return count

    async def fill(first: int, last: int) -> None:
        for start in range(first, last, 1000):
            await users(client, *(f"user{number}" for number in range(start, min(start + 1000, last))))

    await fill(0, 200)
    few = await steps()
    await fill(200, 10_000)
    assert await steps() < 3 * few


async def test_why_last_starts_failed_is_told_to_who_asks(crowd: Client, autojump_clock: object) -> None:
    asked = "include_stopped_servers&include_failures"
    of_one = (await crowd.get(f"/users/dave_1?{asked}")).json()["servers"]
    assert {name: server["failure"] for name, server in of_one.items()} == {"": None, "lab": "no room"}
    (of_list,) = (await crowd.get(f"/users?state=failed&{asked}")).json()
    assert of_list["servers"] == of_one
    for query in ("include_stopped_servers", "include_stopped_servers&include_failures=0"):
        usual = (await crowd.get(f"/users/dave_1?{query}")).json()["servers"]
        assert all("failure" not in server for server in usual.values())
