"""What every answer has in common, and what nobody can make the hub do before it knows them. Over HTTP, in memory."""

from __future__ import annotations

import itertools
import logging

import pytest
from msgspec.structs import replace

from core.settings import CallboardSettings, TornadoSettings
from tests.conftest import ADMIN_TOKEN, Client, hub_in_memory, settings_for_tests

CSP = "frame-ancestors 'none'; report-uri /hub/security/csp-report"
ROOTS = ("http://hub.test/hub/api", "http://hub.test/api")


@pytest.mark.parametrize("root", ROOTS)
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/users", 200),
        ("GET", "/user", 200),
        ("POST", "/users", 400),
        ("GET", "/users/nobody", 404),
        ("GET", "/nonsense", 404),
        ("PUT", "/users", 405),
        ("DELETE", "/users/alice", 400),
        ("OPTIONS", "/users", 200),
    ],
)
async def test_every_answer_of_the_api_has_its_headers(
    client: Client, root: str, method: str, path: str, status: int
) -> None:
    answer = await client.request(method, root + path)
    headers = answer.headers
    assert (answer.status_code, headers["content-type"]) == (status, "application/json")
    assert headers["x-jupyterhub-version"] == "6.1.1"
    assert headers["access-control-allow-headers"] == "accept, content-type, authorization"
    assert headers["content-security-policy"] == f"{CSP}; default-src 'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-request-id"]
    assert "server" not in headers
    assert "access-control-allow-origin" not in headers


async def test_pages_have_another_policy(client: Client) -> None:
    answer = await client.get("http://hub.test/hub/health")
    assert answer.headers["content-security-policy"] == CSP


@pytest.mark.parametrize(
    "path", ["/login?ticket=secret", "/accept-share?code=secret", "/api/users", "/nonsense"]
)
async def test_no_page_says_in_which_url_its_links_were_followed(client: Client, path: str) -> None:
    answer = await client.get(f"http://hub.test/hub{path}")
    assert answer.headers["referrer-policy"] == "strict-origin"


async def test_configured_headers_win() -> None:
    given = {"content-security-policy": "x", "Access-Control-Allow-Origin": "*", "X-More": "1"}
    settings = settings_for_tests(tornado_settings=TornadoSettings(headers=given))
    async with hub_in_memory(settings) as hub, Client(hub, ADMIN_TOKEN) as client:
        for path in ("/users", "/nonsense"):
            headers = (await client.get(path)).headers
            assert headers.get_list("content-security-policy") == ["x"]
            assert (headers["access-control-allow-origin"], headers["x-more"]) == ("*", "1")
            assert headers["x-jupyterhub-version"] == "6.1.1"


@pytest.mark.parametrize("root", ROOTS)
@pytest.mark.parametrize("token", [None, ADMIN_TOKEN])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])
@pytest.mark.parametrize("path", ["/nonsense", "/users/", "/groups/", "/hub", "/users/a/b/c/d"])
async def test_an_unknown_url_is_404_whoever_asks(
    client: Client, root: str, token: str | None, method: str, path: str
) -> None:
    answer = await client.with_token(token).request(method, root + path)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/json")
    if method != "HEAD":
        assert answer.json() == {"status": 404, "message": "Not Found"}


@pytest.mark.parametrize(
    "path", ["", "/users", "/users/alice", "/info", "/user", "/groups", "/proxy", "/metrics"]
)
async def test_head_is_refused_where_there_is_only_get(client: Client, path: str) -> None:
    answer = await client.head(path)
    assert (answer.status_code, answer.content) == (405, b"")


@pytest.mark.parametrize("path", ["", "/users", "/users/alice/server", "/services/x", "/shutdown", "/health"])
async def test_options_are_open_and_empty(client: Client, path: str) -> None:
    answer = await client.with_token(None).options(path)
    assert (answer.status_code, answer.content) == (200, b"")


async def test_a_refusal_always_has_a_message(client: Client) -> None:
    for method, path in (("PUT", "/users"), ("GET", "/nope"), ("GET", "/user"), ("POST", "/users/alice")):
        for token in (None, ADMIN_TOKEN):
            answer = await client.with_token(token).request(method, path)
            if answer.status_code >= 400:
                assert answer.json().keys() == {"status", "message"}
                assert answer.json()["message"]


