"""From credentials to a user: what a login makes, changes and refuses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from msgspec.structs import replace

from core.errors import ForbiddenError
from core.events.record import HUB
from core.plugins.authenticator import Login
from core.plugins.hooks import trio_hook
from core.settings import AuthenticatorSettings
from core.user import Change
from projections import groups, users
from tests.conftest import hub_in_memory, settings_for_tests
from web.hub.hub import Hub
from web.login.accounts import LoggedIn

HERE = "192.0.2.1"


@asynccontextmanager
async def hub_with(**authenticator: Any) -> AsyncIterator[Hub]:
    settings = replace(
        settings_for_tests(),
        authenticator=AuthenticatorSettings(**{"allow_all": True, "admin_users": {"alice"}, **authenticator}),
    )
    async with hub_in_memory(settings) as hub:
        yield hub
    hub.store.close()


async def admitted(hub: Hub, login: Login) -> LoggedIn:
    logged_in = await hub.acts.accounts.of_login(login)
    assert logged_in is not None
    return logged_in


def group_names(hub: Hub, user: str) -> list[str]:
    row = users.by_name(hub.store.db, user)
    assert row is not None
    return [group.name for group in groups.of_user(hub.store.db, row.id)]


# --- who ---


async def test_the_first_login_makes_the_user_and_the_next_one_finds_it():
    async with hub_with() as hub:
        first = await hub.acts.credential_login.log_in({"username": "Bob", "password": "x"}, address=HERE)
        second = await hub.acts.credential_login.log_in({"username": "bob", "password": "x"}, address=HERE)
        assert first is not None
        assert second is not None
        assert (first.user.name, first.is_new, second.is_new) == ("bob", True, False)
        assert first.user.id == second.user.id


async def test_what_a_login_records_was_done_by_whoever_logged_in():
    async with hub_with() as hub:
        head = hub.store.head
        user = (await admitted(hub, Login("bob"))).user
        assert {(one.by.principal, one.by.via) for one in hub.store.read_all(head)} == {
            (f"user/{user.id}", "login")
        }


async def test_a_login_that_says_nothing_new_records_nothing():
    async with hub_with() as hub:
        await admitted(hub, Login("bob", admin=False, user_info={"name": "Bob"}))
        head = hub.store.head
        await admitted(hub, Login("bob", admin=False, user_info={"name": "Bob"}))
        assert hub.store.head == head


@pytest.mark.parametrize(
    "credentials", [{}, {"username": ""}, {"username": 3}, {"password": "x"}, {"username": "b" * 300}]
)
async def test_wrong_credentials_are_nobody_and_leave_no_trace(credentials):
    async with hub_with() as hub:
        head = hub.store.head
        assert await hub.acts.credential_login.log_in(credentials, address=HERE) is None
        assert hub.store.head == head


@pytest.mark.parametrize("name", ["..", "a/b", " bob", "", "a\nb", "a%2Fb"])
async def test_a_name_that_no_user_can_have_is_nobody(name):
    async with hub_with() as hub:
        assert await hub.acts.accounts.of_login(Login(name)) is None


async def test_names_are_mapped_and_checked_as_configured():
    async with hub_with(username_pattern="[a-m].*", username_map={"service-bob": "bob", "bob": "zoe"}) as hub:
        assert (await admitted(hub, Login("Service-Bob"))).user.name == "bob"
        assert await hub.acts.accounts.of_login(Login("bob")) is None  # zoe does not match
        assert await hub.acts.accounts.of_login(Login("nobody")) is None


async def test_who_may_not_come_in_is_told_so_and_not_made():
    async with hub_with(allow_all=False, allowed_users={"bob"}, blocked_users={"mallory"}) as hub:
        for name in ("carol", "mallory"):
            with pytest.raises(ForbiddenError):
                await hub.acts.credential_login.log_in({"username": name}, address=HERE)
            assert users.by_name(hub.store.db, name) is None
        assert await hub.acts.credential_login.log_in({"username": "bob"}, address=HERE)


async def test_two_first_logins_at_once_make_one_user():
    async with hub_with() as hub:
        found: list[LoggedIn] = []

        async def come() -> None:
            found.append(await admitted(hub, Login("bob")))

        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(come)
        assert len({one.user.id for one in found}) == 1
        assert sorted(one.is_new for one in found) == [False] * 4 + [True]


async def test_nobody_comes_in_while_they_are_being_deleted():
    async with hub_with() as hub:
        user = (await admitted(hub, Login("bob"))).user
        await hub.user_deletion.begin(user.id, by=HUB)
        await hub.user_deletion.wait_gone(user.id)
        assert (await admitted(hub, Login("bob"))).user.id != user.id


# --- what the login says ---


@pytest.mark.parametrize(
    ("before", "said", "name", "after"),
    [
        # admin before, what the login says, who, admin after
        (False, None, "bob", False),
        (True, None, "bob", True),
        (True, False, "bob", False),
        (False, True, "bob", True),
        (False, None, "alice", True),
        (True, False, "alice", False),
    ],
)
async def test_the_admin_flag_changes_only_if_login_or_configuration_say_so(before, said, name, after):
    async with hub_with() as hub:
        user = (await admitted(hub, Login(name))).user
        await hub.entities.users.ask(user.id, Change(admin=before), by=HUB)
        assert bool((await admitted(hub, Login(name, admin=said))).user.admin) == after


@pytest.mark.parametrize(("said", "admin"), [(None, False), (True, True), (False, False)])
async def test_a_new_user_is_what_the_login_says(said, admin):
    async with hub_with() as hub:
        user = (await admitted(hub, Login("bob", admin=said, user_info={"name": "Bob"}))).user
        assert (bool(user.admin), user.info()) == (admin, {"name": "Bob"})
        assert (await admitted(hub, Login("bob", user_info={"name": "Robert"}))).user.info() == {
            "name": "Robert"
        }
        assert (await admitted(hub, Login("bob"))).user.info() == {"name": "Robert"}


async def test_managed_groups_are_those_of_the_last_login():
    async with hub_with(manage_groups=True) as hub:
        await admitted(hub, Login("carol", groups=("maths",)))
        for said in (("maths", "physics"), ("physics", "chess"), ("chess", "chess"), ()):
            await admitted(hub, Login("bob", groups=said))
            assert set(group_names(hub, "bob")) == set(said)
        assert group_names(hub, "carol") == ["maths"]


async def test_managed_groups_need_a_login_that_tells_them():
    async with hub_with(manage_groups=True) as hub:
        with pytest.raises(ForbiddenError, match="groups"):
            await hub.acts.accounts.of_login(Login("bob"))


async def test_groups_are_left_alone_where_they_are_not_managed():
    async with hub_with() as hub:
        await admitted(hub, Login("bob", groups=("maths",)))
        assert group_names(hub, "bob") == []


# --- what is counted ---


async def test_logins_and_failures_are_counted():
    async with hub_with(allow_all=False, allowed_users={"bob"}) as hub:
        await hub.acts.credential_login.log_in({"username": "bob"}, address=HERE)
        await hub.acts.credential_login.log_in({}, address=HERE)
        with pytest.raises(ForbiddenError):
            await hub.acts.credential_login.log_in({"username": "carol"}, address=HERE)
        text = hub.metrics.as_text().decode()
        assert 'jupyterhub_login_duration_seconds_count{status="LoginStatus.success"} 1.0' in text
        assert 'jupyterhub_login_duration_seconds_count{status="LoginStatus.failure"} 2.0' in text


# --- the configuration's last word ---


def changes(**changes: Any) -> Callable[..., Any]:
    """A hook that changes the login it is shown."""

    @trio_hook
    async def hook(authenticator: Any, handler: Any, model: dict[str, Any]) -> dict[str, Any]:
        assert authenticator.normalize_username("Bob") == "bob"
        assert handler is None
        assert model.keys() == {"name", "admin", "groups", "roles", "auth_state", "user_info"}
        return {**model, **changes}

    return hook


async def test_a_hook_may_change_what_a_login_says():
    hook = changes(admin=True, groups=["tutors"], user_info={"name": "Robert"}, more="ignored")
    async with hub_with(manage_groups=True, post_auth_hook=hook) as hub:
        user = (await admitted(hub, Login("bob"))).user
        assert (bool(user.admin), user.info()) == (True, {"name": "Robert"})
        assert group_names(hub, "bob") == ["tutors"]


async def test_a_hook_sees_what_the_configuration_makes_of_a_login():
    shown = []

    @trio_hook
    async def hook(_: Any, __: Any, model: dict[str, Any]) -> dict[str, Any]:
        shown.append((model["name"], model["admin"]))
        return model

    async with hub_with(post_auth_hook=hook, username_map={"al": "alice"}) as hub:
        await admitted(hub, Login("AL"))
        await admitted(hub, Login("bob"))
    assert shown == [("alice", True), ("bob", None)]


class Refused(Exception):
    status_code = 403
    log_message = "Please pay your bill."


@pytest.mark.parametrize(
    ("outcome", "says"),
    [
        (None, "may not log in"),
        ({}, "may not log in"),
        (["bob"], "administrators"),
        ({"name": "bob", "groups": "maths"}, "administrators"),
        (Refused(), "pay your bill"),
        (ValueError("secret detail"), "administrators"),
        (ForbiddenError("Not today."), "Not today"),
    ],
)
async def test_a_hook_that_says_no_or_fails_lets_nobody_in(outcome, says):
    @trio_hook
    async def hook(_: Any, __: Any, ___: Any) -> Any:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async with hub_with(post_auth_hook=hook) as hub:
        with pytest.raises(ForbiddenError, match=says) as refused:
            await hub.acts.accounts.of_login(Login("bob"))
        assert "secret" not in str(refused.value)
        assert users.by_name(hub.store.db, "bob") is None


async def test_a_login_may_allow_whom_no_list_names():
    async with hub_with(allow_all=False, blocked_users={"mallory"}) as hub:
        await admitted(hub, Login("bob", allowed=True))
        with pytest.raises(ForbiddenError):
            await hub.acts.accounts.of_login(Login("bob"))
        with pytest.raises(ForbiddenError):
            await hub.acts.accounts.of_login(Login("mallory", allowed=True))
