"""Routes over HTTP, in memory: as they are shown, added, removed, and followed by the proxy."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import trio
from msgspec.structs import replace

import projections
from core.events.file.store import EventStore
from core.settings import ProxySettings, ServiceSettings
from projections.rebuild import drift
from tests.conftest import ADMIN_TOKEN, Client, hub_in_memory, settings_for_tests

WRAPPED = {"Accept": "application/jupyterhub-pagination+json"}


async def specs(client: Client) -> list[str]:
    return list((await client.get("/proxy")).json())


async def add(client: Client, path: str, target: str = "http://127.0.0.1:9") -> int:
    return (await client.post("/proxy", json={"path": path, "target": target})).status_code


async def test_the_hub_has_a_route(client: Client) -> None:
    (route,) = (await client.get("/proxy")).json().values()
    assert route.keys() == {"routespec", "target", "data"}
    assert (route["routespec"], route["target"]) == ("/", "http://127.0.0.1:8081")
    assert route["data"].keys() == {"hub", "last_activity"}
    assert route["data"]["last_activity"].endswith("Z")


async def test_a_ready_server_has_a_route_with_its_names_encoded(
    client: Client, autojump_clock: object
) -> None:
    await client.post("/users/x%20y%C3%A9")
    await client.post("/users/x%20y%C3%A9/servers/n1")
    found = (await client.get("/proxy")).json()
    data = found["/user/x%20y%C3%A9/n1/"]["data"]
    assert (data["user"], data["server_name"]) == ("x yé", "n1")
    await client.delete("/users/x%20y%C3%A9/servers/n1")
    assert await specs(client) == ["/"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 200),
        (b"no json", 200),
        (b"[]", 200),
        (b"{}", 200),
        (b'{"path": "/x/"}', 200),
        (b'{"path": "/x/", "target": "http://h:1"}', 201),
        (b'{"path": 5, "target": "http://h:1"}', 400),
        (b'{"path": "/x/", "target": "ftp://h"}', 400),
        (b'{"path": "/x/", "target": "http://u:p@h"}', 400),
        (b'{"path": "/a/../b", "target": "http://h:1"}', 400),
        (b'{"path": "/", "target": "http://h:1"}', 409),
        (b'{"path": "/hub/x", "target": "http://h:1"}', 409),
        (b'{"path": "/%68ub/x", "target": "http://h:1"}', 409),
        (b'{"path": "/user/alice", "target": "http://h:1"}', 409),
        (b'{"path": "/services/x", "target": "http://h:1"}', 409),
    ],
)
async def test_a_post_adds_a_route_or_checks_them_all(client: Client, body: bytes, status: int) -> None:
    answer = await client.post("/proxy", content=body)
    assert answer.status_code == status
    assert len(await specs(client)) == (2 if status == 201 else 1)
    if status == 200:
        assert answer.content == b""


async def test_an_added_route_is_shown_and_replaced(client: Client) -> None:
    answer = await client.post("/proxy", json={"path": "/a b", "target": "http://h:1/"})
    assert answer.status_code == 201
    assert answer.json() == (await client.get("/proxy")).json()["/a%20b/"]
    assert (answer.json()["target"], answer.json()["data"]["extra"]) == ("http://h:1", True)
    assert await add(client, "/a b/", "http://h:2") == 201
    assert (await client.get("/proxy")).json()["/a%20b/"]["target"] == "http://h:2"


@pytest.mark.parametrize("path", ["x/y", "x/y/", "%2Fx%2Fy%2F", "/x/y/", "x%2Fy"])
async def test_a_route_is_removed_by_its_path_however_it_is_encoded(client: Client, path: str) -> None:
    await add(client, "/x/y/")
    answer = await client.delete(f"/proxy/{path}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert await specs(client) == ["/"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("x", 404),
        ("", 409),
        ("/", 409),
        ("user/alice", 409),
        ("hub/", 409),
        ("services/x", 409),
        ("a//b", 400),
    ],
)
async def test_other_routes_are_not_removed(client: Client, path: str, status: int) -> None:
    assert (await client.delete(f"/proxy/{path}")).status_code == status


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"no json", 400),
        (b"[]", 400),
        (b'"x"', 400),
        (b'{"api_url": 1}', 400),
        (b'{"auth_token": 5}', 400),
        (b"{}", 200),
        (b'{"ip": "x"}', 200),
        (b'{"api_url": "http://127.0.0.1:8001", "auth_token": "x"}', 200),
    ],
)
async def test_a_patch_is_checked_and_accepted(client: Client, body: bytes, status: int) -> None:
    answer = await client.patch("/proxy", content=body)
    assert answer.status_code == status
    assert status != 200 or answer.content == b""


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/proxy"), ("POST", "/proxy"), ("PATCH", "/proxy"), ("DELETE", "/proxy/x")],
)
async def test_it_takes_the_scope_proxy(client: Client, method: str, path: str) -> None:
    for token in (None, "nonsense"):
        assert (await client.with_token(token).request(method, path)).status_code == 403
    made = await client.post("/users/alice/tokens", json={"scopes": ["users"]})
    assert (await client.with_token(made.json()["token"]).request(method, path)).status_code == 403


@pytest.mark.parametrize(
    ("offset", "limit", "shown", "following"),
    [
        (0, 2, ["/", "/a/"], 2),
        (1, 2, ["/a/", "/b/"], 3),
        (3, 2, ["/c/"], None),
        (0, 200, ["/", "/a/", "/b/", "/c/"], None),
        (9, 2, [], None),
    ],
)
async def test_pages(
    client: Client, offset: int, limit: int, shown: list[str], following: int | None
) -> None:
    for path in ("/c/", "/a/", "/b/"):
        await add(client, path)
    answer = (await client.get("/proxy", params={"offset": offset, "limit": limit}, headers=WRAPPED)).json()
    assert list(answer["items"]) == shown
    page = answer["_pagination"]
    assert (page["total"], page["next"] and page["next"]["offset"]) == (4, following)


async def test_the_hubs_route_has_its_place_among_the_others() -> None:
    settings = settings_for_tests(hub_routespec="/hub/")
    async with hub_in_memory(settings) as hub, Client(hub, ADMIN_TOKEN) as client:
        for path in ("/", "/a/", "/z/"):
            assert await add(client, path) == 201
        for offset, shown in enumerate(["/", "/a/", "/hub/", "/z/"]):
            page = (await client.get("/proxy", params={"offset": offset, "limit": 1})).json()
            assert list(page) == [shown]


async def test_routes_of_the_configuration_come_and_go_with_it() -> None:
    store = EventStore(":memory:", projections.ALL, threaded=False)
    plain = settings_for_tests()
    both = replace(plain, proxy=ProxySettings(extra_routes={"/a/": "http://h:1", "/b/": "http://h:2"}))
    one = replace(plain, proxy=ProxySettings(extra_routes={"/a/": "http://h:3"}))
    async with hub_in_memory(both, store=store) as hub, Client(hub, ADMIN_TOKEN) as client:
        assert await specs(client) == ["/", "/a/", "/b/"]
        assert await add(client, "/a/", "http://h:9") == 409
        assert (await client.delete("/proxy/a")).status_code == 409
        assert await add(client, "/c/") == 201
    async with hub_in_memory(one, store=store) as hub, Client(hub, ADMIN_TOKEN) as client:
        found = (await client.get("/proxy")).json()
        assert list(found) == ["/", "/a/", "/c/"]
        assert found["/a/"]["target"] == "http://h:3"
        assert drift(store.db, projections.ALL) == []


# --- what the proxy follows ---


class Follower:
    """A proxy that only keeps what it is told."""

    def __init__(self, client: Client) -> None:
        self._proxy = client.with_token(client.hub.proxy_secret)
        self.events: list[tuple[str, dict[str, Any]]] = []

    async def follow(self) -> None:
        from web.api.route_stream import _follow

        async for chunk in _follow(self._proxy.hub, "p1", ""):
            lines = dict(line.split(": ", 1) for line in chunk.decode().splitlines() if line)
            if lines:
                self.events.append((lines["event"], json.loads(lines["data"])))

    def table(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for kind, data in self.events:
            if kind == "away":
                continue
            if kind == "routes":
                found = {spec: route["target"] for spec, route in data["routes"].items()}
            else:
                found |= {spec: route["target"] for spec, route in data["set"].items()}
                for spec in data["remove"]:
                    found.pop(spec, None)
        return found


@pytest.fixture
async def follower(client: Client, nursery: trio.Nursery) -> Follower:
    follower = Follower(client)
    nursery.start_soon(follower.follow)
    await trio.testing.wait_all_tasks_blocked()
    return follower


async def test_services_servers_and_extra_routes_are_told_as_they_change(
    client: Client, follower: Follower, autojump_clock: object
) -> None:
    assert follower.table() == {"/": "http://127.0.0.1:8081"}
    await client.post("/services/web", json={"url": "http://127.0.0.1:7/x"})
    await add(client, "/a/", "http://h:1")
    await client.post("/users/alice/server")
    await trio.testing.wait_all_tasks_blocked()
    found = follower.table()
    assert (found["/services/web/"], found["/a/"]) == ("http://127.0.0.1:7", "http://h:1")
    assert "/user/alice/" in found
    await client.delete("/services/web")
    await client.delete("/proxy/a")
    await client.delete("/users/alice/server")
    await trio.testing.wait_all_tasks_blocked()
    assert follower.table() == {"/": "http://127.0.0.1:8081"}


async def test_the_use_of_a_route_is_its_last_activity(client: Client) -> None:
    await add(client, "/a/")
    proxy = client.with_token(client.hub.proxy_secret)
    at, before = "2099-01-02T03:04:05.678Z", datetime.now(UTC)  # what has not come counts as now
    told = {"routes": {"/a/": at, "/": at, "/gone/": at}}
    assert (await proxy.post("/proxy/activity", json=told)).status_code == 200
    found = (await client.get("/proxy")).json()
    for route in found.values():
        shown = datetime.fromisoformat(route["data"]["last_activity"])
        assert before - timedelta(milliseconds=1) <= shown <= datetime.now(UTC)
    assert "proxy_poll_duration_seconds_count 1.0" in (await client.get("/metrics")).text


async def test_no_route_was_used_in_the_future(client: Client) -> None:
    """Not even where the proxy's clock was ahead: a server so active would never be culled."""
    await client.post("/users/alice/server")
    proxy = client.with_token(client.hub.proxy_secret)
    told = {"routes": dict.fromkeys(("/user/alice/", "/"), "2099-01-02T03:04:05.678Z")}
    assert (await proxy.post("/proxy/activity", json=told)).status_code == 200
    now = datetime.now(UTC)
    assert all(at <= now for at in client.hub.activity.servers.values())
    assert all(at <= now for at in client.hub.activity.users.values())
    assert client.hub.proxies.seen["/"] <= now


@pytest.mark.parametrize("path", ["/proxy/applied", "/proxy/activity"])
async def test_only_the_proxy_may_speak_for_the_proxy(client: Client, path: str) -> None:
    assert (await client.post(path, json={})).status_code == 403
    proxy = client.with_token(client.hub.proxy_secret)
    assert (await proxy.get("/users")).status_code == 403


async def test_a_service_that_the_configuration_lets_go_loses_its_route() -> None:
    store = EventStore(":memory:", projections.ALL, threaded=False)
    for services, shown in (
        ([ServiceSettings("web", url="http://127.0.0.1:7", timeout=0.1)], ["/", "/services/web/"]),
        ([ServiceSettings("web")], ["/"]),
        ([], ["/"]),
    ):
        settings = settings_for_tests(services=services, load_roles=[])
        async with hub_in_memory(settings, store=store) as hub, Client(hub, ADMIN_TOKEN) as client:
            assert await specs(client) == shown
