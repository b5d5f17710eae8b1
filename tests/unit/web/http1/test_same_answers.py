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

from tests.conftest import ADMIN_TOKEN, Client
from tests.effort import PROFILE, examples
from tests.unit.web.app.test_route_matrix import NAMES
from tests.unit.web.http1 import credentials
from tests.unit.web.http1.credentials import Credentials, Headers
from tests.unit.web.http1.twins import Answer, Asked, Twins, twins
from web.request.routing import ROUTES

UNLIKE = "/metrics"  # tells of a process
ENDS = frozenset(("/shutdown",))


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


ORDER = ("GET", "HEAD", "PROPFIND", "POST", "PUT", "PATCH", "DELETE")  # what destroys comes last


@asynccontextmanager
async def inhabited() -> AsyncIterator[Twins]:
    async with twins() as two:
        for hub in (two.by_socket, two.by_asgi):
            async with Client(hub, ADMIN_TOKEN) as client:
                await client.post("/users/bob")
                await client.post("/users/bob/servers/lab")
        yield two


def sent(route: Place, who: Credentials, body: bytes) -> Asked:
    return Asked(route.method, filled(route) + who.query, who.headers, body)


async def test_all_credentials_are_worth_the_same_at_every_route() -> None:
    """Commands come with a body that is none, so that most of what is there stays there."""
    codes: Counter[int] = Counter()
    async with twins(credentials.settings()) as two:
        mine = await credentials.given_out(two.by_socket)
        theirs = await credentials.given_out(two.by_asgi)
        assert len(mine) >= 43
        routes = [one for one in routes_of(two) if one.prefix != "/api"]
        assert len(routes) > 120
        for route in sorted(routes, key=lambda one: ORDER.index(one.method))[
            :: 3 if PROFILE == "check" else 1
        ]:
            body = b"" if route.method in ("GET", "HEAD") else b'{"'
            for kind in mine:
                answer = await both(two, *(sent(route, one[kind], body) for one in (mine, theirs)))
                codes[answer.code] += 1
    assert sum(codes.values()) > 5000 // (3 if PROFILE == "check" else 1)
    assert {200, 302, 400, 403, 404} <= codes.keys()
    assert 204 in codes or PROFILE == "check"


WORTHLESS = {
    *("none", "a wrong token", "basic", "bytes", "a long one", "two words", "the same, in capitals"),
    *("the same, in the URL", "the same, behind another", "a token without its scheme"),
    *("a scheme without a token", "one of somebody who is blocked", "one that was revoked"),
    *("one that has expired", "one of somebody who was deleted", "one who has logged out", "a forged cookie"),
    *("alice's script without proof", "bob's script with another's proof"),
    "the proxy's",  # which is nobody
}


async def test_what_is_worth_nothing_says_nobody_is_asking() -> None:
    async with twins(credentials.settings()) as two:
        refused = set()
        for kind, who in (await credentials.given_out(two.by_socket)).items():
            answer = await two.over_socket(Asked("GET", f"/hub/api/user{who.query}", who.headers))
            if answer.code != 200:
                assert answer.code == 403, kind
                refused.add(kind)
    assert refused == WORTHLESS


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
@settings(max_examples=examples(30), deadline=None, suppress_health_check=list(HealthCheck))
def test_any_history_is_answered_the_same(history: list[Step]) -> None:
    trio.run(carry_out, history)
