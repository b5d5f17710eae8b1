"""HTML, scripts, headers and log lines made of what people type (CVE-2024-28233, GHSA-c4gm-pwx9-9w8j, CVE-2026-54338).

One world in which everything that somebody may choose is hostile, and every page of it. Single places are tested in
tests/unit/web/pages/.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlencode

import httpx
import pytest
import trio

from core.settings import GroupSettings, ServiceSettings
from tests.conftest import ADMIN_TOKEN, Client, hub_in_memory, settings_for_tests
from tests.unit.web.pages.browser import NAVIGATES, Browser, logged_in
from tests.unit.web.pages.html import Element, read
from web.hub.hub import Hub
from web.request.routing import ROUTES

REPOSITORY = Path(__file__).parents[2]
HOSTILE = "\"'><svg onload=alert(1)><script>alert(2)<!--{{7*7191}}${7*7191}&lt;x"
NAME = HOSTILE.lower()
IN_URL = quote(NAME, safe="")


class World(NamedTuple):
    hub: Hub
    admin: Client
    browser: Browser  # of somebody with the worst of all names


@pytest.fixture
async def world() -> AsyncIterator[World]:
    service = ServiceSettings(
        "grader",
        url="http://127.0.0.1:9999",
        api_token="the-token-of-the-grader",
        info={"description": HOSTILE, HOSTILE: HOSTILE},
        oauth_client_allowed_scopes=["read:users!user"],
    )
    settings = settings_for_tests(
        services=[service],
        load_groups={HOSTILE: GroupSettings([NAME], {HOSTILE: HOSTILE})},
        load_roles=[
            {"name": "user", "scopes": ["self", "access:services", "shares!user"]},
            {"name": "odd", "description": HOSTILE, "scopes": ["self"], "groups": [HOSTILE]},
        ],
    )
    async with hub_in_memory(settings) as hub:
        admin = Client(hub, ADMIN_TOKEN)
        browser = await logged_in(hub, NAME, admin.app)
        for server, simulate in (("", {}), ("lab", {"fail": HOSTILE}), ("run", {"delay": 900})):
            options = {"simulate": {**simulate, "progress": [[0, 5, HOSTILE]]}, HOSTILE: HOSTILE}
            await admin.post(f"/users/{IN_URL}/servers/{server}", json={"user_options": options})
        for server in ("lab", "run", "idle"):
            await admin.put(f"/users/{IN_URL}/servers/{server}", json={"display_name": HOSTILE})
        await browser.call("POST", f"/users/{IN_URL}/tokens", json={"note": HOSTILE})
        yield World(hub, admin, browser)


def check_clean(html: str, where: str) -> Element:
    """What somebody typed is text, and nothing that a browser would do."""
    page = read(html)
    for element in page.all():
        assert element.tag != "svg" or "onload" not in element.attributes, where
        assert not [name for name in element.attributes if name.startswith("on")], (where, element.attributes)
        assert "style" not in element.attributes, where
        assert element.tag not in ("iframe", "object", "embed", "base"), where
        for name in ("href", "src", "action", "formaction"):
            target = element.attributes.get(name, "/")
            assert re.match(r"(/(?!/)|#|$)", target), (where, name, target)
        if element.tag == "script":
            assert element.attributes.get("src", "").startswith("/hub/static/") or (
                element.attributes["type"] == "application/json"
            ), where
    assert "50337" not in html, "a template was made of it"
    return page


async def test_every_page_shows_what_people_type_as_text(world: World, autojump_clock: object) -> None:
    seen = 0
    hub, _, browser = world
    code = (await browser.call("POST", f"/share-codes/{IN_URL}/idle", json={})).json()["code"]
    others = await logged_in(hub, "bob", browser.app)
    query = urlencode({"code": code, "next": f"/x{HOSTILE}", "username": HOSTILE, HOSTILE: HOSTILE})
    inside = {"user": IN_URL, "server": "lab", "path": IN_URL, "rest": IN_URL, "status": "404"}
    nobody = Browser(hub, browser.app)
    for endpoint, route in browser.app.extensions[ROUTES].items():
        if route.method != "GET" or not route.page or "logout" in route.path:
            continue
        prefix = endpoint[: -len(f":GET:{route.path}")]
        path = prefix + re.sub(r"<(?:\w+:)?(\w+)>", lambda name: inside.get(name[1], IN_URL), route.path)
        for somebody in (browser, others, nobody):
            for url in (path, f"{path}?{query}", path.replace("lab", "run"), f"{path}{IN_URL}?{query}"):
                answer = await somebody.get(
                    httpx.URL("http://hub.test", raw_path=url.encode()), headers=NAVIGATES
                )
                if answer.headers.get("content-type", "").startswith("text/html") and answer.text:
                    check_clean(answer.text, url)
                    assert "'unsafe" not in answer.headers["content-security-policy"]
                    seen += 1
    assert seen > 60


async def test_the_name_is_there_and_the_world_is_hostile(world: World, autojump_clock: object) -> None:
    """Lest the test above look at pages without anything on them."""
    home = (await world.browser.get("/hub/home", headers=NAVIGATES)).text
    assert home.count("&lt;svg onload=alert(1)&gt;") >= 5
    page = check_clean(home, "home")
    assert page.one(class_="who").text == NAME
    tokens = (await world.browser.get("/hub/token", headers=NAVIGATES)).text
    assert "&lt;svg" in tokens


async def test_who_is_asked_for_consent_sees_the_service_as_text(
    world: World, autojump_clock: object
) -> None:
    asked = {"client_id": "service-grader", "response_type": "code", "state": HOSTILE, "scope": HOSTILE}
    for query in (asked, {**asked, "scope": ""}, {**asked, "client_id": HOSTILE}):
        answer = await world.browser.get("/hub/api/oauth2/authorize", params=query, headers=NAVIGATES)
        if answer.status_code != 302:
            check_clean(answer.text, str(query))
        else:
            assert "<" not in answer.headers["Location"]


async def test_a_login_that_fails_shows_the_name_as_text(hub: Hub) -> None:
    browser = Browser(hub)
    await browser.get("/hub/login", headers=NAVIGATES)
    for fields in ({"username": HOSTILE}, {"username": HOSTILE, "_xsrf": browser.xsrf, "next": HOSTILE}):
        answer = await browser.post("/hub/login", data={**fields, "password": HOSTILE}, headers=NAVIGATES)
        if answer.text:
            check_clean(answer.text, "login")


async def test_data_is_never_taken_for_a_page(world: World, autojump_clock: object) -> None:
    """The API's answers hold what people typed as it is: so they say that they are no HTML, and run nothing."""
    for path in (
        *("/users", f"/users/{IN_URL}", f"/users/{IN_URL}/tokens", "/groups", "/services", "/proxy"),
        *(f"/users/{IN_URL}/servers/lab", f"/users/{IN_URL}{HOSTILE}", f"/users?name_filter={IN_URL}"),
    ):
        answer = await world.admin.get(path)
        assert answer.headers["content-type"].startswith("application/json"), path
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        json.loads(answer.text)


