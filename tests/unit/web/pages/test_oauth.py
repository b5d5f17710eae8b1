"""The OAuth 2 provider: who is asked, what is given, and what comes of codes and tokens."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import trio
from msgspec.structs import replace

from core.events.oauth import CodeIssued, CodeRedeemed
from core.events.record import HUB
from core.events.service import ServiceDefinition
from core.events.token import TokenIssued
from core.plugins.authenticator import Login, Redirect
from core.service import Add
from core.settings import AuthenticatorSettings, HubSettings, ServiceSettings, SpawnerSettings
from projections import users
from projections.servers import servers
from tests.conftest import ADMIN_TOKEN, Client, hub_in_memory, settings_for_tests
from tests.unit.web.pages.browser import NAVIGATES, Browser, logged_in, path_of
from web.hub.hub import Hub

AUTHORIZE, TOKEN = "/hub/api/oauth2/authorize", "/hub/api/oauth2/token"
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
GRADER = ServiceSettings(
    "grader",
    url="http://127.0.0.1:9999",
    api_token="the-token-of-the-grader",
    oauth_client_id="service-grader",
    oauth_client_allowed_scopes=["read:users!user", "read:servers!user"],
)


def settings(**hub: Any) -> Any:
    return settings_for_tests(
        **{
            "services": [GRADER],
            "load_roles": [
                {"name": "user", "scopes": ["self", "access:services!service=grader"]},
                {"name": "helper", "scopes": ["access:servers!server=bob/"], "users": ["helper"]},
                {"name": "peek", "scopes": ["read:servers!user"]},
            ],
            **hub,
        }
    )


def of_server(user: str = "bob", **more: str) -> dict[str, str]:
    return {
        "client_id": f"jupyterhub-user-{user}",
        "redirect_uri": f"/user/{user}/oauth_callback",
        "response_type": "code",
        "state": "the-state",
        **more,
    }


def of_grader(**more: str) -> dict[str, str]:
    return {"client_id": "service-grader", "response_type": "code", "state": "s", **more}


def answer_in(response: httpx.Response) -> dict[str, str]:
    """What the client is told in the redirect."""
    assert response.status_code == 302, response.text
    query = parse_qs(urlsplit(response.headers["Location"]).query)
    return {name: values[0] for name, values in query.items()}


async def start(hub: Hub, user: str = "bob", server: str = "") -> str:
    """The token of the server that is started."""
    async with Client(hub, ADMIN_TOKEN) as admin:
        await admin.post(f"/users/{user}")
        answer = await admin.post(f"/users/{user}/servers/{server}")
        assert answer.status_code == 201, answer.text
    row = users.by_name(hub.store.db, user)
    assert row is not None
    found = servers.by_name(hub.store.db, row.id, server)
    assert found is not None
    return hub.launch.token(found.spawn_id)


async def change(browser: Browser, code: str, client_id: str, secret: str, **more: str) -> httpx.Response:
    """As the server or service itself asks: without a browser."""
    fields = {
        "grant_type": "authorization_code",
        "code": code,
        "client_id": client_id,
        "client_secret": secret,
        **more,
    }
    async with Browser(browser.hub, browser.app) as plain:
        return await plain.post(TOKEN, data=fields)


async def token_of(browser: Browser, secret: str, **query: str) -> dict[str, Any]:
    """The whole way into a server of one's own."""
    code = answer_in(await browser.get(AUTHORIZE, params=of_server(**query), headers=NAVIGATES))["code"]
    answer = await change(browser, code, "jupyterhub-user-bob", secret)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


# --- into a server of one's own ---


