"""Roles as a configuration loads them: what it grants, what a later one takes away, and what it cannot say."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

import projections
from core.errors import InvalidError
from core.events.file.store import EventStore
from core.settings import AuthenticatorSettings, GroupSettings, ServiceSettings, Settings, SpawnerSettings
from tests.conftest import ADMIN_TOKEN, SERVICE_TOKEN, Client, hub_in_memory, settings_for_tests
from tests.unit.web.api.rights_world import group, token_of, users


def settings(*roles: dict[str, Any], admins: frozenset[str] = frozenset({"alice"}), **hub: Any) -> Settings:
    made = settings_for_tests(load_roles=list(roles), **hub)
    return replace(made, authenticator=AuthenticatorSettings(admin_users=set(admins), allow_all=True))


def a_store() -> EventStore:
    return EventStore(":memory:", projections.ALL, threaded=False)


def recorded(store: EventStore) -> list[str]:
    """The types of all events but those of the hub itself."""
    rows = store.db.execute("SELECT type FROM events WHERE stream != 'hub' ORDER BY position").fetchall()
    return [kind for (kind,) in rows]


TUTOR = {"name": "tutor", "scopes": ["read:users"]}


async def roles_in(store: EventStore, wanted: Settings, user: str) -> list[str]:
    async with hub_in_memory(wanted, store=store) as hub:
        row = projections.users.by_name(store.db, user)
        assert row is not None
        return hub.rights.roles_of_user(row)


async def test_a_start_with_the_configuration_of_the_last_one_records_nothing():
    wanted = settings(
        {**TUTOR, "users": ["Bob"], "groups": ["math"], "services": ["ops"]},
        {"name": "admin", "users": ["alice", "carol"], "services": ["ops"]},
        {"name": "user", "description": "People.", "users": ["dave"]},
        load_groups={"math": GroupSettings(["erin"], {"x": 1}), "old": GroupSettings(["bob"])},
        extra_user_scopes={"shares!user"},
        custom_scopes={"custom:grades:read": {"description": "Read grades."}},
    )
    store = a_store()
    async with hub_in_memory(wanted, store=store):
        pass
    first = recorded(store)
    async with hub_in_memory(wanted, store=store):
        pass
    assert recorded(store) == first
    assert first.count("user.created") == 5


@pytest.mark.parametrize(
    ("before", "after", "held"),
    [
        ([{**TUTOR, "users": ["bob"]}], [{**TUTOR, "users": ["bob"]}], ["user", "tutor"]),
        ([{**TUTOR, "users": ["bob"]}], [{**TUTOR, "users": ["carol"]}], ["user"]),
        ([{**TUTOR, "users": ["bob"]}], [TUTOR], ["user"]),
        ([{**TUTOR, "users": ["bob"]}], [], ["user"]),
        ([{"name": "admin", "users": ["alice", "bob"]}], [], ["admin", "user"]),
        ([{"name": "admin", "users": ["alice", "bob"]}], [{"name": "admin"}], ["admin", "user"]),
        ([{"name": "admin", "users": ["alice", "bob"]}], [{"name": "admin", "users": ["alice"]}], ["user"]),
        ([{"name": "user", "users": ["bob"]}], [{"name": "user", "users": []}], []),
        ([{"name": "user", "users": []}], [{"name": "user", "users": ["bob"]}], ["user"]),
        ([{"name": "user", "users": []}], [{"name": "user"}], ["user"]),
        ([{"name": "server", "users": ["bob"]}], [{"name": "server", "users": ["bob"]}], ["user", "server"]),
        ([{"name": "server", "users": ["bob"]}], [], ["user"]),
    ],
)
async def test_who_holds_a_role_after_another_start(before, after, held):
    store = a_store()
    async with hub_in_memory(settings(*before), store=store) as hub, Client(hub, ADMIN_TOKEN) as client:
        if projections.users.by_name(store.db, "bob") is None:
            await users(client, "bob")
    assert await roles_in(store, settings(*after), "bob") == held


async def test_the_admin_flag_is_the_role():
    store = a_store()
    assert await roles_in(store, settings(), "alice") == ["admin", "user"]
    listed = settings({"name": "admin", "users": ["bob"]})
    assert await roles_in(store, listed, "alice") == ["user"], (
        "who is not listed loses it, whatever admin_users says"
    )
    assert await roles_in(store, listed, "bob") == ["admin", "user"]
    assert await roles_in(store, settings(), "bob") == ["admin", "user"], "once given it stays"


@pytest.mark.parametrize(
    ("services", "roles", "status"),
    [
        ([ServiceSettings("ops", api_token=SERVICE_TOKEN)], [], 403),
        ([ServiceSettings("ops", api_token=SERVICE_TOKEN, admin=True)], [], 201),
        (
            [ServiceSettings("ops", api_token=SERVICE_TOKEN, admin=True)],
            [{"name": "admin", "services": []}],
            403,
        ),
        ([ServiceSettings("ops", api_token=SERVICE_TOKEN)], [{"name": "admin", "services": ["ops"]}], 201),
        (
            [ServiceSettings("ops", api_token=SERVICE_TOKEN, admin=True)],
            [{"name": "admin", "users": ["alice"]}],
            201,
        ),
    ],
)
async def test_services_that_administer(services, roles, status):
    async with (
        hub_in_memory(settings(*roles, services=services)) as hub,
        Client(hub, SERVICE_TOKEN) as client,
    ):
        assert (await client.post("/users/zoe", json={"admin": True})).status_code == status


async def test_roles_of_groups_count_for_their_members_and_go_with_the_group():
    wanted = settings({**TUTOR, "groups": ["staff"]}, load_groups={"staff": GroupSettings(["bob"])})
    async with hub_in_memory(wanted) as hub, Client(hub, ADMIN_TOKEN) as client:
        await users(client, "carol")
        bob, carol = await token_of(client, "bob"), await token_of(client, "carol")
        assert (await client.get("/groups/staff")).json()["roles"] == ["tutor"]
        assert (await client.get("/users/bob")).json()["roles"] == ["user"]

        async def seen() -> list[int]:
            return [(await caller.get("/users/alice")).status_code for caller in (bob, carol)]

        assert await seen() == [200, 404]
        await client.post("/groups/staff/users", json={"users": ["carol"]})
        assert await seen() == [200, 200]
        await client.request("DELETE", "/groups/staff/users", json={"users": ["bob"]})
        assert await seen() == [404, 200]
        await client.delete("/groups/staff")
        assert await seen() == [404, 404]
        await group(client, "staff", "bob", "carol")
        assert await seen() == [404, 404], "a new group of that name is another group"


async def test_scopes_about_a_group_follow_who_is_in_it():
    wanted = settings({"name": "head", "scopes": ["read:users!group=math"], "users": ["bob"]})
    async with hub_in_memory(wanted) as hub, Client(hub, ADMIN_TOKEN) as client:
        await users(client, "carol", "dave")
        await group(client, "math", "carol")
        head = await token_of(client, "bob", "read:users!group=math")
        cut = await token_of(client, "bob", "read:users!user=carol", "read:users!group=math")
        for caller in (head, cut):
            statuses = [(await caller.get(f"/users/{name}")).status_code for name in ("carol", "dave")]
            assert statuses == [200, 404]
        await client.request("DELETE", "/groups/math/users", json={"users": ["carol"]})
        for caller in (head, cut):
            assert (await caller.get("/users/carol")).status_code == 404


async def test_custom_and_extra_scopes_reach_those_who_hold_them():
    custom = {
        "custom:grades:write": {"description": "Write grades.", "subscopes": ["custom:grades:read"]},
        "custom:grades:read": {"description": "Read grades."},
    }
    wanted = settings(
        {"name": "tutor", "scopes": ["custom:grades:write!group=math"], "users": ["bob"]},
        custom_scopes=custom,
        extra_user_scopes={"custom:grades:read!user"},
    )
    async with hub_in_memory(wanted) as hub, Client(hub, ADMIN_TOKEN) as client:
        await group(client, "math")
        bob = await token_of(client, "bob")
        held = (await bob.get("/user")).json()["scopes"]
        assert {f"custom:grades:{what}!group=math" for what in ("read", "write")} <= set(held)
        assert "custom:grades:read!user=bob" in held
        narrow = await token_of(client, "bob", "custom:grades:read!group=math")
        assert "custom:grades:read!group=math" in (await narrow.get("/user")).json()["scopes"]


async def test_the_role_server_says_what_servers_may(autojump_clock: object):
    wanted = settings(
        {"name": "server", "scopes": ["read:users!user", "admin:users", "access:servers!server"]}
    )
    async with hub_in_memory(wanted) as hub, Client(hub, ADMIN_TOKEN) as client:
        await users(client, "bob")
        for name in ("bob", "alice"):
            await client.post(f"/users/{name}/server")
        (of_bob,) = (await client.get("/users/bob/tokens")).json()["api_tokens"]
        assert not any("admin" in scope for scope in of_bob["scopes"])
        assert {"read:users!user=bob", "users:activity!user=bob"} <= set(of_bob["scopes"])
        listed = (await client.get("/users/alice/tokens")).json()["api_tokens"]
        (of_alice,) = [token for token in listed if token["note"].startswith("Server at")]
        assert "admin:users" in of_alice["scopes"]


async def test_a_server_gains_nothing_when_its_user_does(autojump_clock: object):
    wanted = settings({"name": "server", "scopes": ["admin:users"]})
    async with hub_in_memory(wanted) as hub, Client(hub, ADMIN_TOKEN) as client:
        await users(client, "bob")
        await client.post("/users/bob/server")
        await client.patch("/users/bob", json={"admin": True})
        (of_bob,) = (await client.get("/users/bob/tokens")).json()["api_tokens"]
        assert "admin:users" not in of_bob["scopes"]


async def test_server_token_scopes_stand_for_the_role(autojump_clock: object):
    wanted = replace(settings(), spawner=SpawnerSettings(server_token_scopes=["read:users!user"]))
    async with hub_in_memory(wanted) as hub, Client(hub, ADMIN_TOKEN) as client:
        await users(client, "bob")
        await client.post("/users/bob/server")
        (token,) = (await client.get("/users/bob/tokens")).json()["api_tokens"]
        assert "read:users!user=bob" in token["scopes"]
        assert "access:servers!server=bob/" not in token["scopes"]


@pytest.mark.parametrize(
    "wanted",
    [
        settings({"name": "x", "scopes": []}),
        settings({"name": "tutor", "scopes": ["nonsense"]}),
        settings({"name": "tutor", "services": ["none"]}),
        settings({"name": "admin", "scopes": ["self"]}),
        settings(TUTOR, TUTOR),
        settings({"name": "tutor", "users": ["a/b"]}),
        settings(custom_scopes={"custom:x": {"description": ""}}),
        settings(extra_user_scopes={"nonsense"}),
        settings(load_groups={"g": GroupSettings([" bob"])}),
        settings(admins=frozenset({"a/b"})),
        replace(settings(), spawner=SpawnerSettings(server_token_scopes=["nonsense"])),
    ],
)
async def test_what_makes_no_sense_stops_the_hub_before_anything_happens(wanted):
    store = a_store()
    with pytest.raises(InvalidError) as refused:
        async with hub_in_memory(wanted, store=store):
            pass
    assert "\n" not in refused.value.message
    assert store.head == 0


async def test_a_burst_of_starts_does_not_throw_what_is_known_of_rights_away(
    client: Client, autojump_clock: object
):
    await users(client, "bob")
    bob = await token_of(client, "bob")
    await bob.get("/user")
    row = projections.users.by_name(client.hub.store.db, "bob")
    assert row is not None
    known = client.hub.rights.of_user(row)
    await client.post("/users/bob/server")
    await client.post("/users/carol")
    await client.post("/users/bob/servers/lab")
    await client.delete("/users/bob/servers/lab")
    await client.post("/users/carol/tokens")
    assert client.hub.rights.of_user(row) is known
    await client.patch("/users/bob", json={"admin": True})
    assert client.hub.rights.of_user(projections.users.by_name(client.hub.store.db, "bob")) is not known
