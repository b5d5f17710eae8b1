"""How the hub starts configurable-http-proxy, what it sends to its API, and what it says of answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from msgspec.structs import replace

from core.errors import UnavailableError
from core.reconcile.routes import Told
from core.settings import ConfigError, ConfigurableHTTPProxySettings, HubSettings, ProxySettings, Settings
from tests.conftest import Client, hub_in_memory, settings_for_tests
from web.lifecycle.proxy import make_proxy
from web.proxies.carrier import TroubleError
from web.proxies.chp import CHPProgram, DrivenCHP, auth_token
from web.proxies.rest import TOKEN_VARIABLE, RestAPI
from web.proxies.use import UseOfRoutes

HUB = "http://127.0.0.1:8081"


def program(own: ConfigurableHTTPProxySettings | None = None, **hub: Any) -> CHPProgram:
    settings = Settings(
        hub=HubSettings(**{"bind_url": "http://:8000/", **hub}),
        configurable_http_proxy=own or ConfigurableHTTPProxySettings(),
    )
    return CHPProgram(settings, HUB, "token-of-the-proxy")


def test_it_is_started_as_jupyterhub_does() -> None:
    """command, api_url, log_level, auth_token, command_umask"""
    found = program()
    words = (
        "--ip  --port 8000 --api-ip 127.0.0.1 --api-port 8001 --error-target http://127.0.0.1:8081/hub/error"
    )
    assert found.command() == ["configurable-http-proxy", *words.split(" "), "--log-level", "info"]
    assert found.environment == {"CONFIGPROXY_AUTH_TOKEN": "token-of-the-proxy"}
    assert found.umask == 0o007


@pytest.mark.parametrize(
    ("own", "hub", "words"),
    [
        ({"debug": True}, {}, "--log-level debug"),
        ({"command": ["npx", "chp"]}, {}, "npx chp --ip"),
        (
            {"api_url": "http+unix://%2Frun%2Fapi.sock"},
            {},
            "--port 8000 --api-socket /run/api.sock --error-target",
        ),
        ({}, {"bind_url": "http+unix://%2Frun%2Fhub.sock"}, "--socket /run/hub.sock --api-ip"),
        ({}, {"bind_url": "https://[::1]/", "ssl_cert": "c"}, "--ip ::1 --port 443 --api-ip"),
        ({}, {"ssl_key": "k", "ssl_cert": "c"}, "--log-level info --ssl-key k --ssl-cert c"),
        ({"debug": True}, {"subdomain_host": "http://hub.test"}, "--log-level debug --host-routing"),
        ({}, {"base_url": "/a/"}, "--error-target http://127.0.0.1:8081/a/hub/error"),
    ],
)
def test_what_the_configuration_says_reaches_it(own: dict[str, Any], hub: dict[str, Any], words: str) -> None:
    found = program(ConfigurableHTTPProxySettings(**own), **hub).command()
    assert f" {words} " in f" {' '.join(found)} "


def test_its_process_number_is_kept_for_the_next_hub(tmp_path: Path) -> None:
    """pid_file"""

    class Started:
        pid = 12345

    found = program(ConfigurableHTTPProxySettings(pid_file=str(tmp_path / "proxy.pid")))
    assert found.find() is None
    found.started(Started())  # type: ignore[arg-type]
    assert (tmp_path / "proxy.pid").read_text() == "12345\n"
    (tmp_path / "proxy.pid").write_text("1\n")
    assert found.find() is None, "whoever has that number is no proxy"
    (tmp_path / "proxy.pid").write_text("{}")
    assert found.find() is None


def test_the_token_is_that_of_the_configuration_or_the_environment_or_the_hubs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """auth_token"""
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    usual = Settings()
    elsewhere = replace(usual, proxy=ProxySettings(should_start=False))
    assert auth_token(usual, "of-the-hub") == "of-the-hub"
    with pytest.raises(ConfigError, match=TOKEN_VARIABLE):
        auth_token(elsewhere, "of-the-hub")
    monkeypatch.setenv(TOKEN_VARIABLE, "of-the-environment")
    assert auth_token(usual, "of-the-hub") == auth_token(elsewhere, "") == "of-the-environment"
    own = ConfigurableHTTPProxySettings(auth_token="of-the-file")
    assert auth_token(replace(elsewhere, configurable_http_proxy=own), "") == "of-the-file"


async def test_the_class_chosen_is_the_proxy_that_carries() -> None:
    """concurrency, check_running_interval"""
    own = ConfigurableHTTPProxySettings(concurrency=3, check_running_interval=7)
    settings = replace(settings_for_tests(proxy_class="configurable-http-proxy"), configurable_http_proxy=own)
    async with hub_in_memory(settings) as hub:
        proxy = make_proxy(hub)
        assert isinstance(proxy, DrivenCHP)
        assert proxy._carrier._requests.total_tokens == 3
        assert proxy._process is not None
        assert proxy._process._look_every == 7
        assert hub.proxies.driven is proxy
        await proxy._api.close()


# --- its API ---


class Asked:
    """What was sent; `answer` makes what comes back."""

    def __init__(self, api: RestAPI) -> None:
        self.requests: list[httpx.Request] = []
        self.answer: Callable[[httpx.Request], httpx.Response] = lambda _: httpx.Response(201)
        api._client = httpx.AsyncClient(
            transport=httpx.MockTransport(self._take), base_url="http://proxy:8001"
        )

    def _take(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self.answer(request)


@pytest.fixture
def api() -> RestAPI:
    return RestAPI("http://proxy:8001/", "token-of-the-proxy")


@pytest.fixture
def asked(api: RestAPI) -> Asked:
    return Asked(api)


async def test_routes_are_set_and_removed_under_encoded_paths(api: RestAPI, asked: Asked) -> None:
    await api.set("/user/x%20y%C3%A9/n1/", Told("http://h:1", {"user": "x yé", "jupyterhub": True}))
    await api.set("/", Told("http://h:1"))
    await api.set("a.hub.test/user/a/", Told("http://h:1"))
    await api.remove("/user/x yé/100%/n1")
    sent = [(it.method, it.url.raw_path) for it in asked.requests]
    assert sent == [
        ("POST", b"/api/routes/user/x%20y%C3%A9/n1"),
        ("POST", b"/api/routes/"),
        ("POST", b"/api/routes/a.hub.test/user/a"),
        ("DELETE", b"/api/routes/user/x%20y%C3%A9/100%25/n1"),
    ]
    assert json.loads(asked.requests[0].content) == {
        "target": "http://h:1",
        "user": "x yé",
        "jupyterhub": True,
    }
    assert {it.headers["Authorization"] for it in asked.requests} == {"token token-of-the-proxy"}


async def test_that_there_is_no_such_route_is_an_answer(api: RestAPI, asked: Asked) -> None:
    asked.answer = lambda _: httpx.Response(404)
    assert not await api.has("/user/a/")
    await api.remove("/user/a")
    asked.answer = lambda _: httpx.Response(200, json={"target": "http://h:1"})
    assert await api.has("/user/a/")


def _raise(error: Exception) -> Callable[[httpx.Request], httpx.Response]:
    def answer(_: httpx.Request) -> httpx.Response:
        raise error

    return answer


@pytest.mark.parametrize(
    ("answer", "trouble"),
    [
        (lambda _: httpx.Response(403), "refuses this hub's token: CONFIGPROXY_AUTH_TOKEN is another there"),
        (lambda _: httpx.Response(500), "answers with 500 to GET of a route"),
        (
            lambda _: httpx.Response(200, text="<html>"),
            "speaks another language: is its API at this address?",
        ),
        (lambda _: httpx.Response(200, json=[1]), "speaks another language: is its API at this address?"),
        (_raise(httpx.ConnectError("refused")), "takes no connections"),
        (_raise(httpx.ReadTimeout("")), "does not answer"),
        (_raise(httpx.RemoteProtocolError("gone")), "broke off a connection"),
    ],
)
async def test_what_is_wrong_is_said_in_words(
    api: RestAPI, asked: Asked, answer: Callable[[httpx.Request], httpx.Response], trouble: str
) -> None:
    asked.answer = answer
    with pytest.raises(TroubleError) as error:
        await api.routes()
    assert str(error.value) == trouble


async def test_it_is_asked_elsewhere_once_it_has_moved(api: RestAPI) -> None:
    api.move("", "another-token")
    assert api.name == "configurable-http-proxy at http://proxy:8001"
    api.move("http://127.0.0.1:1/", "")
    with pytest.raises(TroubleError, match="takes no connections"):
        await api.routes()
    assert api.name == "configurable-http-proxy at http://127.0.0.1:1"
    await api.close()


# --- what it says of use ---


def test_a_route_that_was_set_anew_has_not_been_used() -> None:
    told: list[dict[str, datetime]] = []
    use = UseOfRoutes(lambda used: told.append(dict(used)))
    held = {
        "/a": {"last_activity": "2024-01-01T00:00:00.000Z"},
        "/b": {"last_activity": "nonsense"},
        "/c": {},
    }
    use.note(["/a/", "/b/", "/c/", "/d/"], held)
    assert told.pop() == {"/a/": datetime(2024, 1, 1, tzinfo=UTC)}
    use.are_new(["/a/"], held)
    use.note(["/a/"], held)
    assert told.pop() == {}
    use.note(["/a/"], {"/a": {"last_activity": "2024-01-01T00:00:00.001Z"}})
    assert told.pop() == {"/a/": datetime(2024, 1, 1, microsecond=1000, tzinfo=UTC)}
    use.forget(["/a/"])
    use.note(["/a/"], held)
    assert list(told.pop()) == ["/a/"]


def test_a_clock_that_is_ahead_tells_of_no_use_that_has_not_come() -> None:
    told: list[dict[str, datetime]] = []
    use = UseOfRoutes(lambda used: told.append(dict(used)))
    use.note(["/a/"], {"/a": {"last_activity": "2999-01-01T00:00:00.000Z"}})
    assert told[0]["/a/"] <= datetime.now(UTC)


# --- what administrators ask of it ---


class Driven:
    def __init__(self) -> None:
        self.calls: list[str] = []
        self.trouble = ""

    async def check(self) -> None:
        self.calls.append("check")
        await trio.lowlevel.checkpoint()
        if self.trouble:
            raise UnavailableError(self.trouble)

    def move(self, api_url: str, token: str) -> None:
        self.calls.append(f"move {api_url} {token}")


async def test_a_check_and_a_move_reach_it(client: Client) -> None:
    driven = client.hub.proxies.driven = Driven()
    assert (await client.post("/proxy")).status_code == 200
    place = {"api_url": "http://proxy:8001", "auth_token": "t"}
    assert (await client.patch("/proxy", json=place)).status_code == 200
    assert driven.calls == ["check", "move http://proxy:8001 t", "check"]
    driven.trouble = "The proxy does not answer."
    answer = await client.post("/proxy")
    assert (answer.status_code, answer.json()["message"]) == (503, "The proxy does not answer.")