async def test_what_has_not_changed_is_not_sent_again(client: Client) -> None:
    first = await client.get("/users")
    tag = first.headers["etag"]
    again = await client.get("/users", headers={"If-None-Match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert again.headers["x-jupyterhub-version"] == "6.1.1"
    await client.post("/users/bob")
    changed = await client.get("/users", headers={"If-None-Match": tag})
    assert (changed.status_code, changed.headers["etag"] != tag) == (200, True)


# --- bounds ---


@pytest.mark.parametrize("path", ["/users", "/users/alice/tokens", "/services/new", "/proxy", "/shutdown"])
async def test_a_body_has_its_bounds(path: str) -> None:
    small = replace(settings_for_tests(), callboard=CallboardSettings(max_body_size=1024))
    async with hub_in_memory(small) as hub, Client(hub, ADMIN_TOKEN) as client:
        answer = await client.post(path, content=b'"' + b"x" * 2000 + b'"')
        assert (answer.status_code, answer.json()["status"]) == (413, 413)
        assert not hub.closing.is_set()


@pytest.mark.parametrize("content", [b"[" * 100_000, b'{"a":' * 50_000, b"[" * 500_000])
@pytest.mark.parametrize("path", ["/users", "/users/alice/server", "/services/new", "/proxy", "/shutdown"])
async def test_json_that_is_nested_too_deeply_is_refused(client: Client, path: str, content: bytes) -> None:
    expected = 200 if path == "/proxy" else 400
    assert (await client.post(path, content=content)).status_code == expected


async def test_bytes_that_are_not_utf8_are_replaced(client: Client) -> None:
    answer = await client.post("/services/new", content=b'{"info": {"x": "\xff"}}')
    assert (answer.status_code, answer.json()["info"]) == (201, {"x": "\ufffd"})


METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD")
PATHS = (
    "/hub/api/users",
    "/hub/api/users/alice",
    "/hub/api/users/alice/server",
    "/hub/api/users/alice/tokens",
    "/hub/api/groups/g",
    "/hub/api/services/s",
    "/hub/api/proxy",
    "/hub/api/shutdown",
    "/hub/api/authorizations/token/x",
    "/hub/api/shares/alice/lab",
    "/api/users",
    "/api/nonsense",
    "/hub/metrics",
    "/hub/health",
    "/hub/nonsense",
    "/user/alice/lab",
    "/nonsense",
)
CREDENTIALS = ("", "token nonsense", f"token {ADMIN_TOKEN}x", "Basic YTpi", "bearer " + "x" * 500)


async def test_who_is_not_known_writes_nothing(client: Client) -> None:
    nobody = client.with_token(None)
    await nobody.get("/user")
    head = client.hub.store.head
    asked = 0
    for round_ in itertools.count():
        for method, path in itertools.product(METHODS, PATHS):
            headers = {
                "Authorization": CREDENTIALS[(round_ + asked) % len(CREDENTIALS)],
                "Idempotency-Key": f"k{asked}",
            }
            content = b'{"admin": true, "name": "mallory"}' if method in ("POST", "PUT", "PATCH") else None
            url = f"http://hub.test{path}"
            answer = await nobody.request(method, url, headers=headers, content=content)
            assert answer.status_code not in (201, 202, 204), (method, path)
            asked += 1
        if asked >= 1000:
            break
    assert client.hub.store.head == head
    keys = client.hub.store.db.execute("SELECT count(*) FROM command_keys").fetchone()
    assert keys == (0,)


# --- the log of requests ---


async def test_a_line_for_each_request_and_no_secret_in_it(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "callboard.http")
    await client.get("/users?name_filter=a&api_token=s3cret&_xsrf=s3cret&state=s3cret&apikey=s3cret")
    await client.get("/users?state=pending")
    await client.get("/authorizations/token/s3cret-token")
    await client.get("/authorizations/cookie/name/s3cret")
    await client.get("/shares/" + "S3cret_" * 6 + "x")
    assert "s3cret" not in caplog.text.lower()
    assert "name_filter=a" in caplog.text
    assert "state=pending" in caplog.text, "no login's"
    assert "GET /hub/api/users?name_filter=a&api_token=[secret]&_xsrf=[secret]" in caplog.text
    assert "(alice@127.0.0.1)" in caplog.text


@pytest.mark.parametrize(
    ("path", "level"), [("/health", "DEBUG"), ("/users", "INFO"), ("/users/nobody", "WARNING")]
)
async def test_how_loud_a_line_is(
    client: Client, caplog: pytest.LogCaptureFixture, path: str, level: str
) -> None:
    caplog.set_level(logging.DEBUG, "callboard.http")
    await client.get(path)
    assert [record.levelname for record in caplog.records if "hub/api" in record.message] == [level]
