"""What goes over a socket is what an ASGI server is given: for every route, every kind of credentials, any history."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple

import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import ADMIN_TOKEN, SERVICE_TOKEN, Client
from tests.unit.http1.twins import Answer, Asked, Twins, twins
from tests.unit.pages.browser import FETCHES, NAVIGATES, logged_in
from tests.unit.test_route_matrix import NAMES
from web.hub.hub import Hub
from web.request.routing import ROUTES

UNLIKE = "/metrics"  # tells of a process
ENDS = frozenset(("/shutdown",))
Headers = tuple[tuple[str, str], ...]


class Place(NamedTuple):
    method: str
    path: str
    prefix: str


def routes_of(two: Twins) -> list[Place]:
    found = []
    for endpoint, route in two.app.extensions[ROUTES].items():
        if route.path not in ENDS:
            method = "PROPFIND" if route.method == "ANY" else route.method
            found.append(Place(method, route.path, endpoint.split(":", 1)[0]))
    return found


def filled(place: Place, user: str = "bob") -> str:
    names = {**NAMES, "user": user}
    return place.prefix + re.sub(r"<(?:\w+:)?(\w+)>", lambda name: names.get(name[1], "x"), place.path) or "/"


async def both(two: Twins, mine: Asked, theirs: Asked) -> Answer:
    answers: dict[str, Answer] = {}

    async def note(name: str, ask: Callable[[Asked], Awaitable[Answer]], asked: Asked) -> None:
        answers[name] = await ask(asked)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(note, "socket", two.over_socket, mine)
        nursery.start_soon(note, "asgi", two.over_asgi, theirs)
    if mine.target.partition("?")[0].endswith(UNLIKE):
        answers = {
            name: answer._replace(body=b"", headers=_no_length(answer)) for name, answer in answers.items()
        }
    assert answers["socket"] == answers["asgi"], (
        f"{mine.method} {mine.target} {_difference(*answers.values())}"
    )
    return answers["socket"]


def _difference(one: Answer, other: Answer) -> str:
    """Where the bodies begin to differ, if they do."""
    at = next(
        (at for at, pair in enumerate(zip(one.body, other.body, strict=False)) if pair[0] != pair[1]), 0
    )
    return f"{one.body[at - 40 : at + 80]!r} {other.body[at - 40 : at + 80]!r}" if at else ""


def _no_length(answer: Answer) -> list[tuple[str, str]]:
    return [pair for pair in answer.headers if pair[0] not in ("content-length", "etag")]


# --- every route, with every kind of credentials ---


async def _issued(hub: Hub, owner: str, scopes: list[str], *, revoked: bool = False) -> Headers:
    """A token, made as the API makes it."""
    async with Client(hub, ADMIN_TOKEN) as client:
        answer = await client.post(f"/users/{owner}/tokens", json={"scopes": scopes})
        assert answer.status_code == 201, answer.text
        if revoked:
            await client.delete(f"/users/{owner}/tokens/{answer.json()['id']}")
    return (("Authorization", f"token {answer.json()['token']}"),)


async def _cookies(hub: Hub, name: str, more: dict[str, str], *, proven: bool) -> Headers:
    browser = await logged_in(hub, name)
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in browser.cookies.jar)
    proof = (("X-XSRFToken", browser.xsrf),) if proven else ()
    await browser.aclose()
    return (("Cookie", cookies), *proof, *more.items())


async def credentials(hub: Hub) -> dict[str, Headers]:
    def with_token(value: str) -> Headers:
        return (("Authorization", value),)

    return {
        "none": (),
        "an administrator's token": with_token(f"token {ADMIN_TOKEN}"),
        "the same as bearer": with_token(f"Bearer {ADMIN_TOKEN}"),
        "a service's token": with_token(f"token {SERVICE_TOKEN}"),
        "a wrong token": with_token("token nonsense"),
        "a token without its scheme": with_token(ADMIN_TOKEN),
        "basic": with_token("Basic YTpi"),
        "two words": with_token(f"token {ADMIN_TOKEN} x"),
        "bytes": with_token("token \xff\xfe"),
        "a long one": with_token("token " + "x" * 5000),
        "the proxy's": with_token(f"token {hub.proxy_secret}"),
        "bob's own": await _issued(hub, "bob", []),
        "bob's, to read": await _issued(hub, "bob", ["read:users!user"]),
        "bob's, for servers": await _issued(hub, "bob", ["servers!user"]),
        "alice's, to list": await _issued(hub, "alice", ["list:users", "read:groups"]),
        "alice's, for tokens": await _issued(hub, "alice", ["tokens"]),
        "one that was revoked": await _issued(hub, "bob", ["read:users!user"], revoked=True),
        "alice's browser": await _cookies(hub, "alice", NAVIGATES, proven=False),
        "alice's script": await _cookies(hub, "alice", FETCHES, proven=True),
        "alice's script without proof": await _cookies(hub, "alice", FETCHES, proven=False),
        "bob's browser": await _cookies(hub, "bob", NAVIGATES, proven=False),
        "bob's script": await _cookies(hub, "bob", FETCHES, proven=True),
        "a forged cookie": (("Cookie", "jupyterhub-session-id=x; jupyterhub-hub-login=y; _xsrf=z"),),
    }


ORDER = ("GET", "HEAD", "PROPFIND", "POST", "PUT", "PATCH", "DELETE")  # what destroys comes last


@asynccontextmanager
async def inhabited() -> AsyncIterator[Twins]:
    async with twins() as two:
        for hub in (two.by_socket, two.by_asgi):
            async with Client(hub, ADMIN_TOKEN) as client:
                await client.post("/users/bob")
                await client.post("/users/bob/servers/lab")
        yield two


async def test_all_credentials_are_worth_the_same_at_every_route() -> None:
    """Commands come with a body that is none, so that most of what is there stays there."""
    codes: Counter[int] = Counter()
    async with inhabited() as two:
        mine, theirs = await credentials(two.by_socket), await credentials(two.by_asgi)
        routes = [one for one in routes_of(two) if one.prefix != "/api"]
        for route in sorted(routes, key=lambda one: ORDER.index(one.method)):
            body = b"" if route.method in ("GET", "HEAD") else b'{"'
            for kind in mine:
                asked = Asked(route.method, filled(route), mine[kind], body)
                answer = await both(two, asked, asked._replace(headers=theirs[kind]))
                codes[answer.code] += 1
    assert sum(codes.values()) > 2000
    assert {200, 204, 302, 400, 403, 404} <= codes.keys()


# --- any history ---

BODIES = (
    b"",
    b"{}",
    b"[]",
    b'{"',
    b"\xff",
    b'{"usernames": ["carol", "dave"], "admin": false}',
    b'{"users": ["bob"]}',
    b'{"name": "carol"}',
    b'{"admin": true}',
    b'{"scopes": ["read:users!user"], "user": "bob"}',
    b'{"servers": {"": {"last_activity": "2026-01-01T00:00:00Z"}}}',
    b"username=bob&password=x&_xsrf=y",
    b"x" * 70_000,
    b"[" * 2_000,
)
MORE: tuple[Headers, ...] = (
    (),
    (("Accept", "text/html"),),
    (("Accept", "application/json"),),
    (("Accept", "text/event-stream"),),
    (("Content-Type", "application/x-www-form-urlencoded"),),
    (("If-None-Match", '"x", *'),),
    (("Last-Event-ID", "3"),),
    (("Idempotency-Key", "once"),),
    (("X-Forwarded-For", "192.0.2.1"), ("X-Forwarded-Proto", "https")),
    (("Cookie", "a=b; a=c; d"), ("Cookie", "e=f")),
    (("Content-Length-Like", ""), ("X-Long", "x" * 100)),
)
QUERIES = (
    "",
    "?",
    "?limit=1",
    "?limit=x&offset=-1",
    "?a=%ff&b=%00&c",
    "?state=active&include_stopped_servers",
)


class Step(NamedTuple):
    """`body`: which of `BODIES`, some of which are long."""

    route: int
    user: str
    is_admin: bool
    body: int
    more: Headers
    query: str


steps = st.builds(
    Step,
    st.integers(0, 1000),
    st.sampled_from(["bob", "alice", "carol", "nobody", "b%C3%B6b", "%ff", "a%2Fb", "."]),
    st.booleans(),
    st.integers(0, len(BODIES) - 1),
    st.sampled_from(MORE),
    st.sampled_from(QUERIES),
)


async def carry_out(history: list[Step]) -> None:
    async with inhabited() as two:
        routes = routes_of(two)
        for step in history:
            route = routes[step.route % len(routes)]
            who = (("Authorization", f"token {ADMIN_TOKEN}"),) if step.is_admin else ()
            body = b"" if route.method in ("GET", "HEAD") else BODIES[step.body]
            asked = Asked(route.method, filled(route, step.user) + step.query, who + step.more, body)
            await both(two, asked, asked)


@given(st.lists(steps, min_size=5, max_size=30))
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_history_is_answered_the_same(history: list[Step]) -> None:
    trio.run(carry_out, history)