async def test_nobody_is_asked_about_a_server_of_their_own() -> None:
    async with hub_in_memory(settings()) as hub:
        secret = await start(hub)
        browser = await logged_in(hub, "bob")
        asked = of_server(code_challenge=CHALLENGE, code_challenge_method="S256")
        answer = await browser.get(AUTHORIZE, params=asked, headers=NAVIGATES)
        told = answer_in(answer)
        assert urlsplit(answer.headers["Location"])[:3] == ("", "", "/user/bob/oauth_callback")
        assert (told["state"], len(told["code"])) == ("the-state", 30)

        changed = await change(
            browser,
            told["code"],
            "jupyterhub-user-bob",
            secret,
            code_verifier=VERIFIER,
            redirect_uri=asked["redirect_uri"],
        )
        assert changed.status_code == 200
        assert (changed.headers["Cache-Control"], changed.headers["Pragma"]) == ("no-store", "no-cache")
        token = changed.json()
        assert len(token.pop("access_token")) == 30
        assert token == {
            "expires_in": 1209600,
            "token_type": "Bearer",
            "scope": "access:servers!server=bob/ read:users:groups!user=bob read:users:name!user=bob",
        }


async def test_the_token_says_who_visits_and_shows_among_theirs() -> None:
    async with hub_in_memory(settings()) as hub:
        secret = await start(hub)
        browser = await logged_in(hub, "bob")
        token = (await token_of(browser, secret))["access_token"]
        async with Client(hub, token, browser.app) as server:
            me = (await server.get("/user")).json()
        assert (me["name"], me["session_id"]) == ("bob", browser.session_id)
        assert "access:servers!server=bob/" in me["scopes"]
        listed = (await browser.call("GET", "/users/bob/tokens")).json()["api_tokens"]
        (mine,) = [one for one in listed if one["oauth_client"] == "Server at /user/bob/"]
        assert (mine["session_id"], mine["note"], mine["kind"]) == (browser.session_id, "", "api_token")
        assert mine["expires_at"] is not None


async def test_a_named_server_is_a_client_of_its_own() -> None:
    async with hub_in_memory(settings()) as hub:
        secret = await start(hub, "bob", "lab")
        browser = await logged_in(hub, "bob")
        query = {"client_id": "jupyterhub-user-bob-lab", "response_type": "code"}
        code = answer_in(await browser.get(AUTHORIZE, params=query))["code"]
        answer = await change(browser, code, "jupyterhub-user-bob-lab", secret)
        assert "access:servers!server=bob/lab" in answer.json()["scope"]


async def test_clients_that_are_called_the_same_are_told_apart() -> None:
    """`bob-lab` is a user, and `lab` a server of bob's: both are `jupyterhub-user-bob-lab`."""
    async with hub_in_memory(settings()) as hub:
        of_bob, of_other = await start(hub, "bob", "lab"), await start(hub, "bob-lab")
        browser = await logged_in(hub, "bob")
        query = {"client_id": "jupyterhub-user-bob-lab", "response_type": "code"}
        unclear = await browser.get(AUTHORIZE, params=query)
        assert unclear.status_code == 400
        clear = {**query, "redirect_uri": "/user/bob/lab/oauth_callback"}
        code = answer_in(await browser.get(AUTHORIZE, params=clear))["code"]
        stolen = await change(browser, code, "jupyterhub-user-bob-lab", of_other)
        assert (stolen.status_code, stolen.json()["error"]) == (400, "invalid_grant")
        assert (await change(browser, code, "jupyterhub-user-bob-lab", of_bob)).status_code == 200
        others = {**query, "redirect_uri": "/user/bob-lab/oauth_callback"}
        assert (await browser.get(AUTHORIZE, params=others)).status_code == 403


# --- who may not ---


async def test_who_is_not_logged_in_is_sent_to_do_so_and_comes_back() -> None:
    async with hub_in_memory(settings()) as hub:
        await start(hub)
        browser = Browser(hub)
        answer = await browser.get(AUTHORIZE, params=of_server())
        assert answer.status_code == 302
        where = urlsplit(answer.headers["Location"])
        assert where.path == "/hub/login"
        (back,) = parse_qs(where.query)["next"]
        assert back.startswith(f"{AUTHORIZE}?client_id=jupyterhub-user-bob&redirect_uri=")
        page = await browser.get(answer.headers["Location"])
        fields = {"username": "bob", "_xsrf": browser.xsrf}
        entered = await browser.post(page.url, data=fields)
        assert "code" in answer_in(await browser.get(path_of(entered)))


