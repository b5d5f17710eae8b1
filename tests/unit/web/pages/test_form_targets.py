"""Where the forms of pages may lead, in their Content-Security-Policy: to whatever the login they serve goes on to."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from quart import g

from core.scopes import Scopes
from core.settings import ServiceSettings
from tests.conftest import hub_in_memory, settings_for_tests
from tests.unit.web.pages.browser import NAVIGATES, Browser, logged_in
from web.app.app import build_app
from web.request.event_stream import event_stream
from web.request.routing import ROUTES, Route
from web.rights.identity import Identity

DASHBOARD = ServiceSettings(
    "dashboard",
    url="http://127.0.0.1:9999",
    api_token="t" * 20,
    oauth_client_id="service-dashboard",
    oauth_redirect_uri="https://dash.example:8443/oauth/callback",
)
AUTHORIZE = "/hub/api/oauth2/authorize"
QUERY = {"client_id": "service-dashboard", "response_type": "code", "state": "s"}
ASKED = f"{AUTHORIZE}?{urlencode(QUERY)}"
DASH = " https://dash.example:8443"


def form_action(answer: httpx.Response) -> str:
    (found,) = re.findall(r"; form-action 'self'([^;]*)(?:;|$)", answer.headers["content-security-policy"])
    return str(found)


@pytest.mark.parametrize(
    ("hub_settings", "next_url", "targets"),
    [
        ({}, "", ""),
        ({}, "/hub/home", ""),
        ({}, ASKED, DASH),
        ({}, f"{AUTHORIZE}?client_id=nobody", ""),
        ({}, "/services/dashboard/", DASH),
        ({}, "/services/none/", ""),
        ({}, "/services/", ""),
        ({}, "http://[", ""),
        ({}, "https://evil.example/oauth2/authorize", ""),
        ({"default_url": "https://portal.example/x"}, "", " https://portal.example"),
        ({"default_url": "/hub/spawn"}, "", ""),
        ({"default_url": lambda handler: "/"}, "", " http: https:"),
        (
            {"subdomain_host": "http://hub.test:8000", "public_url": "http://hub.test:8000/"},
            "/hub/home",
            " http://*.hub.test:8000 http://hub.test:8000",
        ),
    ],
)
async def test_a_login_may_go_on_to_where_it_leads(
    hub_settings: dict[str, Any], next_url: str, targets: str
) -> None:
    settings = settings_for_tests(**{"services": [DASHBOARD], "load_roles": [], **hub_settings})
    async with hub_in_memory(settings) as hub, Browser(hub, origin="http://hub.test:8000") as browser:
        answer = await browser.get("/hub/login", params={"next": next_url}, headers=NAVIGATES)
        assert form_action(answer) == targets


async def test_consent_may_lead_back_to_who_asked_for_it() -> None:
    settings = settings_for_tests(services=[DASHBOARD], load_roles=[])
    async with hub_in_memory(settings) as hub:
        browser = await logged_in(hub)
        answer = await browser.get(ASKED, headers=NAVIGATES)
        assert (answer.status_code, form_action(answer)) == (200, DASH)
        assert form_action(await browser.get("/hub/home", headers=NAVIGATES)) == ""


@pytest.mark.parametrize(
    "uri", ["https://a;script-src *", "https://a b", "https://a@b", "data:x", "https://é"]
)
async def test_no_redirect_uri_writes_the_policy(uri: str) -> None:
    """Whatever a service of the log has come to be registered with."""
    service = ServiceSettings(
        "dashboard", api_token="t" * 20, oauth_client_id="service-dashboard", oauth_redirect_uri=uri
    )
    settings = settings_for_tests(services=[service], load_roles=[])
    async with hub_in_memory(settings) as hub, Browser(hub) as browser:
        for next_url in (ASKED, "/services/dashboard/"):
            answer = await browser.get("/hub/login", params={"next": next_url}, headers=NAVIGATES)
            assert form_action(answer) == ""


async def test_nobody_guesses_what_an_answer_is(hub: Any) -> None:
    """Every route that is asked by GET, and what there is no route for."""
    app = build_app(hub)
    routes: dict[str, Route] = app.extensions[ROUTES]
    paths = {
        endpoint.split(":GET:")[0] + re.sub("<[^>]*>", "x", route.path)
        for endpoint, route in routes.items()
        if route.method == "GET"
    }
    transport, shown = httpx.ASGITransport(app), 0
    async with httpx.AsyncClient(transport=transport, base_url="http://hub.test") as nobody:
        for path in sorted({*paths, "/nothing", "/hub/nothing", "/hub/static/css/theme.css"}):
            answer = await nobody.get(path or "/", headers=NAVIGATES)
            assert answer.headers.get("x-content-type-options") == "nosniff", path
            if "nonce-" in answer.headers.get("content-security-policy", ""):
                assert "form-action 'self'" in answer.headers["content-security-policy"], path
                shown += 1
    assert len(paths) > 40
    assert shown >= 5


async def test_no_proxy_keeps_events_to_itself(hub: Any) -> None:
    async def events() -> Any:
        yield b"data: {}\n\n"

    async with build_app(hub).app_context():
        g.identity = Identity("user", "u1", "alice", Scopes({}))
        assert event_stream(events()).headers["X-Accel-Buffering"] == "no"
