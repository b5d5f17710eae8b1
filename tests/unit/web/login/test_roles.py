"""Roles that come from logins."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec.structs import replace

import projections
from core.config.roles import RoleError
from core.errors import ForbiddenError
from core.events.file.store import EventStore
from core.plugins.authenticator import Login
from core.settings import AuthenticatorSettings
from projections import roles, users
from tests.conftest import hub_in_memory, settings_for_tests
from web.hub.hub import Hub

LISTS = {"name": "lists-users", "description": "May see who is there.", "scopes": ["list:users"]}
WIDER = {**LISTS, "scopes": ["list:users", "read:users"]}


@asynccontextmanager
async def hub_with(store: EventStore | None = None, **authenticator: Any) -> AsyncIterator[Hub]:
    settings = replace(
        settings_for_tests(load_roles=[{"name": "tutors", "scopes": ["list:groups"]}]),
        authenticator=AuthenticatorSettings(
            **{"allow_all": True, "admin_users": {"alice"}, "manage_roles": True, **authenticator}
        ),
    )
    async with hub_in_memory(settings, store=store) as hub:
        yield hub
    if store is None:
        hub.store.close()


async def bob_logs_in(hub: Hub, *told: dict[str, Any]) -> list[str]:
    """With these roles; those that he has then."""
    assert await hub.acts.accounts.of_login(Login("bob", roles=told))
    return roles_of_bob(hub)


def roles_of_bob(hub: Hub) -> list[str]:
    row = users.by_name(hub.store.db, "bob")
    assert row is not None
    return hub.rights.roles_of_user(row)


async def test_a_user_holds_the_roles_of_the_last_login():
    async with hub_with() as hub:
        assert await bob_logs_in(hub, LISTS, {"name": "tutors"}) == ["user", "lists-users", "tutors"]
        assert await bob_logs_in(hub, LISTS, LISTS) == ["user", "lists-users"]
        assert await bob_logs_in(hub) == ["user"]
        assert await hub.acts.accounts.of_login(Login("bob"))
        assert roles_of_bob(hub) == ["user"]


async def test_a_role_is_what_the_last_login_says_of_it():
    async with hub_with() as hub:
        silent = {"name": "lists-users"}
        for told, said in ((LISTS, LISTS), (WIDER, WIDER), (silent, WIDER)):
            await bob_logs_in(hub, told)
            row = roles.by_name(hub.store.db, "lists-users")
            assert row is not None
            assert (row.raw_scopes(), bool(row.managed)) == (said["scopes"], True)


async def test_a_role_of_the_configuration_keeps_its_scopes():
    async with hub_with() as hub:
        assert "tutors" in await bob_logs_in(hub, {"name": "tutors", "scopes": ["admin:users"]})
        row = roles.by_name(hub.store.db, "tutors")
        assert row is not None
        assert row.raw_scopes() == ["list:groups"]


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"name": 5},
        {"name": "X"},
        {"name": "odd", "scopes": ["no-such"]},
        {"name": "odd", "scopes": "list:users"},
    ],
)
async def test_a_role_that_cannot_be_lets_nobody_in(told):
    async with hub_with() as hub:
        with pytest.raises(ForbiddenError, match="roles"):
            await bob_logs_in(hub, told)


async def test_the_admin_flag_is_no_role_of_a_login():
    async with hub_with() as hub:
        assert await bob_logs_in(hub, {"name": "admin"}, {"name": "user"}) == ["user"]
        assert await hub.acts.accounts.of_login(Login("alice", roles=()))
        row = users.by_name(hub.store.db, "alice")
        assert row is not None
        assert "admin" in hub.rights.roles_of_user(row)


async def test_roles_are_left_alone_where_they_are_not_managed():
    async with hub_with(manage_roles=False) as hub:
        assert await bob_logs_in(hub, LISTS) == ["user"]


@pytest.mark.parametrize(("resets", "left"), [(False, ["user", "lists-users"]), (True, ["user"])])
async def test_a_restart_keeps_them_or_waits_for_the_next_login(resets, left):
    store = EventStore(":memory:", projections.ALL, threaded=False)
    async with hub_with(store) as hub:
        await bob_logs_in(hub, LISTS)
    async with hub_with(store, reset_managed_roles_on_startup=resets) as hub:
        assert roles_of_bob(hub) == left
    store.close()


async def test_who_holds_a_role_is_then_not_said_by_the_configuration():
    settings = replace(
        settings_for_tests(load_roles=[{"name": "tutors", "users": ["bob"]}]),
        authenticator=AuthenticatorSettings(manage_roles=True),
    )
    with pytest.raises(RoleError, match="authenticator manages roles"):
        async with hub_in_memory(settings):
            pass
