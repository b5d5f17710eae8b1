"""Every route there is, asked by a browser that proves nothing: nothing changes (CVE-2020-36191, CVE-2026-40864).

The routes are those of the application, so one that is added is tested with the rest.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import httpx
import pytest
import trio

from core.settings import GroupSettings
from tests.conftest import ADMIN_TOKEN, hub_in_memory, settings_for_tests
from tests.unit.web.pages.browser import Browser, logged_in
from web.app.app import build_app
from web.hub.hub import Hub
from web.request.access import Open
from web.request.declared import Events
from web.request.routing import ROUTES, Route
from web.sessions.proofs import EXCEPTIONS, READS, Proof
from web.sessions.xsrf import Fetch, needs_token

NAMES = {
    **{"user": "bob", "server": "lab", "group": "g", "service": "ops", "name": "x", "token": "t1", "id": "x"},
    **{"owner": "bob", "code": "abcdef", "key": "k", "value": "v", "rest": "x", "path": "x", "spec": "x"},
    "job": "j1",
}
PROVEN_OTHERWISE = {  # what no cookie has a part in
    ("POST", "/oauth2/token"): 400,
    ("POST", "/authorizations/token"): 404,
    ("POST", "/authorizations/token/<token>"): 404,
}
ORIGIN = "http://hub.test"


class Situation(NamedTuple):
    """How a browser comes to send a request. `xsrf`: the token it sends: none, another's, or the right one."""

    name: str
    headers: dict[str, str]
    xsrf: str = ""