async def test_people_may_be_sent_on_to_their_provider_at_once() -> None:
    class Provider:
        login_service = "Elsewhere"

        async def authenticate(self, credentials: Any) -> None:
            return None

        async def check_new_user(self, name: str) -> None:
            return None

        async def begin(self, next_url: str, callback_url: str) -> Redirect:
            assert callback_url == "http://hub.test/hub/oauth_callback"
            return Redirect("https://provider.test/login?state=x", next_url)

        async def finish(self, callback_url: str, query: Any, state_cookie: str) -> tuple[Login, str]:
            return Login(query["user"]), state_cookie

    at_once = AuthenticatorSettings(admin_users={"alice"}, allow_all=True, auto_login_oauth2_authorize=True)
    async with hub_in_memory(replace(settings(), authenticator=at_once)) as hub:
        await start(hub)
        hub.logins.authenticator = Provider()
        browser = Browser(hub)
        sent = await browser.get(AUTHORIZE, params=of_server())
        assert urlsplit(sent.headers["Location"]).path == "/hub/oauth_login"
        away = await browser.get(sent.headers["Location"])
        assert away.headers["Location"] == "https://provider.test/login?state=x"
        back = await browser.get("/hub/oauth_callback?user=bob")
        assert path_of(back).startswith(AUTHORIZE)
        assert "code" in answer_in(await browser.get(back.headers["Location"]))
        assert "callboard-login-state" not in browser.cookies


async def test_a_lost_session_id_is_given_again() -> None:
    async with hub_in_memory(settings()) as hub:
        await start(hub)
        browser = await logged_in(hub, "bob")
        lost = browser.session_id
        browser.cookies.delete("jupyterhub-session-id")
        await browser.get(AUTHORIZE, params=of_server(), headers=NAVIGATES)
        assert browser.session_id == lost


async def test_a_token_is_not_enough_to_agree_to_anything() -> None:
    async with hub_in_memory(settings()) as hub:
        await start(hub)
        async with Client(hub, ADMIN_TOKEN) as admin:
            answer = await admin.get(f"http://hub.test{AUTHORIZE}", params=of_server())
            assert (answer.status_code, answer.headers["Location"].split("?")[0]) == (302, "/hub/login")


async def test_a_stranger_is_refused_and_somebody_it_is_shared_with_is_asked() -> None:
    async with hub_in_memory(settings()) as hub:
        secret = await start(hub)
        stranger = await logged_in(hub, "mallory")
        head = hub.store.head
        answer = await stranger.get(AUTHORIZE, params=of_server(), headers=NAVIGATES)
        assert (answer.status_code, answer.headers["Content-Type"]) == (403, "text/html; charset=utf-8")
        data = {"_xsrf": stranger.xsrf}
        assert (await stranger.post(AUTHORIZE, params=of_server(), data=data)).status_code == 403
        assert hub.store.head == head

        helper = await logged_in(hub, "helper", stranger.app)
        page = await helper.get(AUTHORIZE, params=of_server(), headers=NAVIGATES)
        assert page.status_code == 200
        assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
        assert "default-src 'self'" in page.headers["Content-Security-Policy"], (
            "a page's, although below /api"
        )
        assert "Server at /user/bob/" in page.text
        scopes = re.findall(r'name="scopes" value="([^"]*)"', page.text)
        agreed = await helper.post(
            AUTHORIZE, params=of_server(), data={"_xsrf": helper.xsrf, "scopes": scopes}
        )
        token = (await change(helper, answer_in(agreed)["code"], "jupyterhub-user-bob", secret)).json()
        assert "access:servers!server=bob/" in token["scope"].split()
        again = await helper.get(AUTHORIZE, params=of_server(), headers=NAVIGATES)
        assert "code" in answer_in(again), "it is not asked twice"


