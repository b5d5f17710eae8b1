"""The hub itself over HTTP, in memory: what it says of itself, who one is to it, and how it is told to end."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import ADMIN_TOKEN, SERVICE_TOKEN, Client
from tests.unit.web.pages.browser import logged_in

TOKEN_OF = "/authorizations/token"
COOKIE_OF = "/authorizations/cookie"
LOGIN_COOKIE = "jupyterhub-hub-login"


@pytest.mark.parametrize("path", ["", "/"])
@pytest.mark.parametrize("root", ["/hub/api", "/api"])
async def test_the_root_says_the_version_to_everybody(client: Client, root: str, path: str) -> None:
    answer = await client.with_token(None).get(f"http://hub.test{root}{path}")
    assert (answer.status_code, answer.json()) == (200, {"version": "6.1.1"})
    assert answer.headers["access-control-allow-origin"] == "*"


async def test_info_is_jupyterhubs_with_the_version_of_callboard(client: Client) -> None:
    info = (await client.get("/info")).json()
    assert info.keys() == {
        "version",
        "callboard_version",
        "python",
        "sys_executable",
        "spawner",
        "authenticator",
    }
    assert info["version"] == "6.1.1"
    assert info["spawner"]["class"] == "spawners.simulated.SimulatedSpawner"
    assert info["authenticator"].keys() == {"class", "version"}


@pytest.mark.parametrize("root", ["/hub/api", "/api"])
async def test_hub_info_adds_what_is_configured(client: Client, root: str) -> None:
    info = (await client.get(f"http://hub.test{root}/hub/info")).json()
    assert info["config"] == {
        "base_url": "/",
        "allow_named_servers": True,
        "named_server_limit_per_user": 0,
        "concurrent_spawn_limit": 100,
        "active_server_limit": 0,
        "spawner": "simulated",
        "authenticator": "dummy",
        "proxy": "callboard",
    }


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/info"), ("GET", "/hub/info"), ("POST", "/shutdown"), ("POST", "/hub/shutdown")],
)
async def test_they_take_their_scopes(client: Client, method: str, path: str) -> None:
    assert (await client.with_token(None).request(method, path)).status_code == 403
    assert (await client.with_token(SERVICE_TOKEN).request(method, path)).status_code == 403
    assert not client.hub.closing.is_set()


@pytest.mark.parametrize(
    ("content", "servers", "proxy"),
    [
        (b"", True, True),
        (b"{}", True, True),
        (b"[]", True, True),
        (b'{"servers": false}', False, True),
        (b'{"proxy": false, "servers": true}', True, False),
        (b'{"proxy": 0, "servers": 1}', True, False),
    ],
)
@pytest.mark.parametrize("path", ["/shutdown", "/hub/shutdown"])
async def test_a_shutdown_says_what_ends_with_the_hub(
    client: Client, path: str, content: bytes, servers: bool, proxy: bool
) -> None:
    answer = await client.post(path, content=content)
    assert (answer.status_code, list(answer.json())) == (202, ["message"])
    ending = client.hub.ending
    assert (client.hub.closing.is_set(), ending.servers, ending.proxy) == (True, servers, proxy)


@pytest.mark.parametrize(
    "content",
    [b"x", b'"x"', b"5", b'{"proxy": "yes"}', b'{"servers": null}', b'{"proxy": 2}', b'{"servers": []}'],
)
async def test_other_shutdowns_are_refused(client: Client, content: bytes) -> None:
    assert (await client.post("/shutdown", content=content)).status_code == 400
    assert not client.hub.closing.is_set()


@pytest.mark.parametrize("path", ["/hub/health", "/hub/api/health", "/api/health"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_health_is_empty_and_open(client: Client, method: str, path: str) -> None:
    answer = await client.with_token(None).request(method, f"http://hub.test{path}")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == "text/html"


async def test_a_user_is_told_who_it_is_and_what_it_may(client: Client) -> None:
    me = (await client.get("/user")).json()
    assert (me["name"], me["kind"], me["admin"], me["session_id"]) == ("alice", "user", True, None)
    assert me["scopes"] == sorted(me["scopes"])
    assert me["token_id"].startswith("t")
    assert "auth_state" not in me


async def test_a_token_without_scopes_still_tells_who_one_is(client: Client) -> None:
    made = await client.post("/users/alice/tokens", json={"scopes": []})
    me = (await client.with_token(made.json()["token"]).get("/user")).json()
    assert me.keys() == {"kind", "name", "admin", "groups", "user_info", "token_id", "session_id", "scopes"}


@pytest.mark.parametrize("token", [None, "nonsense", ADMIN_TOKEN[:-1], "x" * 65])
async def test_nobody_is_a_403_with_a_message(client: Client, token: str | None) -> None:
    answer = await client.with_token(token).get("/user")
    assert (answer.status_code, answer.json()["status"]) == (403, 403)
    assert isinstance(answer.json()["message"], str)


@pytest.mark.parametrize(
    ("token", "owner"),
    [(ADMIN_TOKEN, {"kind": "user", "name": "alice"}), (SERVICE_TOKEN, {"kind": "service", "name": "ops"})],
)
@pytest.mark.parametrize("asks", [ADMIN_TOKEN, SERVICE_TOKEN])
async def test_who_shows_a_token_may_ask_whose_another_is(
    client: Client, asks: str, token: str, owner: dict[str, Any]
) -> None:
    answer = await client.with_token(asks).get(f"{TOKEN_OF}/{token}")
    assert answer.status_code == 200
    assert owner.items() <= answer.json().items()


@pytest.mark.parametrize(
    ("method", "path", "token", "status"),
    [
        ("GET", f"{TOKEN_OF}/{ADMIN_TOKEN}", None, 403),
        ("GET", f"{TOKEN_OF}/no-such-token", ADMIN_TOKEN, 404),
        ("GET", TOKEN_OF, ADMIN_TOKEN, 404),
        ("POST", TOKEN_OF, ADMIN_TOKEN, 404),
        ("POST", TOKEN_OF, None, 404),
        ("POST", f"{TOKEN_OF}/x", ADMIN_TOKEN, 404),
        ("GET", f"{COOKIE_OF}/name", ADMIN_TOKEN, 404),
        ("GET", f"{COOKIE_OF}/name/value", ADMIN_TOKEN, 404),
        ("GET", f"{COOKIE_OF}/name/value", None, 403),
        ("POST", f"{COOKIE_OF}/name/value", ADMIN_TOKEN, 405),
        ("GET", COOKIE_OF, ADMIN_TOKEN, 404),
    ],
)
async def test_other_questions_of_old_services(
    client: Client, method: str, path: str, token: str | None, status: int
) -> None:
    assert (await client.with_token(token).request(method, path)).status_code == status


@pytest.mark.parametrize("form", ["url", "body", "body with blanks", "cookie"])
async def test_whose_a_cookie_is_may_be_asked_in_each_way_that_old_services_know(
    client: Client, form: str
) -> None:
    browser = await logged_in(client.hub, "bob", client.app)
    secret = browser.cookies[LOGIN_COOKIE]
    path = f"{COOKIE_OF}/{LOGIN_COOKIE}"
    answer = await {
        "url": lambda: client.get(f"{path}/{secret}"),
        "body": lambda: client.request("GET", path, content=secret),
        "body with blanks": lambda: client.request("GET", path, content=f" {secret}\n"),
        "cookie": lambda: client.get(path, headers={"Cookie": f"{LOGIN_COOKIE}={secret}"}),
    }[form]()
    assert (answer.status_code, answer.json()["name"]) == (200, "bob")


@pytest.mark.parametrize("body", [b"", b"x", b"\xff\x00", b'{"a": 1}'])
async def test_other_bodies_are_nobodys_cookies(client: Client, body: bytes) -> None:
    for name in (LOGIN_COOKIE, "other"):
        assert (await client.request("GET", f"{COOKIE_OF}/{name}", content=body)).status_code == 404
