"""Logging in and out: sessions, their cookies, where people are sent, and what ends with a session."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie

import httpx
import pytest
from msgspec.structs import replace

import projections
from core.actors.servers.server import ServerActor
from core.errors import UnavailableError
from core.events.file.store import EventStore
from core.events.session import SessionEnded, SessionOpened
from core.settings import AuthenticatorSettings, CallboardSettings, DummySettings, TornadoSettings
from core.token import quick_digest
from tests.conftest import Client, hub_in_memory, settings_for_tests
from tests.unit.web.pages.browser import FETCHES, NAVIGATES, Browser, logged_in, path_of
from tests.unit.web.pages.html import shown
from web.hub.hub import Hub
from web.lifecycle.expiry import end_expired


def cookies_set(answer: httpx.Response) -> dict[str, SimpleCookie]:
    jars = [SimpleCookie(header) for header in answer.headers.get_list("set-cookie")]
    return {name: jar for jar in jars for name in jar}


def session_events(hub: Hub) -> list[object]:
    events = [record.event for record in hub.store.read_all()]
    return [event for event in events if isinstance(event, SessionOpened | SessionEnded)]


# --- in ---


async def test_who_logs_in_is_somebody_from_then_on(hub: Hub) -> None:
    browser = await logged_in(hub, "bob")
    me = (await browser.call("GET", "/user")).json()
    assert (me["name"], me["token_id"], me["session_id"]) == ("bob", None, browser.session_id)


async def test_a_login_is_recorded_with_when_and_from_where_and_without_its_secret(hub: Hub) -> None:
    browser = await logged_in(hub, "bob", **{"X-Forwarded-For": "198.51.100.1, 192.0.2.7"})
    secret = browser.cookies["jupyterhub-hub-login"]
    (opened,) = session_events(hub)
    assert isinstance(opened, SessionOpened)
    assert (opened.address, opened.digest) == ("192.0.2.7", quick_digest(secret))
    assert timedelta(days=13) < opened.expires_at - datetime.now(UTC) <= timedelta(days=14)


async def test_to_use_a_session_is_no_event(hub: Hub) -> None:
    browser = await logged_in(hub, "bob")
    head = hub.store.head
    for _ in range(5):
        await browser.get("/hub/login")
        await browser.call("GET", "/user")
    assert hub.store.head == head
    assert hub.activity.users, "yet it is activity of the user"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"username": "bob", "password": "right"}, 302),
        ({"username": " bob ", "password": "right"}, 302),
        ({"username": "bob", "password": " right"}, 403),
        ({"username": "bob", "password": "wrong"}, 403),
        ({"username": "bob"}, 403),
        ({"password": "right"}, 403),
        ({}, 403),
        ({"username": "", "password": "right"}, 403),
        ({"username": "a/b", "password": "right"}, 403),
        ({"username": "mallory", "password": "right"}, 403),
    ],
)
async def test_a_login_is_good_or_shows_the_form_again(fields: dict[str, str], status: int) -> None:
    settings = replace(
        settings_for_tests(),
        dummy=DummySettings("right"),
        authenticator=AuthenticatorSettings(allow_all=True, blocked_users={"mallory"}),
    )
    async with hub_in_memory(settings) as hub:
        browser = Browser(hub)
        await browser.get("/hub/login")
        answer = await browser.post("/hub/login", data={**fields, "_xsrf": browser.xsrf})
        assert answer.status_code == status
        if status == 403:
            assert 'name="username"' in answer.text
            assert session_events(hub) == []
            assert "jupyterhub-hub-login" not in browser.cookies


async def test_what_was_typed_is_shown_as_text() -> None:
    async with hub_in_memory(replace(settings_for_tests(), dummy=DummySettings("right"))) as hub:
        browser = Browser(hub)
        answer = await browser.log_in('"><script>alert(1)</script>', next_url='/"><script>')
        assert answer.status_code == 403
        assert "<script>alert" not in answer.text
        assert '"><script>' not in answer.text


@pytest.mark.parametrize("token", ["", "x", "0.x", "session"])
async def test_a_login_form_without_its_token_is_shown_again(hub: Hub, token: str) -> None:
    browser = Browser(hub)
    await browser.get("/hub/login")
    given = hub.sessions.xsrf.of_session("a" * 32) if token == "session" else token
    answer = await browser.post("/hub/login", data={"username": "bob", "_xsrf": given})
    assert (answer.status_code, 'name="username"' in answer.text) == (403, True)
    assert session_events(hub) == []


async def test_a_login_form_of_another_browser_is_of_no_use(hub: Hub) -> None:
    mine, other = Browser(hub, **{"User-Agent": "Firefox"}), Browser(hub, **{"User-Agent": "Chrome"})
    await mine.get("/hub/login")
    await other.get("/hub/login")
    answer = await mine.post("/hub/login", data={"username": "bob", "_xsrf": other.xsrf})
    assert answer.status_code == 403


async def test_a_token_from_before_the_login_is_worth_nothing_after_it(hub: Hub) -> None:
    browser = Browser(hub)
    await browser.get("/hub/login")
    before = browser.xsrf
    await browser.log_in("bob")
    assert before not in ("", browser.xsrf)
    answer = await browser.call("POST", "/users/bob/tokens", headers={"X-XSRFToken": before})
    assert answer.status_code == 403
    answer = await browser.call("POST", "/users/bob/tokens")
    assert answer.status_code == 201


async def test_who_is_logged_in_already_goes_on(hub: Hub) -> None:
    browser = await logged_in(hub, "bob")
    answer = await browser.get("/hub/login", params={"next": "/hub/token"})
    assert (answer.status_code, path_of(answer)) == (302, "/hub/token")


async def test_to_log_in_again_as_the_same_keeps_the_session_and_as_another_ends_it(hub: Hub) -> None:
    browser = await logged_in(hub, "bob")
    first = browser.session_id
    again = {"username": "bob", "_xsrf": browser.xsrf}
    assert (await browser.post("/hub/login", data=again)).status_code == 302
    assert browser.session_id == first
    other = {"username": "carol", "_xsrf": browser.xsrf}
    assert (await browser.post("/hub/login", data=other)).status_code == 302
    assert browser.session_id != first
    assert (await browser.call("GET", "/user")).json()["name"] == "carol"
    assert [type(event) for event in session_events(hub)] == [
        SessionOpened,
        SessionEnded,
        SessionOpened,
    ]


@pytest.mark.parametrize(
    ("options", "origin", "parts"),
    [
        ({}, "http://hub.test", {"httponly": True, "samesite": "Lax", "path": "/hub/", "secure": ""}),
        ({}, "https://hub.test", {"secure": True}),
        ({"public_url": "https://hub.test/"}, "http://hub.test", {"secure": True}),
        ({"base_url": "/lab/"}, "http://hub.test", {"path": "/lab/hub/"}),
        (
            {"tornado_settings": TornadoSettings(cookie_options={"SameSite": "None", "Secure": True})},
            "http://hub.test",
            {"samesite": "None", "secure": True, "httponly": True},
        ),
        ({"cookie_max_age_days": 1}, "http://hub.test", {"max-age": "86400"}),
    ],
)
async def test_the_login_cookie_has_the_attributes_it_needs(
    options: dict[str, object], origin: str, parts: dict[str, object]
) -> None:
    async with hub_in_memory(settings_for_tests(**options)) as hub:
        browser = Browser(hub, origin=origin)
        await browser.get(f"{hub.base_url}hub/login")
        fields = {"username": "bob", "_xsrf": browser.xsrf or _xsrf_of(browser)}
        headers = {"Cookie": f"_xsrf={fields['_xsrf']}"}
        answer = await browser.post(f"{hub.base_url}hub/login", data=fields, headers=headers)
        cookie = cookies_set(answer)["jupyterhub-hub-login"]["jupyterhub-hub-login"]
        assert {name: cookie[name] for name in parts} == parts


def _xsrf_of(browser: Browser) -> str:
    return next(str(cookie.value) for cookie in browser.cookies.jar if cookie.name == "_xsrf")


async def test_with_the_host_prefix_the_cookie_belongs_to_this_host_alone() -> None:
    async with hub_in_memory(settings_for_tests(cookie_host_prefix_enabled=True)) as hub:
        browser = Browser(hub, origin="https://hub.test")
        answer = await browser.log_in("bob")
        cookie = cookies_set(answer)["__Host-jupyterhub-hub-login"]["__Host-jupyterhub-hub-login"]
        assert (cookie["path"], cookie["secure"], cookie["domain"]) == ("/", True, "")
        assert (await browser.call("GET", "/user")).json()["name"] == "bob"


# --- where to ---


@pytest.mark.parametrize(
    ("options", "query", "target"),
    [
        ({}, "", "/hub/spawn"),
        ({}, "next=/user/bob/lab%3Fx=1", "/user/bob/lab?x=1"),
        ({}, "next=//evil.test/", "/hub/spawn"),
        ({}, "next=http://hub.test/hub/home", "/hub/home"),
        ({}, "x=1&x=2", "/hub/spawn?x=1&x=2"),
        ({}, "x=1&_xsrf=2&next=nowhere", "/hub/spawn?x=1"),
        ({"redirect_to_server": False}, "", "/hub/home"),
        ({"default_url": "/hub/token"}, "", "/hub/token"),
        ({"default_url": "/hub/token?y=1"}, "x=1", "/hub/token?y=1&x=1"),
        ({"default_url": lambda handler: handler.request.path}, "", "/hub/login"),
        ({"base_url": "/lab/"}, "", "/lab/hub/spawn"),
    ],
)
async def test_after_a_login_people_come_where_they_wanted_to(
    options: dict[str, object], query: str, target: str
) -> None:
    async with hub_in_memory(settings_for_tests(**options)) as hub:
        browser = await logged_in(hub, "bob")
        answer = await browser.get(f"{hub.base_url}hub/login?{query}")
        assert (answer.status_code, path_of(answer)) == (302, target)


async def test_who_has_a_server_comes_to_it(hub: Hub, client: Client) -> None:
    assert (await client.post("/users/alice/server")).status_code == 201
    browser = Browser(hub)
    assert path_of(await browser.log_in("alice")) == "/user/alice/"


# --- out ---


async def test_a_logout_in_one_tab_ends_the_other(hub: Hub) -> None:
    tab = await logged_in(hub, "bob")
    other = Browser(hub, tab.app)
    other.cookies = httpx.Cookies(tab.cookies)  # the same browser
    answer = await tab.get("/hub/logout", headers=NAVIGATES)
    assert (answer.status_code, path_of(answer)) == (302, "/hub/login")
    assert "jupyterhub-hub-login" not in tab.cookies
    assert (await other.call("GET", "/user")).status_code == 403
    assert (await other.get("/hub/login")).status_code == 200, "the form, for nobody is logged in"
    assert [type(event) for event in session_events(hub)] == [SessionOpened, SessionEnded]


async def test_who_is_not_logged_in_may_log_out(hub: Hub) -> None:
    head = hub.store.head
    answer = await Browser(hub).get("/hub/logout")
    assert (answer.status_code, path_of(answer)) == (302, "/hub/login")
    assert hub.store.head == head


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "image"},
        {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "image"},
        {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "iframe"},
        FETCHES,
    ],
)
async def test_an_image_of_somebodys_page_logs_nobody_out(hub: Hub, headers: dict[str, str]) -> None:
    browser = await logged_in(hub, "bob")
    assert (await browser.get("/hub/logout", headers=headers)).status_code == 403
    assert (await browser.call("GET", "/user")).status_code == 200


async def test_a_logout_stops_the_servers_if_it_is_to() -> None:
    async with hub_in_memory(settings_for_tests(shutdown_on_logout=True)) as hub:
        browser = await logged_in(hub, "bob")
        assert (await browser.call("POST", "/users/bob/server")).status_code == 201
        assert (await browser.call("POST", "/users/bob/servers/lab")).status_code == 201
        await browser.get("/hub/logout", headers=NAVIGATES)
        again = await logged_in(hub, "bob", browser.app)
        assert (await again.call("GET", "/users/bob")).json()["servers"] == {}


async def test_a_server_that_is_set_aside_keeps_nobody_logged_in(monkeypatch: pytest.MonkeyPatch) -> None:
    async with hub_in_memory(settings_for_tests(shutdown_on_logout=True)) as hub:
        browser = await logged_in(hub, "bob")
        assert (await browser.call("POST", "/users/bob/server")).status_code == 201

        def set_aside(server_id: str) -> ServerActor:
            raise UnavailableError(f"The hub failed to manage {server_id}.")

        monkeypatch.setattr(hub.servers, "actor", set_aside)
        assert (await browser.get("/hub/logout", headers=NAVIGATES)).status_code == 302
        monkeypatch.undo()
        assert isinstance(session_events(hub)[-1], SessionEnded)


# --- the end by itself ---


async def test_a_session_ends_when_its_time_is_over(hub: Hub) -> None:
    browser = await logged_in(hub, "bob")
    secret, now = browser.cookies["jupyterhub-hub-login"], datetime.now(UTC)
    assert hub.sessions.find(secret, now + timedelta(days=13, hours=23)) is not None
    assert hub.sessions.find(secret, now + timedelta(days=14, seconds=1)) is None
    await end_expired(hub.sessions, now + timedelta(days=13))
    assert len(session_events(hub)) == 1
    await end_expired(hub.sessions, now + timedelta(days=15))
    assert len(session_events(hub)) == 2
    assert (await browser.call("GET", "/user")).status_code == 403


async def test_an_unused_session_ends_where_the_configuration_says_so() -> None:
    settings = replace(settings_for_tests(), callboard=CallboardSettings(session_idle_timeout=600))
    async with hub_in_memory(settings) as hub:
        browser = await logged_in(hub, "bob")
        secret, now = browser.cookies["jupyterhub-hub-login"], datetime.now(UTC)
        for minute in range(0, 60, 9):
            assert hub.sessions.find(secret, now + timedelta(minutes=minute)) is not None
        assert hub.sessions.find(secret, now + timedelta(minutes=70)) is None


async def test_sessions_outlive_the_hub() -> None:
    settings = settings_for_tests()
    store = EventStore(":memory:", projections.ALL, threaded=False)
    async with hub_in_memory(settings, store=store) as hub:
        browser = await logged_in(hub, "bob")
    async with hub_in_memory(settings, store=store) as hub:
        next_tab = Browser(hub)
        next_tab.cookies = httpx.Cookies(browser.cookies)
        assert (await next_tab.call("GET", "/user")).json()["name"] == "bob"


async def test_the_sessions_of_a_user_end_with_the_user(hub: Hub, client: Client) -> None:
    browser = await logged_in(hub, "bob")
    assert (await client.delete("/users/bob")).status_code == 204
    assert (await browser.call("GET", "/user")).status_code == 403


# --- cookie tossing ---


@pytest.mark.parametrize("first", [True, False])
async def test_a_login_cookie_that_another_page_planted_beside_it_counts_for_nothing(
    hub: Hub, first: bool
) -> None:
    victim, attacker = await logged_in(hub, "bob"), await logged_in(hub, "mallory")
    secrets = [one.cookies["jupyterhub-hub-login"] for one in (victim, attacker)]
    header = "; ".join(f"jupyterhub-hub-login={secret}" for secret in (secrets if first else secrets[::-1]))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(victim.app), base_url="http://hub.test"
    ) as raw:
        answer = await raw.get("/hub/api/user", headers={"Cookie": header})
        assert answer.status_code == 403
        page = await raw.get("/hub/login", headers={"Cookie": header})
        assert page.status_code == 200
        paths = {
            jar["jupyterhub-hub-login"]["path"]
            for jar in map(SimpleCookie, page.headers.get_list("set-cookie"))
            if "jupyterhub-hub-login" in jar
        }
        assert "/hub/login" in paths, "the browser is asked to forget it"
        assert (await raw.get("/hub/api/user", headers={"Cookie": header})).status_code == 403


async def test_an_xsrf_cookie_that_another_page_planted_proves_nothing(hub: Hub) -> None:
    victim, attacker = await logged_in(hub, "bob"), await logged_in(hub, "mallory")
    login = f"jupyterhub-hub-login={victim.cookies['jupyterhub-hub-login']}"
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(victim.app), base_url="http://hub.test"
    ) as raw:

        async def post(cookies: str, token: str) -> int:
            headers = {"Cookie": f"{login}; {cookies}", "X-XSRFToken": token}
            return (await raw.post("/hub/api/users/bob/tokens", headers=headers)).status_code

        assert await post(f"_xsrf={attacker.xsrf}", attacker.xsrf) == 403
        assert await post("_xsrf=x", "x") == 403
        assert await post(f"_xsrf={attacker.xsrf}; _xsrf={victim.xsrf}", attacker.xsrf) == 403
        assert await post(f"_xsrf={attacker.xsrf}; _xsrf={victim.xsrf}", victim.xsrf) == 201
        assert await post("", victim.xsrf) == 403, "the token alone, without the cookie that goes with it"


async def test_nobody_is_logged_in_by_a_form_that_another_page_has_filled_in(hub: Hub) -> None:
    """With the attacker's own form, token and name: what the victim then writes would be the attacker's to read."""
    victim, attacker = Browser(hub), Browser(hub)
    for browser in (victim, attacker):
        assert (await browser.get("/hub/login", headers=NAVIGATES)).status_code == 200
    fields = {"username": "mallory", "password": "", "_xsrf": attacker.xsrf}
    for headers in (NAVIGATES, {}):
        answer = await victim.post("/hub/login", data=fields, headers=headers)
        assert answer.status_code == 403
        assert "jupyterhub-hub-login" not in victim.cookies


@pytest.mark.parametrize("query", ["", "?next=/hub/home", "?ticket=made-up"])
async def test_where_nobody_logs_in_there_is_no_form(query: str) -> None:
    async with hub_in_memory(settings_for_tests(authenticator_class="null")) as hub, Browser(hub) as browser:
        page = await shown(browser, f"/hub/login{query}", 403)
        assert page.all("form") == []
        assert ("This link has been used" if "ticket" in query else "Nobody logs in here") in page.one(
            "body"
        ).text
        answer = await browser.post("/hub/login", data={"username": "bob", "_xsrf": browser.xsrf})
        assert (answer.status_code, answer.headers.get_list("set-cookie")) == (403, [])