# --- what is wrong with a request ---


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"client_id": "nobody"},
        {"client_id": "jupyterhub"},
        {"client_id": "x" * 5000},
        {"redirect_uri": "/user/bob/elsewhere"},
        {"redirect_uri": "https://evil.test/user/bob/oauth_callback"},
        {"redirect_uri": "//evil.test/user/bob/oauth_callback"},
        {"redirect_uri": "/user/bob/oauth_callback?x=1"},
        {"redirect_uri": "/user/bob/../bob/oauth_callback"},
        {"redirect_uri": "javascript:alert(1)"},
    ],
)
async def test_where_the_client_cannot_be_trusted_only_the_person_is_told(query: dict[str, str]) -> None:
    async with hub_in_memory(settings()) as hub:
        await start(hub)
        browser = await logged_in(hub, "bob")
        head = hub.store.head
        asked = {**of_server(), **query} if query else {}
        answer = await browser.get(AUTHORIZE, params=asked)
        assert (answer.status_code, answer.headers["Content-Type"]) == (400, "text/html; charset=utf-8")
        assert hub.store.head == head


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "no:such:scope"}, "invalid_scope"),
        ({"scope": "admin:users"}, "invalid_scope"),
        ({"scope": "admin"}, "invalid_scope"),
        ({"scope": "inherit"}, "invalid_scope"),
        ({"code_challenge": CHALLENGE, "code_challenge_method": "S512"}, "invalid_request"),
    ],
)
async def test_else_the_client_is_told(query: dict[str, str], error: str) -> None:
    async with hub_in_memory(settings()) as hub:
        await start(hub)
        browser = await logged_in(hub, "bob")
        answer = await browser.get(AUTHORIZE, params={**of_server(), **query})
        told = answer_in(answer)
        assert (told["error"], told["state"], "code" in told) == (error, "the-state", False)
        assert answer.headers["Location"].startswith("/user/bob/oauth_callback?")


@pytest.mark.parametrize(
    ("allowed", "scope", "is_asked"),
    [
        ("inherit", "inherit", True),
        ("inherit", "", True),
        ("inherit", "identify", True),
        ("inherit", "read:users:name!user access:services!service", True),  # what every client may have
        ("inherit", "servers!user", False),
        ("inherit", "self", False),
        ("inherit", "admin:users", False),
        ("inherit", "inherit self", False),
        ("inherit", "user", False),
        ("inherit", "token", True),  # a role, and so its scope: `inherit`
        ("inherit servers!user", "inherit read:servers!user", True),
        ("self", "servers!user", True),
        ("self", "inherit", False),
        ("self inherit", "servers", False),
    ],
)
async def test_a_client_may_ask_for_what_it_is_allowed_and_inherit_is_itself_alone(
    allowed: str, scope: str, is_asked: bool
) -> None:
    grader = replace(GRADER, oauth_client_allowed_scopes=allowed.split())
    async with hub_in_memory(settings(services=[grader])) as hub:
        browser = await logged_in(hub, "bob")
        answer = await browser.get(AUTHORIZE, params=of_grader(scope=scope))
        assert answer.status_code == (200 if is_asked else 302)
        assert is_asked or answer_in(answer)["error"] == "invalid_scope"


async def test_pkce_can_be_made_a_must() -> None:
    async with hub_in_memory(settings(oauth_require_pkce=True)) as hub:
        await start(hub)
        browser = await logged_in(hub, "bob")
        assert answer_in(await browser.get(AUTHORIZE, params=of_server()))["error"] == "invalid_request"
        with_it = of_server(code_challenge=CHALLENGE, code_challenge_method="S256")
        assert "code" in answer_in(await browser.get(AUTHORIZE, params=with_it))


# --- services ---


