"""What logins keep for the hub's own use: encrypted, shown to few, given to hooks, gone with its user."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec.structs import replace

import projections
from core.events.file.store import EventStore
from core.events.record import HUB
from core.events.user import AuthStateChanged
from core.plugins.authenticator import Login
from core.plugins.hooks import trio_hook
from core.settings import AuthenticatorSettings, ConfigError, CryptSettings, SpawnerSettings
from projections import auth_states
from projections.rebuild import drift, rebuild
from tests.conftest import ADMIN_TOKEN, Client, hub_in_memory, settings_for_tests
from tests.unit.web.api.rights_world import send, token_of
from web.hub.hub import Hub

OLD, NEW = "00" * 32, "11" * 32
STATE = {"access_token": "very-secret", "scopes": ["a", "b"]}


@asynccontextmanager
async def hub_with(
    *keys: str, store: EventStore | None = None, enabled: bool = True, **spawner: Any
) -> AsyncIterator[Hub]:
    settings = replace(
        settings_for_tests(),
        authenticator=AuthenticatorSettings(allow_all=True, admin_users={"alice"}, enable_auth_state=enabled),
        crypt=CryptSettings(list(keys)),
        spawner=SpawnerSettings(**spawner),
    )
    async with hub_in_memory(settings, store=store) as hub:
        yield hub
    if store is None:
        hub.store.close()


async def bob_logs_in(hub: Hub, auth_state: dict[str, Any] | None = STATE) -> str:
    logged_in = await hub.acts.accounts.of_login(Login("bob", auth_state=auth_state))
    assert logged_in is not None
    return logged_in.user.id


def changes(hub: Hub) -> list[bool]:
    return [one.event.kept for one in hub.store.read_all() if isinstance(one.event, AuthStateChanged)]


# --- kept ---


async def test_what_a_login_keeps_is_the_state_of_the_last_one():
    async with hub_with(NEW) as hub:
        user = await bob_logs_in(hub)
        assert hub.logins.auth_states.of(user) == STATE
        await bob_logs_in(hub)
        await bob_logs_in(hub, {"other": 1})
        assert hub.logins.auth_states.of(user) == {"other": 1}
        await bob_logs_in(hub, None)
        assert hub.logins.auth_states.of(user) is None
        assert changes(hub) == [True, True, False], "the same again is no change"


async def test_the_secret_is_in_no_event_and_in_no_column_that_can_be_read():
    async with hub_with(NEW) as hub:
        await bob_logs_in(hub)
        assert "very-secret" not in "\n".join(hub.store.db.iterdump())


async def test_without_enable_auth_state_nothing_is_kept_and_what_was_goes():
    store = EventStore(":memory:", projections.ALL, threaded=False)
    async with hub_with(NEW, store=store) as hub:
        user = await bob_logs_in(hub)
    async with hub_with(NEW, store=store, enabled=False) as hub:
        assert hub.logins.auth_states.of(user) is None
        await bob_logs_in(hub)
        assert auth_states.sealed(store.db, user) is None
    store.close()


async def test_it_goes_with_its_user():
    async with hub_with(NEW) as hub:
        user = await bob_logs_in(hub)
        await hub.user_deletion.begin(user, by=HUB)
        await hub.user_deletion.wait_gone(user)
        assert auth_states.sealed(hub.store.db, user) is None


async def test_a_rebuild_of_the_tables_leaves_it_as_it_is():
    async with hub_with(NEW) as hub:
        user = await bob_logs_in(hub)
        assert drift(hub.store.db, projections.ALL) == []
        rebuild(hub.store.db, projections.ALL)
        assert hub.logins.auth_states.of(user) == STATE


# --- keys ---


async def test_a_hub_that_is_to_keep_it_and_has_no_key_does_not_start(monkeypatch):
    monkeypatch.delenv("JUPYTERHUB_CRYPT_KEY", raising=False)
    with pytest.raises(ConfigError, match="enable_auth_state"):
        async with hub_with():
            pass


async def test_the_key_may_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("JUPYTERHUB_CRYPT_KEY", OLD)
    async with hub_with() as hub:
        assert hub.logins.auth_states.of(await bob_logs_in(hub)) == STATE


async def test_a_new_first_key_takes_over_when_the_hub_starts_and_the_old_one_may_go():
    store = EventStore(":memory:", projections.ALL, threaded=False)
    async with hub_with(OLD, store=store) as hub:
        user = await bob_logs_in(hub)
    async with hub_with(NEW, OLD, store=store) as hub:
        await hub.logins.auth_states.reseal()
    async with hub_with(NEW, store=store) as hub:
        assert hub.logins.auth_states.of(user) == STATE
        assert changes(hub) == [True]
    store.close()


async def test_what_no_key_opens_is_nothing_until_the_next_login():
    store = EventStore(":memory:", projections.ALL, threaded=False)
    async with hub_with(OLD, store=store) as hub:
        user = await bob_logs_in(hub)
    async with hub_with(NEW, store=store) as hub:
        assert hub.logins.auth_states.of(user) is None
        await bob_logs_in(hub)
        assert hub.logins.auth_states.of(user) == STATE
    store.close()


# --- over the API ---


async def test_only_who_may_see_it_sees_it_and_only_in_the_model_of_the_one_user():
    async with hub_with(NEW) as hub, Client(hub, ADMIN_TOKEN) as client:
        await bob_logs_in(hub)
        assert (await client.get("/users/bob")).json()["auth_state"] == STATE
        listed = (await client.get("/users")).json()
        assert [one["auth_state"] for one in listed] == [None, None]
        bob = client.with_token(await token_of(client, "bob"))
        assert "auth_state" not in (await bob.get("/users/bob")).json()
        assert "auth_state" not in (await bob.get("/user")).json()


async def test_an_administrator_may_set_and_clear_it():
    async with hub_with(NEW) as hub, Client(hub, ADMIN_TOKEN) as client:
        user = await bob_logs_in(hub, None)
        for state in ({"a": 1}, {}, None):
            response = await send(client, "PATCH", "/users/bob", {"auth_state": state})
            assert (response.status_code, response.json()["auth_state"]) == (200, state)
            assert hub.logins.auth_states.of(user) == state
        assert changes(hub) == [True, True, False]


async def test_a_repeated_command_repeats_no_secret():
    async with hub_with(NEW) as hub, Client(hub, ADMIN_TOKEN) as client:
        await bob_logs_in(hub, None)
        headers = {"Idempotency-Key": "k1"}
        answers = [
            await client.patch("/users/bob", json={"auth_state": STATE}, headers=headers) for _ in range(2)
        ]
        assert [one.json()["auth_state"] for one in answers] == [STATE, None]
        assert "very-secret" not in "\n".join(hub.store.db.iterdump())


async def test_a_user_may_not_set_their_own():
    async with hub_with(NEW) as hub, Client(hub, ADMIN_TOKEN) as client:
        user = await bob_logs_in(hub, None)
        bob = client.with_token(await token_of(client, "bob"))
        assert (await send(bob, "PATCH", "/users/bob", {"auth_state": STATE})).status_code == 403
        assert hub.logins.auth_states.of(user) is None


async def test_a_hub_that_keeps_none_says_so():
    async with hub_with(NEW, enabled=False) as hub, Client(hub, ADMIN_TOKEN) as client:
        await bob_logs_in(hub, None)
        response = await send(client, "PATCH", "/users/bob", {"auth_state": STATE})
        assert response.status_code == 400
        assert "enable_auth_state" in response.json()["message"]


# --- for spawns ---


@pytest.mark.parametrize("state", [STATE, None])
async def test_a_hook_hands_it_to_the_server(state):
    told: list[Any] = []

    @trio_hook
    async def hook(spawner: Any, auth_state: dict[str, Any] | None) -> None:
        told.append(auth_state)
        spawner.environment["UPSTREAM"] = (auth_state or {}).get("access_token", "none")

    async with hub_with(NEW, auth_state_hook=hook) as hub, Client(hub, ADMIN_TOKEN) as client:
        await bob_logs_in(hub, state)
        assert (await client.post("/users/bob/server")).status_code in (201, 202)
    assert told == [state]
