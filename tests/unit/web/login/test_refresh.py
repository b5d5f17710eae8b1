"""Whether a login of some time ago still stands: when it is asked, and what follows from the answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import trio
from msgspec.structs import replace

from core.errors import ForbiddenError, HubError, UnavailableError
from core.plugins.authenticator import Credentials, Login
from core.settings import AuthenticatorSettings
from projections import users
from tests.conftest import ADMIN_TOKEN, Client, hub_in_memory, settings_for_tests
from tests.unit.web.api.rights_world import token_of
from tests.unit.web.pages.browser import NAVIGATES, Browser, path_of
from web.hub.hub import Hub


class Provider:
    """Says of each user what it was told to say."""

    def __init__(self) -> None:
        self.answer: Login | HubError | str | None = "as before"
        self.asked: list[tuple[str, Any]] = []

    async def authenticate(self, credentials: Credentials) -> Login | None:
        return Login(credentials["username"])

    async def check_new_user(self, name: str) -> None:
        pass

    async def refresh(self, name: str, auth_state: dict[str, Any] | None) -> Login | None:
        self.asked.append((name, auth_state))
        await trio.sleep(0.1)
        if isinstance(self.answer, HubError):
            raise self.answer
        return Login(name) if isinstance(self.answer, str) else self.answer


@asynccontextmanager
async def hub_with(**authenticator: Any) -> AsyncIterator[tuple[Hub, Provider]]:
    settings = replace(
        settings_for_tests(),
        authenticator=AuthenticatorSettings(**{"allow_all": True, "admin_users": {"alice"}, **authenticator}),
    )
    async with hub_in_memory(settings) as hub:
        hub.logins.authenticator = provider = Provider()
        yield hub, provider
    hub.store.close()


async def bob_of(hub: Hub) -> Browser:
    browser = Browser(hub)
    assert (await browser.log_in("bob")).status_code == 302
    return browser


async def me(browser: Browser) -> httpx.Response:
    return await browser.call("GET", "/user")


async def test_a_login_is_confirmed_once_per_period(autojump_clock):
    async with hub_with() as (hub, provider):
        browser = await bob_of(hub)
        assert (await me(browser)).status_code == 200
        assert provider.asked == [], "a login is as fresh as can be"
        await trio.sleep(301)
        for _ in range(3):
            assert (await me(browser)).status_code == 200
        assert provider.asked == [("bob", None)]
        await trio.sleep(301)
        await me(browser)
        assert len(provider.asked) == 2


async def test_of_many_requests_at_once_one_asks(autojump_clock):
    async with hub_with() as (hub, provider):
        browser = await bob_of(hub)
        await trio.sleep(301)
        async with trio.open_nursery() as nursery:
            for _ in range(10):
                nursery.start_soon(me, browser)
        assert len(provider.asked) == 1


@pytest.mark.parametrize("answer", [None, Login("carol"), ForbiddenError("gone")])
async def test_a_browser_whose_login_no_longer_stands_must_log_in_again(answer, autojump_clock):
    async with hub_with() as (hub, provider):
        browser = await bob_of(hub)
        await trio.sleep(301)
        provider.answer = answer
        assert (await me(browser)).status_code == 403
        assert (await me(browser)).status_code == 403
        assert len(provider.asked) == 1, "the answer is remembered for a while"
        page = await browser.get("/hub/login", headers=NAVIGATES)
        assert page.status_code == 200
        assert (await browser.log_in("bob")).status_code == 302
        assert (await me(browser)).status_code == 200


@pytest.mark.parametrize(("strict", "status"), [(False, 200), (True, 403)])
async def test_a_token_goes_on_working_unless_that_is_forbidden(strict, status, autojump_clock):
    async with hub_with(auth_refresh_strict=strict) as (hub, provider):
        await bob_of(hub)
        bob = await token_of(Client(hub, ADMIN_TOKEN), "bob")
        await trio.sleep(301)
        provider.answer = None
        assert (await bob.get("/user")).status_code == status


async def test_a_provider_that_cannot_be_asked_ends_nothing(autojump_clock):
    async with hub_with(auth_refresh_strict=True) as (hub, provider):
        browser = await bob_of(hub)
        await trio.sleep(301)
        provider.answer = UnavailableError("away")
        for _ in range(3):
            assert (await me(browser)).status_code == 200
        assert len(provider.asked) == 1
        await trio.sleep(61)
        await me(browser)
        assert len(provider.asked) == 2


async def test_what_the_answer_says_is_stored(autojump_clock):
    async with hub_with(manage_groups=False) as (hub, provider):
        browser = await bob_of(hub)
        await trio.sleep(301)
        provider.answer = Login("BOB", admin=True, user_info={"name": "Robert"})
        await me(browser)
        row = users.by_name(hub.store.db, "bob")
        assert row is not None
        assert (bool(row.admin), row.info()) == (True, {"name": "Robert"})


async def test_who_may_no_longer_come_in_is_out(autojump_clock):
    async with hub_with(allow_all=False, allow_existing_users=False, allowed_users={"carol"}) as (
        hub,
        provider,
    ):
        provider.answer = Login("bob", allowed=False)
        hub.logins.admission._allowed |= {"bob"}
        browser = await bob_of(hub)
        hub.logins.admission._allowed -= {"bob"}
        await trio.sleep(301)
        assert (await me(browser)).status_code == 403


@pytest.mark.parametrize("age", [0, 300])
async def test_zero_means_never(age, autojump_clock):
    async with hub_with(auth_refresh_age=age) as (hub, provider):
        browser = await bob_of(hub)
        await trio.sleep(10_000)
        await me(browser)
        assert len(provider.asked) == (1 if age else 0)


async def test_before_a_start_it_is_asked_though_somebody_has_just_logged_in():
    """By the real clock, on which no two moments are the same."""
    async with hub_with(refresh_pre_spawn=True) as (hub, provider):
        browser = await bob_of(hub)
        provider.answer = None
        assert (await browser.call("POST", "/users/bob/server")).status_code == 403
        assert len(provider.asked) == 1


@pytest.mark.parametrize(
    ("setting", "method"), [("refresh_pre_spawn", "POST"), ("refresh_pre_stop", "DELETE")]
)
async def test_starts_and_stops_may_ask_at_once(setting, method, autojump_clock):
    async with hub_with(**{setting: True}) as (hub, provider):
        browser = await bob_of(hub)
        provider.answer = None
        assert (await browser.call(method, "/users/bob/server")).status_code == 403
        assert len(provider.asked) == 1
        alice = Client(hub, ADMIN_TOKEN)
        assert (await alice.request(method, "/users/bob/server")).status_code < 300


async def test_an_authenticator_that_cannot_say_is_not_asked(hub: Hub, autojump_clock):
    browser = await bob_of(hub)
    await trio.sleep(10_000)
    assert (await me(browser)).status_code == 200
    assert path_of(await browser.get("/hub/login", headers=NAVIGATES)) == "/hub/spawn"
