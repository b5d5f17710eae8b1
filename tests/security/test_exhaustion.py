"""What strangers can use up before anybody knows them (CVE-2026-54338, CVE-2026-34052): little.

Guesses at passwords are slowed down in tests/unit/core/logins/test_gate.py; bodies, nesting and the log are bounded in
tests/unit/web/api/test_headers.py; connections and slow senders of a real hub are in test_side_doors.py, those of its
proxy in tests/integration/test_proxy.py.
"""

from __future__ import annotations

import gc
import logging
import tracemalloc
from collections.abc import Callable

import httpx
import pytest
import trio

from core.naming.names import check_display_name, check_server_name, slug
from core.naming.user_names import UserNames
from core.secrets.scrubbing import scrubbed
from tests.conftest import Client
from tests.unit.web.pages.browser import NAVIGATES, Browser
from web.app.app import build_app
from web.hub.hub import Hub
from web.request.request_log import shown_url
from web.rights.identity import token_in
from web.site.next_url import safe_path

KIB, MIB = 1024, 1024 * 1024
MULTIPART = "multipart/form-data; boundary=b"


def from_address(number: int) -> dict[str, str]:
    return {"X-Forwarded-For": f"198.51.{number // 250 % 250}.{number % 250}"}


async def test_guesses_at_tokens_make_no_event_each(client: Client, autojump_clock: object) -> None:
    nobody, hub = client.with_token(None), client.hub
    head = hub.store.head
    for number in range(1500):
        headers = {"Authorization": f"token guess-{number}", **from_address(number)}
        assert (await nobody.get("/user", headers=headers)).status_code == 403
    assert hub.store.head == head
    await trio.sleep(3600)
    assert hub.store.head - head <= 2, "told together, some time later"


async def test_guesses_at_passwords_make_no_event_each(hub: Hub, autojump_clock: object) -> None:
    hub.logins.authenticator._password = "right"  # type: ignore[attr-defined]
    app, head = build_app(hub), hub.store.head
    browser = Browser(hub, app)
    await browser.get("/hub/login", headers=NAVIGATES)
    fields = {"password": "x", "_xsrf": browser.xsrf}
    for number in range(100):
        await browser.post("/hub/login", data={**fields, "username": f"u{number}"}, headers=NAVIGATES)
    assert hub.store.head == head


async def test_who_merely_looks_leaves_nothing_behind(hub: Hub, autojump_clock: object) -> None:
    app, head = build_app(hub), hub.store.head
    transport = httpx.ASGITransport(app)
    paths = (
        "/hub/login",
        "/hub/home",
        "/hub/api",
        "/user/x/y",
        "/hub/api/oauth2/authorize?client_id=x",
        "/z",
    )

    async def look(number: int) -> None:
        headers = {**NAVIGATES, **from_address(number), "User-Agent": f"agent {number}" * 20}
        async with httpx.AsyncClient(transport=transport, base_url="http://hub.test") as one:
            await one.get(f"{paths[number % len(paths)]}", headers=headers)

    for number in range(60):
        await look(number)
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for number in range(60, 360):
        await look(number)
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert hub.store.head == head
    assert grown < 300 * KIB, f"{grown} bytes for 300 visitors"


@pytest.mark.parametrize(
    "path",
    [
        "/hub/login?next=/" + "a" * 60_000,
        "/hub/login?" + "a=1&" * 12_000,
        "/hub/login?" + "%41" * 20_000,
        "/hub/api/users?offset=" + "9" * 50_000,
        "/hub/api/oauth2/authorize?client_id=" + "x" * 30_000,
        "/hub/api/oauth2/authorize?scope=" + "a+" * 10_000,
        "/" + "a/" * 14_000,
        "/hub/user/" + "a/" * 9_000,
        "/user/" + "%2f" * 9_000,
        "/hub/static/" + "../" * 20_000,
        "/hub/error/" + "9" * 50_000,
    ],
    ids=lambda path: path[:24],
)
async def test_a_long_address_is_answered_like_any(hub: Hub, path: str) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(build_app(hub)), base_url="http://x") as one:
        answer = await one.get(httpx.URL("http://hub.test", raw_path=path.encode()), headers=NAVIGATES)
    assert answer.status_code < 500
    assert len(answer.content) < 300 * KIB