async def test_nobody_makes_up_an_event_of_the_progress(world: World, autojump_clock: object) -> None:
    await world.admin.post("/users/bob")
    forged = 'x\n\ndata: {"ready": true, "progress": 100}\r\rdata: {"ready": true}\u2028\n'
    simulate = {"delay": 5, "fail": forged, "progress": [[1, 5, forged]]}
    await world.admin.post("/users/bob/server", json={"user_options": {"simulate": simulate}})
    text = (await world.admin.get("/users/bob/server/progress")).text
    events = [json.loads(line[5:]) for line in re.split(r"\r\n|\r|\n", text) if line.startswith("data:")]
    assert not [event for event in events if event.get("ready")]
    assert any(forged.strip() in event["message"] or "data: {" in event["message"] for event in events)


# --- headers ---

BREAKS = ("%0d%0aX-Evil:%201", "%0aX-Evil:%201", "%E5%98%8A%E5%98%8DX-Evil:1", "%0d%0a%0d%0a<script>")


async def test_nobody_adds_a_header_to_an_answer(world: World, autojump_clock: object) -> None:
    paths = (
        *("/hub/login?next=/{}", "/hub/home?x={}", "/{}", "/user/{}", "/user/alice/{}", "/services/{}"),
        *("/hub/user-redirect/{}", "/hub/spawn/{}", "/hub/user/{}/", "/hub/static/{}", "/hub/error/{}"),
        *("/hub/api/users/{}", "/hub/api/oauth2/authorize?state={}&client_id=service-grader&response_type=x"),
        *("/hub/api/oauth2/authorize?client_id=service-grader&response_type=code&state={}",),
    )
    for path in paths:
        for broken in BREAKS:
            raw = path.format(broken).encode()
            answer = await world.browser.get(httpx.URL("http://hub.test", raw_path=raw), headers=NAVIGATES)
            assert "x-evil" not in answer.headers
            for name, value in answer.headers.multi_items():
                assert not re.search(r"[\r\n\0]", value), (raw, name)


# --- lines of the log ---


async def test_nobody_writes_a_line_of_the_log(hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
    """Nor a long one: what is written before anybody is known has its bounds (CVE-2026-54338)."""
    caplog.set_level(logging.DEBUG)
    forged = "x\n2026-01-01 00:00:00 INFO callboard 200 GET / (alice@127.0.0.1)\r\x1b[31m\x00"
    browser = Browser(hub)
    await browser.get("/hub/login", headers=NAVIGATES)
    for name in (forged, "y" * 100_000, f"../{forged}", forged * 1000):
        with trio.move_on_after(60):
            await browser.post(
                "/hub/login",
                data={"username": name, "password": name, "_xsrf": browser.xsrf},
                headers=NAVIGATES,
            )
        await browser.get(f"/hub/{quote(name)[:4000]}")
        await browser.get("/hub/api/user", headers={"Authorization": f"token {quote(name)[:4000]}"})
    assert caplog.records
    for record in caplog.records:
        message = record.getMessage()
        assert not re.search(r"[\r\n\x00\x1b]", message), message
        assert len(message) < 10_000, len(message)


# --- by construction ---


def test_no_template_says_that_something_is_safe() -> None:
    for template in (REPOSITORY / "web/presentation/templates").glob("*.html"):
        text = template.read_text()
        assert not re.search(r"\|\s*safe\b|autoescape|\bMarkup\b", text), template.name
        assert not re.search(r"<[^>]*\s(style|on\w+)=", text), template.name


def test_markup_is_made_in_three_places() -> None:
    """Each of HTML that the configuration gives, or of none but our own."""
    made = {
        str(file.relative_to(REPOSITORY))
        for file in (REPOSITORY / "web").rglob("*.py")
        if re.search(r"\bMarkup\(", file.read_text())
    }
    assert made <= {
        "web/pages/parts/render.py",
        "web/presentation/templates_found.py",
        "web/pages/token.py",
    }, made


def test_no_script_makes_html() -> None:
    for script in (REPOSITORY / "web/presentation/static/js").glob("*.js"):
        dangerous = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc"
        assert not re.search(dangerous, script.read_text()), script.name