@pytest.mark.parametrize(
    ("scope", "shown", "granted"),
    [
        ("", {"read:users!user", "read:servers!user"}, {"read:users!user=bob", "read:servers!user=bob"}),
        ("read:servers!user", {"read:servers!user"}, {"read:servers!user=bob"}),
        ("read:servers!user=bob", {"read:servers!user=bob"}, {"read:servers!user=bob"}),
        ("read:servers!user=carol", None, None),
        ("peek", {"read:servers!user"}, {"read:servers!user=bob"}),
        ("identify", set(), set()),
    ],
)
async def test_a_service_is_given_what_it_asks_for_of_what_it_may_have(
    scope: str, shown: set[str] | None, granted: set[str]
) -> None:
    always = {"access:services!service=grader", "read:users:name!user=bob", "read:users:groups!user=bob"}
    async with hub_in_memory(settings()) as hub:
        browser = await logged_in(hub, "bob")
        query = of_grader(scope=scope) if scope else of_grader()
        page = await browser.get(AUTHORIZE, params=query)
        if shown is None:
            assert answer_in(page)["error"] == "invalid_scope"
            return
        assert page.status_code == 200
        asked = set(re.findall(r'name="scopes" value="([^"]*)"', page.text))
        assert {one for one in asked if not one.startswith(("access:", "read:users:"))} == shown
        agreed = await browser.post(
            AUTHORIZE, params=query, data={"_xsrf": browser.xsrf, "scopes": sorted(asked)}
        )
        assert urlsplit(agreed.headers["Location"]).path == "/services/grader/oauth_callback"
        answer = await change(browser, answer_in(agreed)["code"], "service-grader", GRADER.api_token)
        assert set(answer.json()["scope"].split()) == granted | always


async def test_who_agrees_to_nothing_says_only_who_they_are() -> None:
    async with hub_in_memory(settings()) as hub:
        browser = await logged_in(hub, "bob")
        agreed = await browser.post(AUTHORIZE, params=of_grader(), data={"_xsrf": browser.xsrf})
        answer = await change(browser, answer_in(agreed)["code"], "service-grader", GRADER.api_token)
        assert set(answer.json()["scope"].split()) == {
            "access:services!service=grader",
            "read:users:name!user=bob",
            "read:users:groups!user=bob",
        }


async def test_a_user_cannot_agree_to_more_than_the_client_may_have() -> None:
    async with hub_in_memory(settings()) as hub:
        browser = await logged_in(hub, "alice")
        answer = await browser.post(
            AUTHORIZE, params=of_grader(), data={"_xsrf": browser.xsrf, "scopes": ["admin:users"]}
        )
        assert answer_in(answer)["error"] == "invalid_scope"


async def test_nobody_agrees_without_the_token_of_the_page() -> None:
    async with hub_in_memory(settings()) as hub:
        browser = await logged_in(hub, "bob")
        head = hub.store.head
        for data in ({}, {"_xsrf": "x"}):
            answer = await browser.post(AUTHORIZE, params=of_grader(), data=data)
            assert answer.status_code == 403
        assert hub.store.head == head


async def test_a_trusted_service_is_not_asked_about() -> None:
    async with hub_in_memory(settings(services=[replace(GRADER, oauth_no_confirm=True)])) as hub:
        browser = await logged_in(hub, "bob")
        assert "code" in answer_in(await browser.get(AUTHORIZE, params=of_grader()))


async def test_a_service_elsewhere_has_its_own_place_to_return_to() -> None:
    away = ServiceSettings(
        "away",
        api_token="the-token-of-away",
        oauth_client_id="service-away",
        oauth_redirect_uri="https://away.test/back?x=1",
        oauth_no_confirm=True,
    )
    roles = [{"name": "user", "scopes": ["self", "access:services"]}]
    async with hub_in_memory(settings(services=[away], load_roles=roles)) as hub:
        browser = await logged_in(hub, "bob")
        query = {"client_id": "service-away", "response_type": "code", "state": "s"}
        answer = await browser.get(AUTHORIZE, params=query)
        assert answer.headers["Location"].startswith("https://away.test/back?x=1&code=")
        full = {**query, "redirect_uri": "https://away.test/back?x=1"}
        code = answer_in(await browser.get(AUTHORIZE, params=full))["code"]
        wrong = await change(browser, code, "service-away", away.api_token, redirect_uri="https://away.test/")
        assert (wrong.status_code, wrong.json()["error"]) == (400, "invalid_request")
        right = await change(browser, code, "service-away", away.api_token, redirect_uri=full["redirect_uri"])
        assert right.status_code == 200