FETCH = {
    "": {},
    "navigate": {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
    "frame": {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
    "image": {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
    "script": {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"},
    "socket": {"Sec-Fetch-Mode": "websocket", "Sec-Fetch-Dest": "websocket"},
}
SITES = {
    "": {},
    "same-origin": {"Sec-Fetch-Site": "same-origin", "Origin": ORIGIN},
    "same-site": {"Sec-Fetch-Site": "same-site", "Origin": "http://bob.hub.test"},
    "cross-site": {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.test"},
    "an old browser elsewhere": {"Origin": "https://evil.test"},
    "no origin": {"Origin": "null"},
}
WITHOUT_PROOF = [
    Situation(
        f"{fetch or 'plain'}, {site or 'unsaid'}{', a wrong token' if xsrf else ''}", {**how, **where}, xsrf
    )
    for fetch, how in FETCH.items()
    for site, where in SITES.items()
    for xsrf in (("", "wrong") if site == "same-origin" else ("",))
]
FOREIGN = [
    Situation(f"{fetch or 'plain'}, {site}, the right token", {**how, **SITES[site]}, "right")
    for fetch, how in FETCH.items()
    for site in ("cross-site", "an old browser elsewhere", "no origin")
]


def routes_of(app: Any) -> list[tuple[str, Route]]:
    """Each with the URL to ask for it."""
    found = []
    for endpoint, route in app.extensions[ROUTES].items():
        prefix = endpoint[: -len(f":{route.method}:{route.path}")]
        url = prefix + re.sub(r"<(?:\w+:)?(\w+)>", lambda name: NAMES.get(name[1], "x"), route.path)
        found.append((url or "/", route))
    return found


def acts(route: Route) -> bool:
    """Although it is asked by GET."""
    return route.proof in (Proof.VISIT, Proof.VISIT_OR_FRAME)


def changes(route: Route) -> bool:
    return route.method not in ("GET", "HEAD", "OPTIONS") or acts(route)


@pytest.fixture
async def world() -> AsyncIterator[tuple[Hub, Browser, httpx.AsyncClient]]:
    """An administrator's browser, and one that sends the same cookies wherever it goes and knows no more."""
    settings = settings_for_tests(load_groups={"g": GroupSettings(["bob"])}, default_url="/hub/home")
    async with hub_in_memory(settings) as hub:
        app = build_app(hub)
        alice = await logged_in(hub, "alice", app)
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in alice.cookies.jar)
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url=ORIGIN, headers={"Cookie": cookies}
        ) as raw:
            yield hub, alice, raw


async def ask(raw: httpx.AsyncClient, url: str, route: Route, situation: Situation, right: str) -> int:
    headers = dict(situation.headers)
    if situation.xsrf:
        headers["X-XSRFToken"] = right if situation.xsrf == "right" else "wrong"
    content = b"" if route.method == "GET" else b"{}"
    answer = await raw.request(route.method, url, headers=headers, content=content)
    return answer.status_code


async def test_what_may_change_something_is_refused_without_proof(
    world: tuple[Hub, Browser, httpx.AsyncClient],
) -> None:
    hub, alice, raw = world
    head, tried = hub.store.head, 0
    for url, route in routes_of(alice.app):
        if not changes(route):
            continue
        expected = PROVEN_OTHERWISE.get((route.method, route.path), 403)
        others = url.startswith("/api/")  # the same routes once more, behind the same check
        for situation in WITHOUT_PROOF[:8] if others else [*WITHOUT_PROOF, *FOREIGN]:
            if route.method == "GET" and _is_visit(route, situation):
                continue
            status = await ask(raw, url, route, situation, alice.xsrf)
            assert status == expected, f"{route.method} {url} ({situation.name}): {status}"
            tried += 1
    assert hub.store.head == head, [record.event for record in hub.store.read_all(head)]
    assert tried > 2000


COMBINATIONS = [
    {name: value for name, value in zip(("Mode", "Site", "Dest"), values, strict=True) if value}
    for values in itertools.product(
        ("", "navigate", "cors", "no-cors", "same-origin", "websocket", "nonsense"),
        ("", "same-origin", "same-site", "cross-site", "none"),
        ("", "document", "empty", "image", "script", "iframe", "embed"),
    )
]


def lets_pass(proof: Proof, said: dict[str, str]) -> bool:
    """What a GET without the token may be, once more and in other words: a table with one line for each proof."""
    mode, site, dest = (said.get(name, "") for name in ("Mode", "Site", "Dest"))
    goes_there = mode in ("", "navigate")
    return {
        Proof.READS: goes_there or mode == "websocket" or (mode, site) == ("no-cors", "same-origin"),
        Proof.VISIT: goes_there and dest in ("", "document"),
        Proof.VISIT_OR_FRAME: goes_there and dest in ("", "document", "iframe"),
        Proof.NONE: True,
    }[proof]


@pytest.mark.parametrize("proof", list(Proof))
def test_what_lets_a_get_pass_is_decided_for_all_that_browsers_say(proof: Proof) -> None:
    for said in COMBINATIONS:
        fetch = Fetch("GET", *(said.get(name, "") for name in ("Mode", "Site", "Dest")))
        assert needs_token(fetch, proof) is not lets_pass(proof, said), said


async def test_a_get_needs_the_proof_that_the_table_says_whatever_the_browser_says(
    world: tuple[Hub, Browser, httpx.AsyncClient],
) -> None:
    """Every route that knows its visitors, asked in every way that a browser can describe."""
    _, alice, raw = world
    tried: dict[Proof, int] = dict.fromkeys(Proof, 0)
    for url, route in routes_of(alice.app):
        if route.method != "GET" or url.startswith("/api/"):
            continue
        if isinstance(route.access, Open) and route.proof is Proof.READS:
            continue  # who proves nothing is nobody there, and that will do
        for said in COMBINATIONS:
            if lets_pass(route.proof, said) and route.proof is not Proof.NONE:
                continue  # the other half is what all other tests of pages do
            headers = {f"Sec-Fetch-{name}": value for name, value in said.items()}
            status = (await raw.get(url, headers=headers)).status_code
            assert (status != 403) is lets_pass(route.proof, said), f"{url} {headers}: {status}"
            tried[route.proof] += 1
    assert min(tried.values()) > 100, tried


async def test_each_line_of_the_table_has_its_route_and_its_reason(hub: Hub) -> None:
    names = {route.name for _, route in routes_of(build_app(hub))}
    assert set(EXCEPTIONS) <= names
    lines = [READS, *EXCEPTIONS.values()]
    assert all(line.reason.endswith(".") for line in lines)
    assert {line.proof for line in lines} == set(Proof)


def _is_visit(route: Route, situation: Situation) -> bool:
    """Somebody goes there, or a script of the hub's own asks: for a GET that is proof."""
    mode, dest = (situation.headers.get(name, "") for name in ("Sec-Fetch-Mode", "Sec-Fetch-Dest"))
    goes_there = mode in ("", "navigate") and (dest != "iframe" or route.proof is Proof.VISIT_OR_FRAME)
    return goes_there or situation.xsrf == "right"


async def test_pages_and_data_are_not_for_the_scripts_of_other_pages(
    world: tuple[Hub, Browser, httpx.AsyncClient],
) -> None:
    """A page on this very host, such as somebody's server, can send cookies along but does not know the token."""
    _, alice, raw = world
    for url, route in routes_of(alice.app):
        if route.method != "GET" or isinstance(route.access, Open) or route.proof is not Proof.READS:
            continue
        script = Situation("script", {**FETCH["script"], **SITES["same-origin"]})
        assert await ask(raw, url, route, script, alice.xsrf) == 403, url


async def test_a_get_that_does_not_say_that_it_acts_does_not(
    world: tuple[Hub, Browser, httpx.AsyncClient],
) -> None:
    hub, alice, raw = world
    assert (await alice.call("PUT", "/users/bob/servers/lab", json={})).status_code == 201
    head = hub.store.head
    for url, route in routes_of(alice.app):
        streams = any(isinstance(answer, Events) for answer in route.answers.values())
        if route.method != "GET" or acts(route) or streams or url.startswith("/api/"):
            continue
        with trio.move_on_after(0.5):  # some are streams all the same
            await ask(raw, url, route, Situation("navigate", FETCH["navigate"]), alice.xsrf)
        assert hub.store.head == head, f"{url}: {[one.event for one in hub.store.read_all(head)]}"


async def test_who_is_nobody_changes_nothing(world: tuple[Hub, Browser, httpx.AsyncClient]) -> None:
    hub, alice, raw = world
    head = hub.store.head
    del raw.headers["Cookie"]
    for url, route in routes_of(alice.app):
        if not changes(route):
            continue
        for situation in (Situation("plain", {}), Situation("navigate", FETCH["navigate"], "wrong")):
            status = await ask(raw, url, route, situation, alice.xsrf)
            assert status in (302, 400, 401, 403, 404), f"{route.method} {url}: {status}"
    assert hub.store.head == head


@pytest.mark.parametrize("site", list(SITES))
async def test_a_token_in_the_header_is_proof_enough(
    world: tuple[Hub, Browser, httpx.AsyncClient], site: str
) -> None:
    """No browser adds it by itself."""
    _, _, raw = world
    headers = {**FETCH["script"], **SITES[site], "Authorization": f"token {ADMIN_TOKEN}"}
    answer = await raw.post("/hub/api/users/carol/tokens", headers=headers, json={"scopes": []})
    assert answer.status_code == 403, "carol is no user"
    answer = await raw.post("/hub/api/users/alice/tokens", headers=headers, json={"scopes": []})
    assert answer.status_code == 201


async def test_who_sends_a_token_is_given_no_cookie(world: tuple[Hub, Browser, httpx.AsyncClient]) -> None:
    """Whatever is asked: programs that keep cookies would be taken for browsers."""
    _, alice, raw = world
    del raw.headers["Cookie"]
    for url, route in routes_of(alice.app):
        streams = any(isinstance(answer, Events) for answer in route.answers.values())
        if route.method != "GET" or streams or url.startswith("/api/"):
            continue
        for situation in ("", "navigate"):
            with trio.move_on_after(0.5):  # some are streams all the same
                answer = await raw.get(
                    url, headers={**FETCH[situation], "Authorization": f"token {ADMIN_TOKEN}"}
                )
                given = [one for one in answer.headers.get_list("set-cookie") if "Max-Age=0" not in one]
                assert given == [], url


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        # exactly as JupyterHub answers its own pages' scripts
        ("GET", {}, 200),
        ("GET", FETCH["navigate"], 200),
        ("GET", FETCH["script"], 403),
        ("GET", {"Sec-Fetch-Mode": "same-origin"}, 403),
        ("GET", {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Site": "same-origin"}, 200),
        ("GET", {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Site": "cross-site"}, 403),
        ("GET", FETCH["socket"], 200),
        ("POST", {}, 403),
        ("POST", {"X-XSRFToken": "right"}, 201),
        ("POST", {"X-CSRFToken": "right"}, 201),
        ("POST", {"X-XSRFToken": "wrong"}, 403),
        ("POST", {"X-XSRFToken": "right", "Content-Type": "application/json; charset=utf-8"}, 201),
        ("POST", {"X-XSRFToken": "right", "Content-Type": "text/plain"}, 403),
        ("POST", {"X-XSRFToken": "right", "Content-Type": "application/x-www-form-urlencoded"}, 403),
        ("POST", {"X-XSRFToken": "right", "Authorization": "token of-nobody-at-all"}, 201),
        ("POST", {"Authorization": "token of-nobody-at-all"}, 403),
        ("HEAD", FETCH["script"], 405),
        ("OPTIONS", FETCH["script"], 200),
    ],
)
async def test_a_cookie_and_its_proof(
    world: tuple[Hub, Browser, httpx.AsyncClient], method: str, headers: dict[str, str], status: int
) -> None:
    _, alice, raw = world
    sent = {name: alice.xsrf if value == "right" else value for name, value in headers.items()}
    content = b"{}" if method == "POST" else b""
    answer = await raw.request(method, "/hub/api/users/alice/tokens", headers=sent, content=content)
    assert answer.status_code == status, answer.text


async def test_the_token_may_be_in_the_query(world: tuple[Hub, Browser, httpx.AsyncClient]) -> None:
    _, alice, raw = world
    answer = await raw.post("/hub/api/users/alice/tokens", params={"_xsrf": alice.xsrf}, content=b"{}")
    assert answer.status_code == 201


async def test_nobody_learns_from_elsewhere_whether_somebody_is_logged_in(
    world: tuple[Hub, Browser, httpx.AsyncClient],
) -> None:
    _, _, raw = world
    headers = {**FETCH["script"], **SITES["cross-site"]}
    known = await raw.get("/hub/api/user", headers=headers)
    del raw.headers["Cookie"]
    unknown = await raw.get("/hub/api/user", headers=headers)
    assert (known.status_code, unknown.status_code) == (403, 403)
    for answer in (known, unknown):
        assert "Access-Control-Allow-Origin" not in answer.headers
