"""A token for who has none yet: by what the body says instead of an Authorization header."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from msgspec.structs import replace

from core.naming.names import MAX_USER_NAME
from core.settings import AuthenticatorSettings, DummySettings
from tests.conftest import ADMIN_TOKEN, Client, hub_in_memory, settings_for_tests
from tests.unit.web.api.rights_world import users

GOOD = {"username": "bob", "password": "pw"}


@pytest.fixture
async def client():
    settings = replace(
        settings_for_tests(),
        authenticator=AuthenticatorSettings(allow_all=True, admin_users={"alice"}, blocked_users={"mallory"}),
        dummy=DummySettings("pw"),
    )
    async with hub_in_memory(settings) as hub, Client(hub, ADMIN_TOKEN) as admin:
        await users(admin, "bob", "carol", "mallory")
        yield admin.with_token(None)
    hub.store.close()


@pytest.mark.parametrize(
    ("user", "body", "status"),
    [
        ("bob", {"auth": GOOD}, 201),
        ("bob", {"auth": {"username": "Bob", "password": "pw"}}, 201),
        ("bob", {"auth": {"username": "alice", "password": "pw"}}, 201),
        ("carol", {"auth": GOOD}, 403),
        ("nobody", {"auth": {"username": "alice", "password": "pw"}}, 403),
        ("nobody", {"auth": {"username": "nobody", "password": "pw"}}, 403),
        ("mallory", {"auth": {"username": "mallory", "password": "pw"}}, 403),
        ("bob", {"auth": {"username": "bob", "password": "wrong"}}, 403),
        ("bob", {"auth": {"username": "bob"}}, 403),
        ("bob", {"auth": {"username": "b" * (MAX_USER_NAME + 1), "password": "pw"}}, 403),
        ("bob", {"auth": {}}, 403),
        ("bob", {"auth": "bob"}, 403),
        ("bob", {"auth": None}, 403),
        ("bob", {}, 403),
        ("bob", None, 403),
        ("bob", ["auth"], 403),
        ("bob", {"auth": GOOD, "expires_in": -1}, 400),
        ("bob", {"auth": GOOD, "scopes": ["admin:users"]}, 400),
    ],
)
async def test_what_is_answered(client: Client, user: str, body: Any, status: int):
    response = await client.post(f"/users/{user}/tokens", json=body)
    assert response.status_code == status, response.text
    if status == 201:
        assert response.json()["user"] == "bob"
        me = await client.with_token(response.json()["token"]).get("/user")
        assert me.json()["name"] == "bob"


async def test_the_note_says_who_asked(client: Client):
    for name, note in (("bob", "Requested via api"), ("alice", "Requested via api by user alice")):
        auth = {"username": name, "password": "pw"}
        assert (await client.post("/users/bob/tokens", json={"auth": auth})).json()["note"] == note


async def test_a_token_that_is_none_does_not_stand_in_the_way(client: Client):
    response = await client.with_token("no-such-token").post("/users/bob/tokens", json={"auth": GOOD})
    assert response.status_code == 201


async def test_a_good_token_wins(client: Client):
    admin = client.with_token(ADMIN_TOKEN)
    wrong = {"username": "bob", "password": "wrong"}
    assert (await admin.post("/users/carol/tokens", json={"auth": wrong})).status_code == 201


async def test_no_other_route_takes_it(client: Client):
    assert (await client.post("/users/dave", json={"auth": GOOD})).status_code == 403
    assert (await client.post("/groups/g", json={"auth": GOOD})).status_code == 403


async def test_guessing_is_slowed_down_and_then_refused(client: Client, autojump_clock):
    statuses = []

    async def guess(number: int) -> None:
        body = {"auth": {"username": "bob", "password": f"guess-{number}"}}
        statuses.append((await client.post("/users/bob/tokens", json=body)).status_code)

    async with trio.open_nursery() as nursery:
        for number in range(30):
            nursery.start_soon(guess, number)
    assert set(statuses) == {403, 429}