async def test_a_service_made_over_the_api_is_a_client(client: Client) -> None:
    made = {"url": "http://127.0.0.1:9998", "api_token": "the-token-of-new", "oauth_no_confirm": True}
    assert (await client.post("/services/new", json=made)).status_code == 201
    browser = await logged_in(client.hub, "alice", client.app)
    query = {"client_id": "service-new", "response_type": "code"}
    code = answer_in(await browser.get(AUTHORIZE, params=query))["code"]
    answer = await change(browser, code, "service-new", "the-token-of-new")
    token = answer.json()["access_token"]
    assert (await client.with_token(token).get("/user")).status_code == 200
    assert (await client.delete("/services/new")).status_code == 200
    assert (await client.with_token(token).get("/user")).status_code == 403
    assert (await browser.get(AUTHORIZE, params=query)).status_code == 400


@pytest.mark.parametrize("scope", ["inherit", "self", "servers!user", "access:servers!server"])
async def test_visitors_are_asked_what_they_give_of_their_own_unless_the_configuration_says_otherwise(
    scope: str,
) -> None:
    """Also by services that were made when requests could still say otherwise."""
    definition = ServiceDefinition(
        oauth_client_id="service-new",
        oauth_redirect_uri="https://new.test/back",
        oauth_client_allowed_scopes=[scope, "read:hub"],
        oauth_no_confirm=True,
    )
    trusted = replace(GRADER, oauth_client_allowed_scopes=[scope], oauth_no_confirm=True)
    async with hub_in_memory(settings(services=[trusted])) as hub:
        await hub.entities.services.ask("new", Add("new", definition), by=HUB)
        browser = await logged_in(hub, "alice")
        assert "code" in answer_in(await browser.get(AUTHORIZE, params=of_grader(scope=scope)))
        query = {"client_id": "service-new", "response_type": "code", "scope": scope}
        page = await browser.get(AUTHORIZE, params=query)
        assert (page.status_code, 'name="scopes"' in page.text) == (200, True)


# --- the token endpoint ---


@pytest.mark.parametrize(
    ("fields", "status", "error"),
    [
        ({}, 200, ""),
        ({"client_secret": "wrong-secret"}, 401, "invalid_client"),
        ({"client_secret": ""}, 401, "invalid_client"),
        ({"client_secret": ADMIN_TOKEN}, 401, "invalid_client"),
        ({"client_secret": GRADER.api_token}, 401, "invalid_client"),
        ({"client_id": "service-grader"}, 401, "invalid_client"),
        ({"client_id": ""}, 401, "invalid_client"),
        ({"code": "wrong"}, 400, "invalid_grant"),
        ({"code": ""}, 400, "invalid_grant"),
        ({"code_verifier": "w" * 64}, 400, "invalid_grant"),
        ({"code_verifier": None}, 400, "invalid_request"),
        ({"redirect_uri": "/user/bob/elsewhere"}, 400, "invalid_request"),
        ({"redirect_uri": None}, 200, ""),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": "refresh_token"}, 400, "unsupported_grant_type"),
        ({"grant_type": None}, 400, "unsupported_grant_type"),
    ],
)
async def test_a_code_is_changed_for_a_token_if_all_is_right(
    fields: dict[str, str | None], status: int, error: str
) -> None:
    async with hub_in_memory(settings()) as hub:
        secret = await start(hub)
        browser = await logged_in(hub, "bob")
        asked = of_server(code_challenge=CHALLENGE, code_challenge_method="S256")
        code = answer_in(await browser.get(AUTHORIZE, params=asked))["code"]
        good = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": "jupyterhub-user-bob",
            "client_secret": secret,
            "redirect_uri": asked["redirect_uri"],
            "code_verifier": VERIFIER,
        }
        sent = {name: value for name, value in {**good, **fields}.items() if value is not None}
        async with Browser(hub, browser.app) as plain:
            answer = await plain.post(TOKEN, data=sent)
        assert (answer.status_code, answer.json().get("error", "")) == (status, error)
        assert answer.headers["Cache-Control"] == "no-store"
        if status == 401:
            assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_client"'
        given = [one for one in hub.store.read_all() if isinstance(one.event, CodeRedeemed)]
        assert len(given) == (status == 200)


