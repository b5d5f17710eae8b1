"""Why somebody may do something, over HTTP, in memory."""

from __future__ import annotations

from typing import Any

import pytest

from core.settings import GroupSettings
from tests.conftest import ADMIN_TOKEN, SERVICE_TOKEN, Client, hub_in_memory, settings_for_tests
from tests.unit.web.api.rights_world import token_of, users

ROLES = [
    {"name": "ops", "services": ["ops"], "scopes": ["admin:users", "admin:servers", "tokens"]},
    {"name": "tutor", "groups": ["staff"], "scopes": ["read:users", "servers!group=math"]},
]
GROUPS = {"staff": GroupSettings(["bob"]), "math": GroupSettings(["carol"])}


@pytest.fixture
async def world():
    async with (
        hub_in_memory(settings_for_tests(load_roles=ROLES, load_groups=GROUPS)) as hub,
        Client(hub, ADMIN_TOKEN) as client,
    ):
        yield client


async def ask(client: Client, **question: Any) -> dict[str, Any]:
    answer = await client.post("/explain", json=question)
    assert answer.status_code == 200, answer.text
    return answer.json()


STAFF = "group staff, role tutor"


@pytest.mark.parametrize(
    ("user", "method", "path", "through", "elsewhere", "missing"),
    [
        (
            "alice",
            "DELETE",
            "/users/bob/server",
            [("role admin", "admin:servers")],
            [("role user", "self")],
            [],
        ),
        (
            "bob",
            "DELETE",
            "/users/carol/server",
            [(STAFF, "servers!group=math")],
            [("role user", "self")],
            [],
        ),
        ("bob", "DELETE", "/users/bob/server", [("role user", "self")], [(STAFF, "servers!group=math")], []),
        (
            "bob",
            "DELETE",
            "/users/alice/servers/lab?x=1",
            [],
            [("role user", "self"), (STAFF, "servers!group=math")],
            ["delete:servers!server=alice/lab"],
        ),
        ("bob", "POST", "/users", [], [], ["admin:users"]),
        ("bob", "GET", "/users", [], [], ["list:users"]),
        ("alice", "GET", "/groups", [("role admin", "admin:groups")], [], []),
        ("bob", "DELETE", "/groups/math", [], [], ["delete:groups!group=math"]),
        ("bob", "GET", "/user", [], [], []),
        ("bob", "GET", "/", [], [], []),
    ],
)
async def test_answers(world, user, method, path, through, elsewhere, missing):
    told = await ask(world, user=user, method=method, path=f"/hub/api{path}")
    assert told["allowed"] is not bool(missing)
    assert [(grant["source"], grant["scope"]) for grant in told["through"]] == through
    assert [(grant["source"], grant["scope"]) for grant in told["elsewhere"]] == elsewhere
    assert told["missing"] == missing
    assert all(scope in told["message"] for scope in missing)


async def test_what_is_explained_is_what_happens(world: Client):
    clients = {"alice": world, "bob": await token_of(world, "bob"), "carol": await token_of(world, "carol")}
    for name, caller in clients.items():
        for path in (
            "/users",
            "/users/bob",
            "/users/carol",
            "/groups",
            "/groups/math",
            "/info",
            "/users/carol/tokens",
        ):
            told = await ask(world, user=name, path=f"/hub/api{path}")
            own = await ask(caller, path=f"/hub/api{path}")
            answer = await caller.get(path)
            assert told["allowed"] is own["allowed"] is (answer.status_code == 200), (name, path)
            if not told["allowed"]:
                assert all(scope in answer.json()["message"] for scope in told["missing"])


async def test_a_token_may_allow_less_than_its_owner(world: Client):
    narrow = await token_of(world, "bob", "read:users:name!user")
    told = await ask(narrow, method="POST", path="/hub/api/users/bob/server")
    assert told["allowed"] is False
    assert told["elsewhere"][0] == {"source": "role user; token narrows", "scope": "self"}
    assert told["missing"] == ["start:servers!server=bob/"]
    assert "token" in told["message"]
    listing = await ask(await token_of(world, "alice", "self"), path="/hub/api/users")
    assert (listing["allowed"], listing["missing"]) == (False, ["list:users"])


async def test_services_may_be_asked_about_and_ask(world: Client):
    service = world.with_token(SERVICE_TOKEN)
    told = await ask(service, path="/hub/api/users/bob")
    assert told["through"] == [
        {"source": "role ops", "scope": scope} for scope in ("admin:users", "admin:servers")
    ]
    assert await ask(world, service="ops", path="/hub/api/users/bob") == told
    assert (await ask(service, user="bob", path="/hub/api/proxy"))["allowed"] is False


@pytest.mark.parametrize(
    ("caller", "question", "status"),
    [
        ("bob", {"path": "/hub/api/user"}, 200),
        ("bob", {"path": "/hub/api/user", "user": "bob"}, 200),
        ("bob", {"path": "/hub/api/user", "user": "carol"}, 403),
        ("bob", {"path": "/hub/api/user", "user": "none"}, 403),
        ("bob", {"path": "/hub/api/user", "service": "ops"}, 403),
        ("alice", {"path": "/hub/api/user", "user": "none"}, 404),
        ("alice", {"path": "/hub/api/user", "service": "none"}, 404),
        ("alice", {"path": "/hub/api/user", "service": "ops", "user": "bob"}, 400),
        ("alice", {"path": "/hub/api/nothing"}, 404),
        ("alice", {"path": "nothing"}, 404),
        ("alice", {"path": "/hub/api/users/"}, 404),
        ("alice", {"path": "/hub/api/groups", "method": "PUT"}, 400),
        ("alice", {"path": "/hub/api/groups", "method": "put"}, 400),
        ("alice", {"path": "/hub/api/groups", "methods": "GET"}, 400),
        ("alice", {"path": 3}, 400),
        ("alice", {}, 400),
        ("", {"path": "/hub/api/user"}, 403),
    ],
)
async def test_statuses(world: Client, caller, question, status):
    client = world.with_token(None) if not caller else await token_of(world, caller)
    answer = await client.post("/explain", json=question)
    assert answer.status_code == status, answer.text


async def test_users_who_may_be_administered_may_be_asked_about(world: Client):
    await users(world, "dave")
    caller = await token_of(world, "alice", "admin:users!user=dave")
    assert (await ask(caller, user="dave", path="/hub/api/users/dave"))["allowed"] is True
    assert (await caller.post("/explain", json={"user": "bob", "path": "/hub/api/user"})).status_code == 403
