"""What of a request is parsed on the event loop is bounded: by its size and its parts, and not by a clock."""

from __future__ import annotations

import json
import re
from typing import Any, get_args

import msgspec
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from msgspec import inspect as types
from msgspec.structs import replace

from core.errors import InvalidError
from tests.conftest import ADMIN_TOKEN, Client, hub_in_memory, settings_for_tests
from tests.unit.web.pages.browser import NAVIGATES, Browser, logged_in
from web.app.app import build_app
from web.app.asgi import without_too_many_cookies
from web.hub.hub import Hub
from web.request import credentials, steps
from web.request.request_log import shown_url
from web.request.routing import ROUTES, Route
from web.request.steps import STEP, in_steps
from web.sessions import cookies
from web.sessions.xsrf import XsrfTokens
from web.site import bounds
from web.site.bounds import (
    MOST_ARGUMENTS,
    MOST_COOKIES,
    MOST_SCOPES,
    MOST_VALUES,
    are_too_many_cookies,
    check_json,
)

MIB = 2**20


# --- JSON ---

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=3), inner, max_size=5),
    max_leaves=30,
)


def values_in(value: Any) -> int:
    """With the keys of objects."""
    match value:
        case list():
            return 1 + sum(map(values_in, value))
        case dict():
            return 1 + sum(1 + values_in(item) for item in value.values())
        case _:
            return 1


@given(JSON, st.integers(min_value=0, max_value=60))
def test_no_json_with_more_values_than_are_allowed_is_let_through(value: Any, most: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bounds, "MOST_VALUES", most)
        try:
            check_json(json.dumps(value).encode())
        except InvalidError:
            return
    assert values_in(value) <= most + 1