async def test_a_client_may_say_who_it_is_in_the_header() -> None:
    async with hub_in_memory(settings()) as hub:
        secret = await start(hub)
        browser = await logged_in(hub, "bob")
        code = answer_in(await browser.get(AUTHORIZE, params=of_server()))["code"]
        fields = {"grant_type": "authorization_code", "code": code}
        async with Browser(hub, browser.app) as plain:
            wrong = await plain.post(TOKEN, data=fields, auth=("jupyterhub-user-bob", "wrong"))
            assert wrong.status_code == 401
            answer = await plain.post(TOKEN, data=fields, auth=("jupyterhub-user-bob", secret))
            assert answer.status_code == 200


async def test_a_code_is_good_once_and_who_shows_it_again_ends_its_token() -> None:
    async with hub_in_memory(settings()) as hub:
        secret = await start(hub)
        browser = await logged_in(hub, "bob")
        code = answer_in(await browser.get(AUTHORIZE, params=of_server()))["code"]
        token = (await change(browser, code, "jupyterhub-user-bob", secret)).json()["access_token"]
        visitor = Client(hub, token, browser.app)
        assert (await visitor.get("/user")).status_code == 200
        again = await change(browser, code, "jupyterhub-user-bob", secret)
        assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
        assert (await visitor.get("/user")).status_code == 403


async def test_neither_code_nor_token_is_in_the_log() -> None:
    async with hub_in_memory(settings()) as hub:
        secret = await start(hub)
        browser = await logged_in(hub, "bob")
        code = answer_in(await browser.get(AUTHORIZE, params=of_server()))["code"]
        token = (await change(browser, code, "jupyterhub-user-bob", secret)).json()["access_token"]
        cookie = browser.cookies["jupyterhub-hub-login"]
        log = repr(hub.store.read_all())
        assert "CodeIssued" in log
        assert [one for one in (code, token, cookie, secret, browser.xsrf) if one in log] == []


# --- the end of a session, and of a server (CVE-2021-41247) ---


async def test_a_logout_ends_the_tokens_of_the_session_and_of_no_other() -> None:
    async with hub_in_memory(settings()) as hub:
        secret = await start(hub)
        here, there = await logged_in(hub, "bob"), await logged_in(hub, "bob")
        ended, kept = await token_of(here, secret), await token_of(there, secret)
        await here.get("/hub/logout", headers=NAVIGATES)
        assert (await Client(hub, ended["access_token"]).get("/user")).status_code == 403
        assert (await Client(hub, kept["access_token"]).get("/user")).status_code == 200


async def test_a_code_from_before_the_logout_gives_no_token_after_it() -> None:
    async with hub_in_memory(settings()) as hub:
        secret = await start(hub)
        browser = await logged_in(hub, "bob")
        code = answer_in(await browser.get(AUTHORIZE, params=of_server()))["code"]
        await browser.get("/hub/logout", headers=NAVIGATES)
        answer = await change(browser, code, "jupyterhub-user-bob", secret)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


async def test_a_request_that_was_under_way_cannot_undo_a_logout() -> None:
    """The session is looked at when the request comes, and once more in the append."""
    async with hub_in_memory(settings()) as hub:
        await start(hub)
        browser = await logged_in(hub, "bob")
        ask = hub.entities.codes.ask

        async def late(*args: Any, **kwargs: Any) -> Any:
            hub.entities.codes.ask = ask  # type: ignore[method-assign]
            other_tab = Browser(hub, browser.app)
            other_tab.cookies = httpx.Cookies(browser.cookies)
            await other_tab.get("/hub/logout", headers=NAVIGATES)
            return await ask(*args, **kwargs)

        hub.entities.codes.ask = late  # type: ignore[method-assign]
        answer = await browser.get(AUTHORIZE, params=of_server(), headers=NAVIGATES)
        assert answer.status_code == 403
        events = [record.event for record in hub.store.read_all()]
        assert not any(isinstance(event, CodeIssued) for event in events)


