"""Open redirects (CVE-2019-10255, CVE-2026-33709): wherever the hub sends a browser, it is to the hub.

`next` as such is tested in tests/property/test_next_url.py, redirect URIs of OAuth clients in
tests/unit/web/pages/test_oauth.py. Here every URL that a browser can be asked to open is tried with addresses of
elsewhere in its path, in its query and in its headers.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlencode

import httpx
import pytest
from quart_trio import QuartTrio

from tests.conftest import ADMIN_TOKEN, Client, hub_in_memory, settings_for_tests
from tests.property.test_next_url import host_a_browser_goes_to
from tests.unit.web.pages.browser import NAVIGATES, Browser, logged_in
from tests.unit.web.pages.html import shown
from web.app.app import build_app
from web.hub.hub import Hub
from web.request.routing import ROUTES, Route

ELSEWHERE = (
    "//evil.test",
    "///evil.test",
    "/\\evil.test",
    "\\\\evil.test",
    "https://evil.test",
    "https:evil.test",
    "https:/evil.test",
    "http://hub.test//evil.test",
    "http://hub.test/\\evil.test",
    "http://hub.test@evil.test",
    "http://hub.test.evil.test/",
    "http://evil.test#http://hub.test/",
    "//hub.test//evil.test",
    "javascript:alert(1)",
    "data:text/html,x",
    "/\t/evil.test",
    "/hub/home\r\nLocation: https://evil.test",
)
IN_PATHS = (
    "//evil.test",
    "///evil.test/",
    "//evil.test/..",
    "/%2f/evil.test",
    "/%2fevil.test",
    "/\\evil.test",
    "/%5cevil.test",
    "/%5c%5cevil.test",
    "/%09/evil.test",
    "/%0d%0aLocation:%20https://evil.test",
    "/.//evil.test",
    "/..//evil.test",
    "/user//evil.test",
    "/user/..//..//evil.test",
    "/services//evil.test",
    "//evil.test/user/alice",
    "/hub//evil.test",
    "/hub/..//evil.test",
    "/hub//../evil.test",
    "/hub/user-redirect///evil.test",
    "/hub/user-redirect/\\evil.test",
    "/hub/user-redirect/https://evil.test",
    "/hub/user-redirect/%2f%2fevil.test",
    "/hub/user//evil.test/",
    "/hub/spawn//evil.test",
    "/hub/spawn-pending//evil.test",
)
ARGUMENTS = ("next", "redirect_uri", "url", "state", "code")


def where(answer: httpx.Response) -> str:
    """The host that a browser is at once it has read this answer."""
    return host_a_browser_goes_to(unnamed(answer.headers["Location"]))


def unnamed(location: str) -> str:
    """An absolute URL of this very host is as good as its path."""
    return re.sub(r"^http://hub\.test(?=/|$)", "", location)


def urls(app: QuartTrio) -> Iterator[str]:
    """Of every GET there is, with an address of elsewhere in each of its arguments, and in its path."""
    for endpoint, route in app.extensions[ROUTES].items():
        if route.method != "GET" or endpoint.startswith("/api:") or not _redirects(route):
            continue
        prefix = endpoint[: -len(f":{route.method}:{route.path}")]
        for inner in ("alice", "%2f%2fevil.test", "%5cevil.test", "https:%2f%2fevil.test", "%2e%2e"):
            path = prefix + re.sub(r"<(?:\w+:)?\w+>", inner.replace("\\", r"\\"), route.path)
            yield path
        path = prefix + re.sub(r"<(?:\w+:)?\w+>", "alice", route.path)
        for elsewhere in ELSEWHERE:
            yield f"{path}?{urlencode(dict.fromkeys(ARGUMENTS, elsewhere))}"


def _redirects(route: Route) -> bool:
    return bool({301, 302, 303} & {*route.answers})


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    async with hub_in_memory(settings_for_tests(default_url="/hub/home")) as hub:
        yield hub


async def test_no_url_leads_elsewhere(hub: Hub, autojump_clock: object) -> None:
    app = build_app(hub)
    alice = await logged_in(hub, "alice", app)
    nobody = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://hub.test")
    sent = 0
    for url in urls(app):
        for browser in (nobody, alice) if "/logout" not in url else (nobody,):
            answer = await browser.get(httpx.URL("http://hub.test", raw_path=url.encode()), headers=NAVIGATES)
            if "Location" in answer.headers:
                assert where(answer) == "hub.test", f"{url}: {answer.headers['Location']}"
                sent += 1
    assert sent > 100


@pytest.mark.parametrize("base", ["/", "/@/a%20hub/"])
async def test_no_path_leads_elsewhere(base: str, autojump_clock: object) -> None:
    """The raw bytes, which no client has tidied up."""
    async with hub_in_memory(settings_for_tests(base_url=base)) as hub:
        app = build_app(hub)
        nobody = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://hub.test")
        alice = await logged_in(hub, "alice", app)
        for path in IN_PATHS:
            for before in {"", base.rstrip("/")}:
                for query in ("", "?next=//evil.test", "?//evil.test"):
                    raw = f"{before}{path}{query}".encode()
                    for browser in (nobody, alice):
                        answer = await browser.get(
                            httpx.URL("http://hub.test", raw_path=raw), headers=NAVIGATES
                        )
                        location = answer.headers.get("Location", "")
                        assert not location or where(answer) == "hub.test", (raw, location)
                        assert "evil" not in answer.headers.get("Set-Cookie", "")


async def test_after_a_login_nobody_is_elsewhere(hub: Hub, autojump_clock: object) -> None:
    app = build_app(hub)
    for asked in ELSEWHERE:
        answer = await Browser(hub, app).log_in("bob", next_url=asked)
        assert (answer.status_code, where(answer)) == (302, "hub.test"), asked
        browser = Browser(hub, app)
        await browser.get("/hub/login", headers=NAVIGATES)
        fields = {"username": "bob", "next": asked, "_xsrf": browser.xsrf}
        answer = await browser.post("/hub/login", data=fields, headers=NAVIGATES)
        assert (answer.status_code, where(answer)) == (302, "hub.test"), asked


async def test_who_accepts_a_share_is_not_sent_elsewhere(
    client: Client, hub: Hub, autojump_clock: object
) -> None:
    client = Client(hub, ADMIN_TOKEN)
    await client.post("/users", json={"usernames": ["bob", "carol"]})
    code = (await client.post("/share-codes/alice/", json={})).json()["code"]
    browser = await logged_in(hub, "carol", client.app)
    for asked in ELSEWHERE:
        url = f"/hub/accept-share?{urlencode({'code': code, 'next': asked})}"
        for link in (await shown(browser, url)).all("a"):
            assert host_a_browser_goes_to(unnamed(link["href"])) == "hub.test", asked
        fields = {"code": code, "_xsrf": browser.xsrf, "next": asked}
        answer = await browser.post(url, data=fields, headers=NAVIGATES)
        assert (answer.status_code, where(answer)) == (302, "hub.test"), asked


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.test"},
        {"X-Forwarded-Host": "evil.test"},
        {"Forwarded": "host=evil.test"},
        {"X-Original-URL": "//evil.test"},
        {"X-Rewrite-URL": "//evil.test"},
        {"Referer": "https://evil.test/"},
    ],
)
async def test_with_a_public_url_no_header_changes_where_the_hub_is(headers: dict[str, str]) -> None:
    """What a cache in front might keep for others."""
    async with hub_in_memory(settings_for_tests(public_url="http://hub.test/")) as hub:
        app = build_app(hub)
        nobody = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://hub.test")
        for path in ("/", "/hub", "/hub/", "/hub/home", "/user/alice", "/user/alice/x", "/nothing"):
            answer = await nobody.get(path, headers={**headers, **NAVIGATES})
            assert where(answer) == "hub.test", path
            assert "evil" not in answer.headers["Location"]
