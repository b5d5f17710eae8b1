"""A proxy that a hub drives: the answers of its API, what its table holds, and what its command line means."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.proxy.activity import Activity
from web.proxy.command import proxy, settings_from
from web.proxy.driven.api import Answered, RoutesAPI
from web.proxy.driven.table import DrivenTable, clean
from web.proxy.routes import Route, Routes
from web.proxy.settings import ProxySettings

NOW = datetime(2024, 1, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
AT = "2024-01-01T12:00:00.000Z"


class World:
    def __init__(self, *, host_routing: bool = False) -> None:
        self.routes = Routes()
        self.used: dict[str, datetime] = {}
        self.ended: list[Route] = []
        self.table = DrivenTable(self.routes, self.used.get, self._forget, host_routing=host_routing)
        self.api = RoutesAPI(self.table, "token-of-the-hub")

    def _forget(self, ended: list[Route], spec: str) -> None:
        self.ended += ended
        self.used.pop(spec, None)

    def ask(
        self, method: str, path: str, body: Any = None, token: str = "token token-of-the-hub"
    ) -> Answered:
        place, _, query = path.encode().partition(b"?")
        refused = self.api.refusal(method.encode(), place, token.encode())
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return refused or self.api.answer(method.encode(), place, query, content, NOW)

    def routes_of(self, path: str = "/api/routes") -> Any:
        return json.loads(self.ask("GET", path).content)

    def leads(self, path: str, host: str = "hub.test") -> str:
        found = self.routes.find(host.encode(), path.encode())
        return found.target.authority.decode() if found else ""


@pytest.fixture
def world() -> World:
    return World()


def test_a_route_is_set_shown_replaced_and_removed(world: World) -> None:
    data = {"target": "http://h:1", "user": "alice", "jupyterhub": True}
    assert world.ask("POST", "/api/routes/user/alice", data) == Answered(201)
    assert world.routes_of() == {"/user/alice": {**data, "last_activity": AT}}
    assert world.routes_of("/api/routes/user/alice") == {**data, "last_activity": AT}
    assert world.leads("/user/alice/lab") == "h:1"
    assert world.ask("POST", "/api/routes/user/alice/", {"target": "http://h:2"}).status == 201
    assert world.leads("/user/alice/lab") == "h:2"
    assert [route.target.port for route in world.ended] == [1]
    assert world.ask("DELETE", "/api/routes/user/alice").status == 204
    assert world.ask("DELETE", "/api/routes/user/alice").status == 404
    assert (world.routes_of(), world.leads("/user/alice/lab")) == ({}, "")


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/api/routes/user/nobody", None, 404),
        ("GET", "/api/routes/", None, 200),
        ("GET", "/api/routes?inactive_since=yesterday", None, 400),
        ("POST", "/api/routes/a", {"user": "alice"}, 400),
        ("POST", "/api/routes/a", {"target": 5}, 400),
        ("POST", "/api/routes/a", [], 400),
        ("POST", "/api/routes/a", None, 400),
        ("POST", "/api/routes/a", b"{", 400),
        ("POST", "/api/routes/a", b"\xff", 400),
        ("POST", "/api/routes/a", {"target": "https://h:1"}, 400),
        ("POST", "/api/routes", {"target": "http://h:1"}, 201),
        ("PUT", "/api/routes/a", None, 405),
        ("HEAD", "/api/routes", None, 405),
        ("GET", "/api", None, 404),
        ("GET", "/api/routesx", None, 404),
        ("GET", "/", None, 404),
    ],
)
def test_answers(world: World, method: str, path: str, body: Any, status: int) -> None:
    assert world.ask(method, path, body).status == status


@pytest.mark.parametrize(
    "token", ["", "token wrong", "Bearer token-of-the-hub", "token-of-the-hub", "token "]
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_without_the_token_nothing_is_shown_or_done(world: World, method: str, token: str) -> None:
    world.ask("POST", "/api/routes/a", {"target": "http://h:1"})
    before = world.routes_of()
    assert world.ask(method, "/api/routes/a", {"target": "http://h:2"}, token) == Answered(403)
    assert world.routes_of() == before


def test_keys_are_decoded_and_paths_of_visitors_match_encoded_or_not(world: World) -> None:
    world.ask("POST", "/api/routes/user/x%20y%C3%A9/n1", {"target": "http://h:1"})
    assert list(world.routes_of()) == ["/user/x yé/n1"]
    assert world.leads("/user/x%20y%C3%A9/n1/lab") == "h:1"
    assert world.leads("/user/x%20y%C3%A9/n12") == ""
    assert world.ask("DELETE", "/api/routes/user/x%20y%C3%A9/n1").status == 204


def test_what_nobody_has_used_since_can_be_asked_for(world: World) -> None:
    for name in ("a", "b"):
        world.ask("POST", f"/api/routes/{name}", {"target": "http://h:1"})
    world.used["/a/"] = LATER
    assert world.routes_of()["/a"]["last_activity"] == "2024-01-01T13:00:00.000Z"
    for name in ("inactive_since", "inactiveSince"):
        assert set(world.routes_of(f"/api/routes?{name}=2024-01-01T12:30:00Z")) == {"/b"}
    assert set(world.routes_of("/api/routes?inactive_since=2024-01-01T12:00:00")) == set()
    assert set(world.routes_of("/api/routes?inactive_since=")) == {"/a", "/b"}


def test_setting_a_route_anew_forgets_its_use(world: World) -> None:
    world.ask("POST", "/api/routes/a", {"target": "http://h:1", "last_activity": "1999"})
    world.used["/a/"] = LATER
    world.ask("POST", "/api/routes/a", {"target": "http://h:1"})
    assert world.routes_of()["/a"]["last_activity"] == AT


def test_with_host_routing_the_first_segment_is_a_host() -> None:
    world = World(host_routing=True)
    world.ask("POST", "/api/routes/", {"target": "http://hub:1"})
    world.ask("POST", "/api/routes/alice.hub.test/user/alice", {"target": "http://h:1"})
    assert world.routes_of()["/alice.hub.test/user/alice"]["host"] == "alice.hub.test"
    assert "host" not in world.routes_of()["/"]
    assert world.leads("/user/alice/", "alice.hub.test:8000") == "h:1"
    assert world.leads("/user/alice/", "hub.test") == "hub:1"


paths = st.text("ab/ é%", max_size=8).map(clean)


@given(st.lists(st.tuples(st.booleans(), paths), max_size=20))
def test_the_table_is_a_dict_by_path(steps: list[tuple[bool, str]]) -> None:
    world, model = World(), dict[str, str]()
    for number, (is_set, path) in enumerate(steps):
        target = f"http://h:{number + 1}"
        if is_set:
            world.table.set(path, {"target": target}, NOW)
            model[path] = target
        else:
            assert world.table.remove(path) == (model.pop(path, None) is not None)
    assert {path: data["target"] for path, data in world.table.every().items()} == model


def test_uses_are_gathered_and_forgotten() -> None:
    activity = Activity()
    activity.note("/a/")
    assert (datetime.now(UTC) - (activity.last("/a/") or NOW)).total_seconds() < 60
    taken = activity.take()
    assert activity.last("/a/") is None
    activity.put_back(taken)
    activity.forget("/a/")
    assert activity.take() == {}


# --- the command line ---


def settings(*arguments: str, token: str = "secret") -> ProxySettings:
    found = settings_from(proxy.make_context("proxy", list(arguments)).params, token)
    assert isinstance(found, ProxySettings)
    return found


def test_what_jupyterhub_says_is_understood() -> None:
    words = "--api --ip  --port 8000 --api-ip 127.0.0.1 --api-port 8001 --error-target http://127.0.0.1:8081/hub/error"
    found = settings(*words.split(" "), "--log-level", "warn", "--host-routing")
    assert found.bind_url == "http://:8000"
    assert found.api is not None
    assert found.api.bind_url == "http://127.0.0.1:8001"
    assert (found.api.error_target, found.api.host_routing) == ("http://127.0.0.1:8081/hub/error", True)
    assert found.log_level == "warn"


@pytest.mark.parametrize(
    ("words", "public", "api"),
    [
        ("", "http://:8000", "http://127.0.0.1:8001"),
        ("--port 9000", "http://:9000", "http://127.0.0.1:9001"),
        ("--ip * --api-ip ::1", "http://:8000", "http://[::1]:8001"),
        ("--socket /run/a.sock --api-socket /b", "http+unix://%2Frun%2Fa.sock", "http+unix://%2Fb"),
    ],
)
def test_where_it_listens(words: str, public: str, api: str) -> None:
    found = settings("--api", *words.split())
    assert found.api is not None
    assert (found.bind_url, found.api.bind_url) == (public, api)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--port 9000", "--port needs --api"),
        ("--host-routing", "--host-routing needs --api"),
        ("--error-target http://h", "--error-target needs --api"),
        ("--api --ssl-key k", "--ssl-key needs --ssl-cert"),
    ],
)
def test_what_does_not_go_together_is_one_line(words: str, told: str) -> None:
    with pytest.raises(click.UsageError, match=told):
        settings(*words.split())


def test_without_a_token_its_variable_is_named() -> None:
    with pytest.raises(click.UsageError, match="CONFIGPROXY_AUTH_TOKEN is not set"):
        settings("--api", token="")