async def test_the_tokens_of_visitors_end_with_the_server() -> None:
    async with hub_in_memory(settings()) as hub:
        secret = await start(hub)
        browser = await logged_in(hub, "bob")
        token = (await token_of(browser, secret))["access_token"]
        code = answer_in(await browser.get(AUTHORIZE, params=of_server()))["code"]
        assert (await browser.call("DELETE", "/users/bob/server")).status_code == 204
        assert (await Client(hub, token).get("/user")).status_code == 403
        assert (await change(browser, code, "jupyterhub-user-bob", secret)).status_code == 401
        assert (await browser.get(AUTHORIZE, params=of_server())).status_code == 400


async def test_to_revoke_one_token_of_a_client_is_to_revoke_all() -> None:
    async with hub_in_memory(settings()) as hub:
        secret = await start(hub)
        browser = await logged_in(hub, "bob")
        tokens = [(await token_of(browser, secret))["access_token"] for _ in range(2)]
        listed = (await browser.call("GET", "/users/bob/tokens")).json()["api_tokens"]
        one = next(one for one in listed if one["oauth_client"].startswith("Server at") and one["session_id"])
        assert (await browser.call("DELETE", f"/users/bob/tokens/{one['id']}")).status_code == 204
        for token in tokens:
            assert (await Client(hub, token).get("/user")).status_code == 403


async def test_a_renamed_users_server_goes_on_letting_people_in() -> None:
    async with hub_in_memory(settings()) as hub:
        secret = await start(hub)
        async with Client(hub, ADMIN_TOKEN) as admin:
            assert (await admin.patch("/users/bob", json={"name": "robert"})).status_code == 200
        browser = await logged_in(hub, "robert")
        token = (await token_of(browser, secret))["access_token"]
        me = (await Client(hub, token).get("/user")).json()
        assert me["name"] == "robert"
        assert "access:servers!server=bob/" in me["scopes"], "the server knows its user by that name"


# --- scopes of servers' clients, and how long tokens are good for ---


async def test_a_server_may_be_given_what_the_configuration_allows() -> None:
    spawner = SpawnerSettings(oauth_client_allowed_scopes=["read:servers!user"])
    async with hub_in_memory(replace(settings(), spawner=spawner)) as hub:
        secret = await start(hub)
        browser = await logged_in(hub, "bob")
        assert "read:servers!user=bob" in (await token_of(browser, secret))["scope"].split()


async def test_of_two_who_show_a_code_at_once_one_is_given_a_token() -> None:
    async with hub_in_memory(settings()) as hub:
        secret = await start(hub)
        browser = await logged_in(hub, "bob")
        code = answer_in(await browser.get(AUTHORIZE, params=of_server()))["code"]
        statuses = []

        async def show() -> None:
            statuses.append((await change(browser, code, "jupyterhub-user-bob", secret)).status_code)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(show)
            nursery.start_soon(show)
        assert sorted(statuses) == [200, 400]


async def test_a_token_is_good_for_as_long_as_the_configuration_says() -> None:
    async with hub_in_memory(settings(oauth_token_expires_in=60)) as hub:
        secret = await start(hub)
        browser = await logged_in(hub, "bob")
        assert (await token_of(browser, secret))["expires_in"] == 60
        issued = [record.event for record in hub.store.read_all() if isinstance(record.event, TokenIssued)]
        assert issued[-1].expires_at is not None


# --- what services asked before there was OAuth ---


async def test_a_service_can_ask_whose_a_cookie_is(client: Client) -> None:
    browser = await logged_in(client.hub, "bob", client.app)
    secret = browser.cookies["jupyterhub-hub-login"]
    answer = await client.get(f"/authorizations/cookie/jupyterhub-hub-login/{secret}")
    assert (answer.status_code, answer.json()["name"]) == (200, "bob")
    assert (await client.get("/authorizations/cookie/jupyterhub-hub-login/x")).status_code == 404
    assert (await client.get(f"/authorizations/cookie/other/{secret}")).status_code == 404
    assert (
        await browser.call("GET", f"/authorizations/cookie/jupyterhub-hub-login/{secret}")
    ).status_code == 403


def test_the_defaults_are_jupyterhubs() -> None:
    assert (HubSettings().oauth_require_pkce, HubSettings().cookie_max_age_days) == (False, 14)