@pytest.mark.parametrize(
    "headers",
    [
        {"Cookie": "; ".join(f"jupyterhub-hub-login={n}" for n in range(2000))},
        {"Cookie": "a" * 60_000},
        {"Cookie": '"' + '\\"' * 20_000},
        {"Authorization": "token " + "x" * 60_000},
        {"Authorization": " " * 60_000 + "x"},
        {"X-Forwarded-For": "1.2.3.4, " * 6000},
        {"X-Forwarded-For": "x" * 60_000},
        {"Accept": "text/html;q=0.1," * 4000},
        {"Accept-Language": "a" + "-a" * 20_000},
        {"If-None-Match": '"x", ' * 10_000},
        {"Idempotency-Key": "k" * 60_000},
        {"Host": "x" * 60_000},
        {"Host": "a..b"},
        {"Host": "x" * 64},
        {"Content-Type": "multipart/form-data; boundary=" + "-" * 50_000},
        {"Range": "bytes=" + "0-1," * 15_000},
    ],
    ids=lambda headers: "".join(f"{name} {value[:10]}" for name, value in headers.items()),
)
async def test_a_long_header_is_answered_like_any(hub: Hub, headers: dict[str, str]) -> None:
    head = hub.store.head
    async with httpx.AsyncClient(transport=httpx.ASGITransport(build_app(hub)), base_url="http://x") as one:
        for method, path in (("GET", "/hub/login"), ("GET", "/hub/api/user"), ("POST", "/hub/login")):
            answer = await one.request(method, f"http://hub.test{path}", headers=headers)
            assert answer.status_code < 500, (method, path)
    assert hub.store.head == head


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"username=" + b"x" * (2 * MIB), "application/x-www-form-urlencoded"),
        (b"a=1&" * 250_000, "application/x-www-form-urlencoded"),
        (b"--b\r\nContent-Disposition: form-data; name=x\r\n\r\n\r\n" * 15_000 + b"--b--", MULTIPART),
        (b"--b\r\n" + b"X: y\r\n" * 100_000, MULTIPART),
        (b'--b\r\nContent-Disposition: form-data; name=x; filename="y"\r\n\r\n' + b"z" * MIB, MULTIPART),
    ],
    ids=["long field", "many fields", "many parts", "many headers", "a file"],
)  # fmt: skip
async def test_forms_have_bounds_before_a_login(hub: Hub, content: bytes, kind: str) -> None:
    head = hub.store.head
    async with httpx.AsyncClient(transport=httpx.ASGITransport(build_app(hub)), base_url="http://x") as one:
        answer = await one.post("http://hub.test/hub/login", content=content, headers={"Content-Type": kind})
    assert answer.status_code in (400, 403, 413)
    assert hub.store.head == head


@pytest.mark.parametrize("content", [b'{"auth":' * 100_000, b'{"auth": {"username": ' + b"[" * 100_000])
async def test_what_logs_in_by_its_body_has_bounds(client: Client, content: bytes) -> None:
    answer = await client.with_token(None).post("/users/alice/tokens", content=content)
    assert answer.status_code in (400, 403)


async def test_a_name_of_any_length_costs_a_login_no_more(hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
    """CVE-2026-54338: it was written to the log as it came."""
    caplog.set_level(logging.DEBUG)
    browser = Browser(hub)
    await browser.get("/hub/login", headers=NAVIGATES)
    name = "n" * 60_000
    fields = {"username": name, "password": "x", "_xsrf": browser.xsrf}
    answer = await browser.post("/hub/login", data=fields, headers=NAVIGATES)
    assert answer.status_code == 403
    assert sum(len(record.getMessage()) for record in caplog.records) < 20_000
    assert len(answer.content) < 100 * KIB, "nor is it sent back"


# --- patterns that go back and forth ---

READERS: tuple[Callable[[str], object], ...] = (
    scrubbed,
    lambda text: safe_path("/" + text, {"http://hub.test"}),
    lambda text: shown_url(text, text),
    slug,
    token_in,
    UserNames().normalize,
    lambda text: _or_none(check_server_name, text),
    lambda text: _or_none(check_display_name, text),
)
TEXTS = (
    *("a" * 30_000, " " * 30_000, "a " * 15_000, "token" * 6000, "token=" * 5000, "token token " * 2500),
    *(
        "://" * 10_000,
        "://:" * 7500,
        "cookie:" * 4000,
        "authorization " * 2000,
        "'" * 30_000,
        "token='" * 4000,
    ),
    *("bearer 1" * 4000, "a-" * 15_000, "/" * 30_000, "//hub.test" * 3000, "?code=" * 5000, "key=\"'" * 5000),
    *("0123456789abcdef" * 2000, "\\" * 30_000, "secret_" * 4000, "secret-:=" * 3000, "token\t" * 5000 + "!"),
)


def _or_none(check: Callable[[str], str], text: str) -> object:
    try:
        return check(text)
    except Exception:
        return None


@pytest.mark.timeout(60)  # each is a matter of milliseconds: one that goes back and forth takes hours
@pytest.mark.parametrize("reader", range(len(READERS)))
def test_no_text_keeps_a_pattern_busy(reader: int) -> None:
    for text in TEXTS:
        READERS[reader](text)
