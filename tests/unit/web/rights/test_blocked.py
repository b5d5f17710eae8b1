"""`blocked_users`: who is named there holds nothing from the next start or reload on, whatever they held before."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import trio.testing
from msgspec.structs import replace

from core.config.configured_rights import ConfiguredRights
from core.errors import ForbiddenError, UnavailableError
from core.events.server import SpawnRequested
from core.plugins.authenticator import Login
from core.scopes import NOTHING
from core.settings import GroupSettings, Settings
from projections import groups, roles, sessions, tokens
from tests.conftest import ADMIN_TOKEN, SERVICE_TOKEN, Client
from tests.unit.web.lifecycle.lives import How, Lives, configured, lives
from tests.unit.web.pages.browser import NAVIGATES, Browser, logged_in
from tests.unit.web.pages.test_oauth import AUTHORIZE, TOKEN, answer_in, of_server
from web.control.commands import issue_token

BOBS_TOKEN = "token-of-bob-in-the-configuration"
GIVEN: dict[str, Any] = {
    "load_groups": {"staff": GroupSettings(users=["bob"])},
    "api_tokens": {ADMIN_TOKEN: "alice", BOBS_TOKEN: "bob"},
    "load_roles": [
        {"name": "ops", "services": ["ops"], "scopes": ["admin:users", "admin:servers", "tokens"]},
        {"name": "tutor", "users": ["bob"], "groups": ["staff"], "scopes": ["list:users"]},
        {"name": "user", "scopes": ["self", "shares!user", "access:servers!group=open"]},
    ],
}
BLOCKING = [
    pytest.param("restart", id="restart"),
    pytest.param("reload", id="reload"),
]


def given(*blocked: str) -> Settings:
    return configured(blocked=set(blocked), **GIVEN)


AT_ONCE = [*BLOCKING, pytest.param("rights alone", id="before anything is recorded")]


class Before:
    """All that bob, an administrator, has come by: by the API, by logging in, by what others gave him."""

    def __init__(self, world: Lives) -> None:
        self.world = world
        self.tokens: dict[str, str] = {}

    async def come_by_it_all(self) -> None:
        admin = self.world.admin
        assert (await admin.post("/users/carol")).status_code == 201
        assert (await admin.patch("/users/bob", json={"admin": True})).status_code == 200
        for name in ("friends", "open"):
            assert (await admin.post(f"/groups/{name}", json={"users": ["bob"]})).status_code == 201
        self.tokens["whole"] = await self.world.token_of("bob")
        self.tokens["narrow"] = await self.world.token_of("bob", "read:users:name!user")
        self.tokens["configured"] = BOBS_TOKEN
        for user, server in (("bob", ""), ("bob", "lab"), ("carol", "")):
            assert (await admin.post(f"/users/{user}/servers/{server}")).status_code == 201
        assert (await admin.post("/shares/carol/", json={"user": "bob"})).status_code == 200
        self.code = (await admin.post("/share-codes/bob/lab")).json()["code"]
        self.browser = await logged_in(self.world.hub, "bob")
        self.carols = await logged_in(self.world.hub, "carol")
        assert (await admin.post("/shares/bob/", json={"user": "carol"})).status_code == 200
        self.own = self.secret("bob")
        self.tokens["of the server"] = self.own
        self.visitor = await self.visit(self.carols, "bob", self.own)
        self.tokens["given to carol's server"] = await self.visit(self.browser, "carol", self.secret("carol"))
        self.oauth_code = await self.ask(self.browser, "carol")
        self.carols_code = await self.ask(self.carols, "bob")
        self.link = self.world.hub.acts.link_login.make(self.world.user("bob").id)

    def secret(self, user: str) -> str:
        """The token of the default server of this user."""
        row = self.world.user(user)
        (token,) = (
            row
            for row in tokens.of_owner(self.world.hub.store.db, f"user/{row.id}")
            if row.note == f"Server at /user/{user}/"
        )
        return self.world.hub.launch.token(token.id)

    async def ask(self, browser: Browser, server: str) -> str:
        """A code with which this server gets a token of whoever sits at the browser."""
        query = of_server(server)
        page = await browser.get(AUTHORIZE, params=query, headers=NAVIGATES)
        if page.status_code == 200:
            page = await browser.post(
                AUTHORIZE, params=query, data={"_xsrf": browser.xsrf}, headers=NAVIGATES
            )
        return answer_in(page)["code"]

    async def visit(self, browser: Browser, server: str, secret: str) -> str:
        answer = await self.change(await self.ask(browser, server), server, secret)
        token: str = answer.json()["access_token"]
        return token

    async def change(self, code: str, server: str, secret: str) -> httpx.Response:
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": f"jupyterhub-user-{server}",
            "client_secret": secret,
        }
        async with Browser(self.world.hub) as plain:
            return await plain.post(TOKEN, data=fields)

    def browser_now(self, browser: Browser) -> Browser:
        """The same cookies, at the hub that lives now."""
        now = Browser(self.world.hub)
        now.cookies.update(browser.cookies)
        return now


@asynccontextmanager
async def blocked(how: str, *, unblocked: How | None = None) -> AsyncIterator[Before]:
    async with lives(given()) as world:
        before = Before(world)
        await before.come_by_it_all()
        if how == "rights alone":
            world.hub.rights.configure(ConfiguredRights(blocked=frozenset({"bob"})))
        else:
            await world.change(given("bob"), how)  # type: ignore[arg-type]
        if unblocked:
            await world.wait_all("bob", "stopped")
            await world.change(given(), unblocked)
        yield before


@pytest.mark.parametrize("how", AT_ONCE)
async def test_no_credential_of_theirs_is_worth_anything(how: str) -> None:
    async with blocked(how) as before:
        hub, world = before.world.hub, before.world
        for name, token in before.tokens.items():
            async with Client(hub, token) as bob:
                for method, path in (("GET", "/user"), ("GET", "/users"), ("POST", "/users/x")):
                    answer = await bob.request(method, path)
                    assert answer.status_code == 403, (name, path)
                answer = await bob.post("/users/alice/tokens")
                assert answer.status_code == 403, name
            shown = await world.admin.get(f"/authorizations/token/{token}")
            assert shown.status_code == 404, name
        browser = before.browser_now(before.browser)
        for page in ("home", "admin", "token", "spawn"):
            answer = await browser.get(f"/hub/{page}", headers=NAVIGATES)
            assert (answer.status_code, answer.headers["Location"][:10]) == (302, "/hub/login"), page
        assert (await browser.call("GET", "/user")).status_code == 403
        assert (await browser.get("/hub/login", headers=NAVIGATES)).status_code == 200


@pytest.mark.parametrize("how", AT_ONCE)
async def test_what_is_under_way_comes_to_nothing(how: str) -> None:
    """Codes and links made before; what visitors let their server do, and what it could still ask for."""
    async with blocked(how) as before:
        carol = before.browser_now(before.carols)
        answer = await before.change(before.oauth_code, "carol", before.secret("carol"))
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
        answer = await before.change(before.carols_code, "bob", before.own)
        assert answer.status_code == 401, answer.text
        async with Client(before.world.hub, before.visitor) as visiting:
            assert (await visiting.get("/user")).status_code == 403
        assert (await carol.get(AUTHORIZE, params=of_server("bob"), headers=NAVIGATES)).status_code == 400
        answer = await carol.call("GET", "/user")
        assert answer.json()["name"] == "carol"


@pytest.mark.parametrize("how", BLOCKING)
async def test_the_ways_in_that_were_given_out_are_closed(how: str) -> None:
    async with blocked(how) as before:
        carol = before.browser_now(before.carols)
        page = await carol.get(f"/hub/accept-share?code={before.code}", headers=NAVIGATES)
        assert page.status_code == 404
        async with Browser(before.world.hub) as visitor:
            assert (await visitor.get(before.link, headers=NAVIGATES)).status_code == 403


@pytest.mark.parametrize("how", BLOCKING)
async def test_nothing_is_left_of_theirs_in_the_log(how: str) -> None:
    async with blocked(how) as before:
        world, db = before.world, before.world.hub.store.db
        await world.wait_all("bob", "stopped")
        bob = world.user("bob")
        assert not bob.admin
        assert groups.of_user(db, bob.id) == []
        assert roles.granted_to(db, f"user/{bob.id}") == []
        assert sessions.ids_of_user(db, bob.id) == []
        assert tokens.of_owner(db, f"user/{bob.id}") == []
        assert world.hub.rights.of_user(bob) == NOTHING
        model = (await world.admin.get("/users/bob")).json()
        assert (model["roles"], model["groups"], model["admin"], model["servers"]) == ([], [], False, {})
        await world.wait_all("carol", "ready")
        head = world.hub.store.head
        await world.change(given("bob"), "reload")
        assert world.hub.store.head == head


@pytest.mark.parametrize("how", BLOCKING)
async def test_nothing_of_theirs_starts(how: str) -> None:
    async with blocked(how) as before:
        await before.world.wait_all("bob", "stopped")
        head = before.world.hub.store.head
        for token in (ADMIN_TOKEN, SERVICE_TOKEN):
            async with Client(before.world.hub, token) as client:
                answer = await client.post("/users/bob/server")
                assert (answer.status_code, "blocked" in answer.json()["message"]) == (403, True)
        since = [record.event for record in before.world.hub.store.read_all(head)]
        assert not [event for event in since if isinstance(event, SpawnRequested)]


async def test_a_start_that_is_under_way_when_they_are_blocked_begins_nothing() -> None:
    """The configuration is read anew while a function of it is being asked about this very start."""

    def blocks_bob(_: object) -> list[str]:
        world.hub.rights.configure(ConfiguredRights(blocked=frozenset({"bob"})))
        return ["access:servers!server"]

    wanted = given()
    wanted = replace(wanted, spawner=replace(wanted.spawner, server_token_scopes=blocks_bob))
    async with lives(wanted) as world:
        answer = await world.admin.post("/users/bob/server")
        assert (answer.status_code, "User bob is blocked" in answer.text) == (403, True)
        assert world.alive() == []


async def test_an_administrator_of_the_configuration_is_none_where_blocked() -> None:
    wanted = given("bob")
    wanted = replace(wanted, authenticator=replace(wanted.authenticator, admin_users={"alice", "bob"}))
    async with lives(wanted) as world:
        assert not world.user("bob").admin
        await world.change(wanted, "reload")
        assert not world.user("bob").admin


@pytest.mark.parametrize("back", BLOCKING)
async def test_unblocking_restores_what_the_configuration_gives(back: How) -> None:
    async with blocked("restart", unblocked=back) as before:
        hub, world = before.world.hub, before.world
        model = (await world.admin.get("/users/bob")).json()
        assert (model["roles"], model["groups"], model["admin"]) == (["user", "tutor"], ["staff"], False)
        for name, token in before.tokens.items():
            async with Client(hub, token) as bob:
                worth = (await bob.get("/user")).status_code == 200
                assert worth == (name == "configured"), name
        async with Client(hub, BOBS_TOKEN) as bob:
            assert (await bob.get("/users")).status_code == 200
            assert (await bob.get("/users/carol/tokens")).status_code == 404
        assert "access:servers!server=carol/" not in hub.rights.of_user(world.user("bob")).as_strings()
        assert (await before.browser_now(before.browser).call("GET", "/user")).status_code == 403
        assert (await world.admin.post("/users/bob/server")).status_code == 201


async def test_a_name_that_is_blocked_blocks_whoever_takes_it() -> None:
    async with lives(given("mallory")) as world:
        carol = await world.admin.post("/users/carol")
        assert carol.status_code == 201
        token = await world.token_of("carol")
        assert (await world.admin.post("/users/carol/server")).status_code == 201
        renamed = await world.admin.patch("/users/carol", json={"name": "mallory"})
        assert renamed.status_code == 200
        async with Client(world.hub, token) as client:
            assert (await client.get("/user")).status_code == 403
        await world.wait_all("mallory", "stopped")
        assert (await world.admin.patch("/users/mallory", json={"name": "carol"})).status_code == 200
        async with Client(world.hub, token) as client:
            assert (await client.get("/user")).status_code == 403
        assert (await world.admin.post("/users/carol/server")).status_code == 201


async def test_names_are_blocked_however_they_are_spelled() -> None:
    async with lives(given("BOB")) as world:
        assert world.hub.rights.of_user(world.user("bob")) == NOTHING


async def test_the_command_line_makes_no_tokens_for_them() -> None:
    async with lives(given("bob")) as world:
        with pytest.raises(ForbiddenError, match="User bob is blocked"):
            await issue_token(world.hub, {"name": "bob"}, by=None)  # type: ignore[arg-type]


async def test_what_an_administrator_gives_them_meanwhile_counts_for_nothing() -> None:
    async with lives(given("bob")) as world:
        admin = world.admin
        assert (await admin.patch("/users/bob", json={"admin": True})).json()["admin"] is False
        assert (await admin.post("/groups/staff/users", json={"users": ["bob"]})).status_code == 200
        token = await world.token_of("bob")
        async with Client(world.hub, token) as bob:
            assert (await bob.get("/user")).status_code == 403
        assert world.hub.rights.grants_of_user(world.user("bob")) == []
        assert world.hub.rights.of_user(world.user("bob")) == NOTHING


class Asked:
    """An authenticator that knows nobody, or cannot say."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error

    async def authenticate(self, credentials: Any) -> Login | None:
        return None

    async def check_new_user(self, name: str) -> None:
        return None

    async def check_user(self, name: str) -> None:
        if self.error:
            raise self.error

    async def refresh(self, name: str, auth_state: Any) -> Login | None:
        if self.error:
            raise self.error
        return Login(name)


async def test_an_authenticator_that_cannot_be_asked_disarms_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither at a start, with `delete_invalid_users`, nor while the hub runs, with what it asks now and then."""
    monkeypatch.setattr(
        "web.hub.build.make_authenticator", lambda *_: Asked(UnavailableError("LDAP is down."))
    )
    wanted = given()
    login = replace(wanted.authenticator, delete_invalid_users=True, auth_refresh_strict=True)
    wanted = replace(wanted, authenticator=login)
    async with lives(wanted) as world:
        token = await world.token_of("bob")
        assert (await world.admin.post("/users/bob/server")).status_code == 201
        for how in ("restart", "reload"):
            await world.change(wanted, how)  # type: ignore[arg-type]
            await trio.testing.wait_all_tasks_blocked()
            async with Client(world.hub, token) as bob:
                assert (await bob.get("/users")).status_code == 200
                assert (await bob.get("/user")).json()["groups"] == ["staff"]
            await world.wait_all("bob", "ready")
