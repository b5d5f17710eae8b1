"""API tokens over HTTP, in memory."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.events.record import HUB
from core.events.user import user_stream
from core.naming.ids import new_id
from core.scopes import NOTHING
from core.token import Issue, quick_digest
from projections import tokens as tokens_table
from projections import users as users_table
from tests.conftest import ADMIN_TOKEN, SERVICE_TOKEN, Client, hub_in_memory, settings_for_tests
from tests.unit.web.api.rights_world import send, token_of, users
from web.lifecycle.expiry import revoke_expired

KEYS = {
    *("user", "id", "kind", "roles", "scopes", "created", "last_activity", "expires_at", "note"),
    *("session_id", "oauth_client"),
}
IDENTIFY = ["read:users:groups!user=bob", "read:users:name!user=bob"]


@pytest.fixture
async def world(client: Client) -> Client:
    await users(client, "bob")
    return client


async def test_scopes_in_vain_are_accepted_with_a_warning(
    world: Client, caplog: pytest.LogCaptureFixture
) -> None:
    asked = {"scopes": ["servers!server=bob", "servers!server=bob/"]}
    answer = await world.post("/users/bob/tokens", json=asked)
    assert answer.status_code == 201, answer.text
    (warned,) = (record for record in caplog.records if record.name == "callboard.tokens")
    assert "'servers!server=bob' matches nothing: a server is written USER/SERVER" in warned.getMessage()
    holder = world.with_token(answer.json()["token"])
    assert (await holder.post("/users/bob/server")).status_code == 201
    narrow = (await world.post("/users/bob/tokens", json={"scopes": ["servers!server=bob"]})).json()
    assert (await world.with_token(narrow["token"]).delete("/users/bob/server")).status_code == 403


@pytest.mark.parametrize(
    "scope",
    ["servers!server=bob", "servers!server=/x", "users!user=bob!group=g", "self!user=bob"],
)
async def test_a_hub_starts_with_roles_in_vain_and_says_so(
    scope: str, caplog: pytest.LogCaptureFixture
) -> None:
    role = {"name": "odd-one", "scopes": [scope], "services": ["ops"]}
    async with hub_in_memory(settings_for_tests(load_roles=[role])) as hub:
        assert f"Role 'odd-one': Scope {scope!r} matches nothing" in caplog.text
        assert hub.rights.of_service("ops") == NOTHING


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        (None, 201, {"note": "Requested via api by user alice", "expires_at": None}),
        ({}, 201, {"note": "Requested via api by user alice", "roles": [], "session_id": None}),
        ({"note": "for the lab"}, 201, {"note": "for the lab", "oauth_client": "JupyterHub"}),
        ({"note": "", "unknown": 1}, 201, {"note": "Requested via api by user alice"}),
        ({"note": None, "expires_in": None, "scopes": None, "roles": None}, 201, {"expires_at": None}),
        ({"scopes": ["read:users:name!user=bob"]}, 201, {"scopes": IDENTIFY}),
        ({"scopes": ["read:users:activity!user"]}, 201, {"scopes": ["read:users:activity!user=bob", *IDENTIFY]}),
        ({"scopes": []}, 201, {"scopes": IDENTIFY}),
        ({"scopes": ["servers!server=x"]}, 201, {"scopes": IDENTIFY}),  # no server is written so
        ({"scopes": ["tokens!user=bob!group=b", "self!user=bob"]}, 201, {"scopes": IDENTIFY}),
        ({"scopes": ["servers!user="]}, 400, "empty"),
        ({"roles": ["token"]}, 201, {"kind": "api_token"}),
        ({"roles": ["user"]}, 201, {"user": "bob"}),
        ({"expires_in": True}, 201, {}),
        ({"note": 3}, 400, None),
        ({"scopes": ["read:users"]}, 400, "read:users"),
        ({"scopes": ["self", "admin:users!user=bob", "proxy"]}, 400, "admin:users!user=bob, proxy"),
        ({"scopes": ["nonsense"]}, 400, "nonsense"),
        ({"scopes": ["read:users!colour=red"]}, 400, "colour"),
        ({"scopes": "self"}, 400, None),
        ({"scopes": [1]}, 400, None),
        ({"roles": ["nonsense"]}, 400, "nonsense"),
        ({"roles": ["admin"]}, 400, "admin:users"),
        ({"roles": ["user"], "scopes": []}, 400, "not both"),
        ({"expires_in": 0}, 400, None),
        ({"expires_in": -1}, 400, None),
        ({"expires_in": False}, 400, None),
        ({"expires_in": "1"}, 400, None),
        ({"expires_in": 1.5}, 400, None),
        ({"expires_in": 10**15}, 400, None),
        ([], 400, None),
        ("x", 400, None),
    ],
)  # fmt: skip
async def test_issue(world: Client, body: Any, status: int, expected: Any):
    answer = await send(world, "POST", "/users/bob/tokens", body)
    assert answer.status_code == status, answer.text
    model = answer.json()
    if status != 201:
        assert (expected or "") in model["message"]
        assert (await world.get("/users/bob/tokens")).json() == {"api_tokens": []}
        return
    secret = model.pop("token")
    assert set(model) == KEYS
    assert {key: model[key] for key in expected} == expected
    listed = (await world.get("/users/bob/tokens")).json()
    assert listed == {"api_tokens": [model]}
    assert (await world.get(f"/users/bob/tokens/{model['id']}")).json() == model
    mine = (await world.with_token(secret).get("/user")).json()
    assert (mine["name"], mine["token_id"]) == ("bob", model["id"])


@pytest.mark.parametrize(
    ("scopes", "owner", "statuses"),
    [
        (["tokens"], "bob", [200, 201, 200, 204]),
        (["tokens!user=bob"], "bob", [200, 201, 200, 204]),
        (["tokens!user=alice"], "bob", [404, 403, 404, 404]),
        (["read:tokens"], "bob", [200, 403, 200, 403]),
        (["users"], "bob", [403, 403, 403, 403]),
        (["tokens"], "none", [404, 403, 404, 404]),
    ],
)
async def test_who_may_what(world: Client, scopes, owner, statuses):
    made = (await world.post("/users/bob/tokens")).json()["id"]
    caller = await token_of(world, "alice", *scopes)
    answers = [
        (await caller.request(method, f"/users/{owner}/tokens{rest}")).status_code
        for method, rest in (("GET", ""), ("POST", ""), ("GET", f"/{made}"), ("DELETE", f"/{made}"))
    ]
    assert answers == statuses


async def test_the_note_says_who_asked(world: Client):
    bob = await token_of(world, "bob")
    for caller, note in ((bob, ""), (world.with_token(SERVICE_TOKEN), " by service ops")):
        answer = await caller.post("/users/bob/tokens")
        assert answer.json()["note"] == f"Requested via api{note}"


async def test_a_revoked_token_is_of_no_use_at_once(world: Client):
    bob = await token_of(world, "bob")
    own = (await bob.get("/user")).json()["token_id"]
    assert (await bob.delete(f"/users/bob/tokens/{own}")).status_code == 204
    assert (await bob.get("/user")).status_code == 403
    assert (await world.delete(f"/users/bob/tokens/{own}")).status_code == 404


async def test_tokens_of_others_do_not_exist(world: Client):
    mine = (await world.post("/users/alice/tokens")).json()["id"]
    for method in ("GET", "DELETE"):
        assert (await world.request(method, f"/users/bob/tokens/{mine}")).status_code == 404
        assert (await world.request(method, "/users/bob/tokens/a1")).status_code == 404


async def test_the_list_begins_with_the_least_recently_used(world: Client):
    made = [
        await token_of(world, "bob", f"read:users:{what}!user") for what in ("name", "groups", "activity")
    ]
    used = [(await made[number].get("/user")).json()["token_id"] for number in (1, 2, 0)]
    listed = (await world.get("/users/bob/tokens")).json()["api_tokens"]
    assert [token["id"] for token in listed] == used


async def test_expired_tokens_are_gone(world: Client):
    row = users_table.by_name(world.hub.store.db, "bob")
    assert row is not None
    past = datetime.now(UTC) - timedelta(seconds=1)
    issue = Issue(user_stream(row.id), quick_digest("secret"), ["inherit"], expires_at=past)
    await world.hub.entities.tokens.ask(token_id := new_id("t"), issue, by=HUB)
    assert (await world.with_token("secret").get("/user")).status_code == 403
    assert (await world.get("/users/bob/tokens")).json() == {"api_tokens": []}
    assert (await world.get(f"/users/bob/tokens/{token_id}")).status_code == 404


async def test_the_longest_life_is_also_the_usual_one():
    settings = settings_for_tests(token_expires_in_max_seconds=60)
    async with hub_in_memory(settings) as hub, Client(hub, ADMIN_TOKEN) as client:
        for body, status in (({}, 201), ({"expires_in": 60}, 201), ({"expires_in": 61}, 400)):
            answer = await client.post("/users/alice/tokens", json=body)
            assert answer.status_code == status
            if status == 201:
                expires = datetime.fromisoformat(answer.json()["expires_at"])
                assert timedelta(seconds=50) < expires - datetime.now(UTC) <= timedelta(seconds=60)


async def test_a_token_loses_at_once_what_its_owner_loses_and_regains_it(world: Client):
    await world.patch("/users/bob", json={"admin": True})
    bob = await token_of(world, "bob", "list:users", "self")
    for admin, status in ((True, 200), (False, 403), (True, 200)):
        await world.patch("/users/bob", json={"admin": admin})
        assert (await bob.get("/users")).status_code == status


async def test_the_token_of_a_server_ends_with_it_or_before(world: Client, autojump_clock: object):
    await world.post("/users/bob/server")
    attempt = (await world.hub.spawner.list_attempts())[0]
    own = world.with_token(world.hub.launch.token(attempt))
    (model,) = (await world.get("/users/bob/tokens")).json()["api_tokens"]
    assert (model["note"], model["id"]) == ("Server at /user/bob/", attempt)
    assert {"users:activity!user=bob", "access:servers!server=bob/"} <= set(model["scopes"])
    assert "servers!user=bob" not in model["scopes"]
    assert (await own.post("/users/bob/server")).status_code == 403
    assert (await world.delete(f"/users/bob/tokens/{attempt}")).status_code == 204
    assert (await own.get("/user")).status_code == 403
    assert (await world.get("/users/bob")).json()["servers"][""]["ready"] is True
    await world.delete("/users/bob/server")
    await world.post("/users/bob/server")
    assert len((await world.get("/users/bob/tokens")).json()["api_tokens"]) == 1


async def test_a_token_by_oauth_takes_those_of_its_client_with_it(world: Client):
    row = users_table.by_name(world.hub.store.db, "bob")
    assert row is not None
    ids = {name: new_id("t") for name in "abc"}
    for name, client in (("a", "service-x"), ("b", "service-x"), ("c", "service-y")):
        issue = Issue(user_stream(row.id), quick_digest(name), ["inherit"], client=client)
        await world.hub.entities.tokens.ask(ids[name], issue, by=HUB)
    assert (await world.delete(f"/users/bob/tokens/{ids['a']}")).status_code == 204
    left = tokens_table.of_owner(world.hub.store.db, user_stream(row.id))
    assert [token.id for token in left] == [ids["c"]]


async def test_a_repeated_request_for_a_token_does_not_show_it_again(world: Client):
    key = {"Idempotency-Key": "k"}
    first, second = [await world.post("/users/bob/tokens", headers=key) for _ in range(2)]
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] == second.json()["id"]
    assert "token" not in second.json()
    assert len((await world.get("/users/bob/tokens")).json()["api_tokens"]) == 1


async def test_expired_tokens_are_swept_up(world: Client):
    row = users_table.by_name(world.hub.store.db, "bob")
    assert row is not None
    now = datetime.now(UTC)
    for name, seconds in (("old", -1), ("older", -60), ("young", 60)):
        issue = Issue(
            user_stream(row.id), quick_digest(name), [], expires_at=now + timedelta(seconds=seconds)
        )
        await world.hub.entities.tokens.ask(new_id("t"), issue, by=HUB)
    await revoke_expired(world.hub.store.db, world.hub.entities, now)
    left = tokens_table.of_owner(world.hub.store.db, user_stream(row.id))
    assert [token.digest for token in left] == [quick_digest("young")]