@pytest.mark.parametrize("unit", [b"0,", b"[],", b"{},", b'"",', b"null,", b"[[],", b'{"":'])
async def test_it_is_refused_before_it_is_parsed(
    client: Client, unit: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[int] = []
    decode = msgspec.json.decode

    def watched(data: bytes, **how: Any) -> Any:
        parsed.append(len(data))
        return decode(data, **how)

    monkeypatch.setattr(msgspec.json, "decode", watched)
    content = b'{"auth": [' + unit * ((MIB - 100) // len(unit)) + b"0]}"
    for sender in (client, client.with_token(None)):
        answer = await sender.post("/users/alice/tokens", content=content)
        assert answer.status_code == 400
        assert f"more than {MOST_VALUES} values" in answer.json()["message"]
    assert all(size < 1000 for size in parsed)


async def test_one_long_text_and_many_names_are_neither(client: Client) -> None:
    text = {"user_options": {"text": "x" * (MIB - 1000)}}
    assert (await client.post("/users/alice/server", json=text)).status_code in (201, 202)
    many = {"usernames": [f"user{number}" for number in range(MOST_VALUES // 100)]}
    assert (await client.post("/users", json=many)).status_code == 201


# --- queries, paths and cookies ---


async def test_queries_and_paths_have_their_bounds_everywhere(hub: Hub, client: Client) -> None:
    browser = await logged_in(hub, "alice", client.app)
    many = "&".join(["a=1"] * (MOST_ARGUMENTS + 1))
    fine = "&".join(["a=1"] * (MOST_ARGUMENTS // 2))
    for path in ("/hub/home", "/hub/login", "/hub/api/users", "/user/alice/", "/nothing"):
        assert (await browser.get(f"{path}?{many}", headers=NAVIGATES)).status_code == 400, path
        assert (await browser.get(f"{path}?{fine}", headers=NAVIGATES)).status_code != 400, path
        deep = path + "/a" * bounds.LONGEST_PATH
        assert (await browser.get(deep, headers=NAVIGATES)).status_code == 414, path


def test_what_is_not_taken_apart_is_not_logged_in_parts() -> None:
    assert shown_url("/x", "token=s3cret&" * (MOST_ARGUMENTS + 1)) == "/x?[too many arguments]"
    assert shown_url("/x", "a=1&token=s") == "/x?a=1&token=[secret]"
    assert shown_url("/x", "state=&name_filter=&token=") == "/x?state=&name_filter=&token=", (
        "nothing is hidden"
    )


@pytest.mark.parametrize(
    ("sent", "stay"),
    [
        ([b"a=1; b=2"], True),
        ([b";".join([b"a=1"] * MOST_COOKIES)], True),
        ([b";".join([b"a=1"] * (MOST_COOKIES + 1))], False),
        ([b"a=1"] * (MOST_COOKIES + 1), False),
        ([b";" * MOST_COOKIES], False),
        ([b'a="' + b"\\101" * bounds.MOST_ESCAPES + b'"'], True),
        ([b'a="' + b"\\101" * (bounds.MOST_ESCAPES + 1) + b'"'], False),
        ([], True),
    ],
)
def test_more_cookies_than_any_browser_sends_are_none(sent: list[bytes], stay: bool) -> None:
    headers = [(b"host", b"x"), *((b"cookie", value) for value in sent), (b"accept", b"*/*")]
    left = [pair for pair in headers if pair[0] != b"cookie"]
    assert are_too_many_cookies(sent) is not stay
    assert without_too_many_cookies(headers) == (headers if stay else left)


async def test_cookies_beyond_the_bound_log_nobody_in(hub: Hub) -> None:
    browser = await logged_in(hub)
    mine = "; ".join(f"{cookie.name}={cookie.value}" for cookie in browser.cookies.jar)
    for more, status in ((10, 200), (MOST_COOKIES, 302)):
        cookie = mine + "".join(f"; c{number}=1" for number in range(more))
        async with Browser(hub, browser.app) as other:
            answer = await other.get("/hub/home", headers={**NAVIGATES, "Cookie": cookie})
        assert answer.status_code == status


async def test_the_answer_to_planted_cookies_has_a_bound(hub: Hub) -> None:
    """One header and more for each segment of the path, else: megabytes of them."""
    planted = {**NAVIGATES, "Cookie": "jupyterhub-hub-login=1; jupyterhub-hub-login=2"}
    async with Browser(hub) as browser:
        answer = await browser.get("/hub/" + "a/" * 8000, headers=planted)
    assert len(answer.headers.get_list("set-cookie")) <= 2 * cookies.DEEPEST + 4


async def test_few_tokens_of_forms_are_looked_at(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    ask = XsrfTokens.is_anonymous
    monkeypatch.setattr(
        XsrfTokens, "is_anonymous", lambda self, token, *more: looked.append(token) or ask(self, token, *more)
    )
    cookie = "; ".join(f"_xsrf={number:x}.a.b" for number in range(200))
    async with Browser(hub) as browser:
        answer = await browser.get("/hub/login", headers={**NAVIGATES, "Cookie": cookie})
    assert answer.status_code == 200
    assert 0 < len(looked) <= credentials.MOST_XSRF


# --- scopes ---


def _lists_of_scopes(kind: Any) -> list[tuple[str, int | None]]:
    """The lists of scopes in what a route takes, and how long each may be."""
    found = []
    for member in get_args(kind) or (kind,):
        info = types.type_info(member) if member not in (None, type(None)) else None
        for field in getattr(info, "fields", ()):
            options = getattr(field.type, "types", (field.type,))
            for option in options:
                if isinstance(option, types.ListType) and re.search("scopes", field.name):
                    found.append((field.name, option.max_length))
    return found


async def test_every_list_of_scopes_that_somebody_may_send_has_a_bound(hub: Hub) -> None:
    routes: dict[str, Route] = build_app(hub).extensions[ROUTES]
    found = {
        (route.name, name): most
        for _, route in routes.items()
        if route.takes is not None
        for name, most in _lists_of_scopes(route.takes)
    }
    assert {name for name, most in found.items() if most != MOST_SCOPES} == set()
    assert len(found) >= 4, found


async def test_so_many_scopes_are_refused_and_fewer_are_not(client: Client) -> None:
    for number, status in ((MOST_SCOPES, 201), (MOST_SCOPES + 1, 400)):
        answer = await client.post("/users/alice/tokens", json={"scopes": ["self"] * number})
        assert answer.status_code == status


async def test_an_oauth_client_may_not_ask_for_so_many(hub: Hub) -> None:
    browser = await logged_in(hub)
    await browser.call("POST", "/users/alice/server")
    query = (
        "client_id=jupyterhub-user-alice&response_type=code&redirect_uri=/user/alice/oauth_callback&scope="
    )
    for number, refused in ((MOST_SCOPES + 1, True), (1, False)):
        scopes = "+".join(f"read:users!user=u{index}" for index in range(number)) if refused else "identify"
        answer = await browser.get(f"/hub/api/oauth2/authorize?{query}{scopes}", headers=NAVIGATES)
        assert ("invalid_scope" in answer.text + answer.headers.get("location", "")) is refused


async def test_forms_for_tokens_are_small_too(client: Client) -> None:
    for content in (b"a=1&" * 60, b"code=" + b"x" * 70_000):
        answer = await client.with_token(None).post("/oauth2/token", content=content)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("text", ["9" * 60_000, "1:" * 30_000])
async def test_a_moment_and_a_part_of_a_name_are_short(client: Client, text: str) -> None:
    for path in (f"/events?since={text}", f"/users?name_filter={text}"):
        assert (await client.get(path)).status_code == 400
    body = {"last_activity": text}
    assert (await client.post("/users/alice/activity", json=body)).status_code == 400


async def test_a_long_list_is_gone_through_with_room_for_others() -> None:
    turns: list[int] = []

    async def other() -> None:
        while True:
            turns.append(1)
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(other)
        assert await in_steps(str, range(STEP * 10 + 1)) == [str(number) for number in range(STEP * 10 + 1)]
        nursery.cancel_scope.cancel()
    assert len(turns) >= 9  # trio takes tasks that are ready at once in any order


async def test_many_users_are_made_with_room_for_others(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    longest: list[int] = []
    monkeypatch.setattr(steps, "STEP", 7)
    checkpoint = trio.lowlevel.checkpoint

    async def counted() -> None:
        longest.append(1)
        await checkpoint()

    monkeypatch.setattr(steps.trio.lowlevel, "checkpoint", counted)
    answer = await client.post("/users", json={"usernames": [f"user{number}" for number in range(70)]})
    assert (answer.status_code, len(answer.json())) == (201, 70)
    assert len(longest) >= 3 * 10, "for their names, for who has them, and for what is answered"


async def test_the_proxy_may_tell_of_all_its_routes() -> None:
    routes = {f"/user/u{number}/": {"a": []} for number in range(MOST_VALUES // 2)}
    settings = settings_for_tests()
    roomy = replace(settings, callboard=replace(settings.callboard, max_body_size=16 * MIB))
    async with hub_in_memory(roomy) as hub, Client(hub, hub.proxy_secret) as proxy:
        answer = await proxy.post("/proxy/activity", json=routes)
        assert "values" not in answer.text
    async with hub_in_memory(roomy) as hub, Client(hub, ADMIN_TOKEN) as other:
        assert "values" in (await other.post("/users", json=routes)).text
