"""A hub whose users and services have hosts of their own."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from core.plugins.spawner import Attempt
from core.settings import ServiceSettings, Settings
from spawners.simulated import SimulatedSpawner
from tests.conftest import ADMIN_TOKEN, Client, hub_in_memory, settings_for_tests
from tests.unit.web.pages.browser import NAVIGATES, Browser
from web.hub.hub import Hub

HUB = "http://hub.test:8000"
ALICE = "http://alice.hub.test:8000"


def settings(**more: object) -> Settings:
    web = ServiceSettings(
        "web", url="http://127.0.0.1:9999", oauth_client_id="service-web", api_token="web-token"
    )
    return settings_for_tests(
        subdomain_host=HUB, public_url=f"{HUB}/", hub_routespec="/", services=[web], load_roles=[], **more
    )


@pytest.fixture
async def client(autojump_clock: object) -> AsyncIterator[Client]:
    async with hub_in_memory(settings()) as hub, Client(hub, ADMIN_TOKEN) as client:
        await client.post("/users/alice/server")
        yield client


@asynccontextmanager
async def at_home(hub: Hub, name: str = "alice", origin: str = HUB) -> AsyncIterator[Browser]:
    async with Browser(hub, origin=origin) as browser:
        await browser.log_in(name)
        yield browser


async def test_models_have_full_urls(client: Client) -> None:
    model = (await client.get("/users/alice")).json()
    server = model["servers"][""]
    assert model["server"] == server["url"] == server["full_url"] == f"{ALICE}/user/alice/"
    assert server["progress_url"] == "/hub/api/users/alice/server/progress"
    assert server["full_progress_url"] == f"{HUB}/hub/api/users/alice/server/progress"


async def test_so_has_the_last_event_of_a_start(client: Client) -> None:
    told = (await client.get("/users/alice/server/progress")).text
    event = json.loads(told.removeprefix("data: "))
    assert (event["ready"], event["url"]) == (True, f"{ALICE}/user/alice/")
    assert f'href="{ALICE}/user/alice/"' in event["html_message"]


async def test_so_has_what_is_shared(client: Client) -> None:
    await client.post("/users/bob")
    share = (await client.post("/shares/alice/", json={"user": "bob"})).json()
    assert share["server"]["url"] == share["server"]["full_url"] == f"{ALICE}/user/alice/"


async def test_routes_begin_with_hosts(client: Client) -> None:
    found = (await client.get("/proxy")).json()
    assert found.keys() == {"/", "alice.hub.test/user/alice/", "web--service.hub.test/services/web/"}
    assert all(spec == route["routespec"] for spec, route in found.items())
    assert found["alice.hub.test/user/alice/"]["data"]["user"] == "alice"


async def test_the_proxy_is_told_hosts_and_tells_what_was_used_by_them(client: Client) -> None:
    proxy = client.with_token(client.hub.proxy_secret)
    at, before = "2100-01-01T00:00:00.000Z", datetime.now(UTC)  # what has not come counts as now
    specs = ("alice.hub.test/user/alice/", "web--service.hub.test/services/web/")
    answer = await proxy.post("/proxy/activity", json={"routes": dict.fromkeys(specs, at)})
    assert answer.status_code == 200
    routes = (await client.get("/proxy")).json()
    server = (await client.get("/users/alice")).json()["servers"][""]
    for shown in (*(routes[spec]["data"]["last_activity"] for spec in specs), server["last_activity"]):
        assert before - timedelta(milliseconds=1) <= datetime.fromisoformat(shown) <= datetime.now(UTC)


async def test_extra_routes_have_a_host_or_are_on_all(client: Client) -> None:
    for path in ("docs.hub.test/a", "/status"):
        answer = await client.post("/proxy", json={"path": path, "target": "http://127.0.0.1:9"})
        assert (answer.status_code, answer.json()["routespec"]) == (201, f"{path}/")
    taken = {"path": "hub.test/hub", "target": "http://127.0.0.1:9"}
    assert (await client.post("/proxy", json=taken)).status_code == 409
    assert {"docs.hub.test/a/", "/status/"} <= (await client.get("/proxy")).json().keys()
    for path in ("docs.hub.test/a/", "status", "%2Fstatus"):
        expected = 404 if path == "%2Fstatus" else 204
        assert (await client.delete(f"/proxy/{path}")).status_code == expected
    assert not {"docs.hub.test/a/", "/status/"} & (await client.get("/proxy")).json().keys()


async def test_servers_are_told_where_they_are(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[Attempt] = []
    start = SimulatedSpawner.start

    async def remember(self: SimulatedSpawner, attempt: Attempt, report: Any) -> str:
        begun.append(attempt)
        return await start(self, attempt, report)

    monkeypatch.setattr(SimulatedSpawner, "start", remember)
    await client.post("/users/alice/servers/lab")
    told = begun[0].environment
    expected = {
        "JUPYTERHUB_HOST": HUB,
        "JUPYTERHUB_PUBLIC_URL": f"{ALICE}/user/alice/lab/",
        "JUPYTERHUB_PUBLIC_HUB_URL": f"{HUB}/hub/",
        "JUPYTERHUB_OAUTH_CALLBACK_URL": f"{ALICE}/user/alice/lab/oauth_callback",
        "JUPYTERHUB_SERVICE_PREFIX": "/user/alice/lab/",
        "JUPYTERHUB_BASE_URL": "/",
    }
    assert {name: told[name] for name in expected} == expected


async def test_who_is_renamed_keeps_the_host_until_the_server_ends(client: Client) -> None:
    assert (await client.patch("/users/alice", json={"name": "carol"})).status_code == 200
    assert (await client.get("/users/carol")).json()["servers"][""]["url"] == f"{ALICE}/user/alice/"
    await client.delete("/users/carol/server")
    await client.post("/users/carol/server")
    url = (await client.get("/users/carol")).json()["servers"][""]["url"]
    assert url == "http://carol.hub.test:8000/user/carol/"


# --- browsers ---


@pytest.mark.parametrize("origin", [HUB, ALICE, "http://bob.hub.test:8000"])
async def test_whatever_no_route_takes_goes_to_the_hubs_host(client: Client, origin: str) -> None:
    async with Browser(client.hub, client.app, origin=origin) as browser:
        for path, target in {
            "/": "/hub/",
            "/user/alice/lab?x=1": "/hub/user/alice/lab?x=1",
            "/user/alice": "/user/alice/",
            "/nothing": "/hub/nothing",
        }.items():
            answer = await browser.get(path)
            assert answer.headers["location"] == f"{HUB}{target}"


async def test_the_bare_host_leads_to_the_hub_below_its_base_url() -> None:
    async with hub_in_memory(settings(base_url="/lab/")) as hub, Browser(hub, origin=ALICE) as browser:
        for path, target in {"/": "/lab/hub/", "/lab/user/alice/x": "/lab/hub/user/alice/x"}.items():
            assert (await browser.get(path)).headers["location"] == f"{HUB}{target}"


async def test_a_service_asked_for_elsewhere_is_on_its_own_host(client: Client) -> None:
    async with Browser(client.hub, client.app, origin=HUB) as browser:
        answer = await browser.get("/services/web/a?b=c")
        assert answer.headers["location"] == "http://web--service.hub.test:8000/services/web/a?b=c"
        answer = await browser.get("/services/none/")
        assert answer.headers["location"] == f"{HUB}/hub/services/none/"
    async with Browser(client.hub, client.app, origin="http://web--service.hub.test:8000") as browser:
        answer = await browser.get("/services/web/a")  # before the proxy knows the way
        assert answer.headers["location"] == f"{HUB}/hub/services/web/a"


@pytest.mark.parametrize(
    "path", ["/hub/home", "/hub/login?next=%2Fx", "/hub/user/alice/", "/hub/api/oauth2/authorize?a=b"]
)
async def test_pages_of_the_hub_are_on_its_own_host(client: Client, path: str) -> None:
    async with Browser(client.hub, client.app, origin=ALICE) as browser:
        answer = await browser.get(path, headers=NAVIGATES)
        assert (answer.status_code, answer.headers["location"]) == (302, f"{HUB}{path}")
        assert "set-cookie" not in answer.headers
        answer = await browser.post("/hub/login", data={"username": "alice"}, headers=NAVIGATES)
        assert answer.status_code == 403


async def test_the_api_is_there_on_every_host(client: Client) -> None:
    answer = await client.get(f"{ALICE}/hub/api/user")
    assert answer.json()["name"] == "alice"


async def test_a_running_server_is_looked_for_on_its_own_host(client: Client) -> None:
    async with at_home(client.hub) as browser:
        answer = await browser.get("/hub/user/alice/lab?a=b", headers=NAVIGATES)
        assert (answer.status_code, answer.headers["location"]) == (
            302,
            f"{ALICE}/user/alice/lab?a=b&redirects=1",
        )
        answer = await browser.get("/hub/spawn", headers=NAVIGATES)
        assert answer.headers["location"] == f"{ALICE}/user/alice/"
        assert f'href="{ALICE}/user/alice/"' in (await browser.get("/hub/home", headers=NAVIGATES)).text


async def test_after_a_login_people_come_to_their_host_or_to_where_they_wanted_on_it(client: Client) -> None:
    async with Browser(client.hub, origin=HUB) as browser:
        answer = await browser.log_in("alice")
        assert answer.headers["location"] == f"{ALICE}/user/alice/"
        cookies = answer.headers.get_list("set-cookie")
        with_domain = [text.partition("=")[0] for text in cookies if "domain=" in text.lower()]
        assert with_domain == ["jupyterhub-session-id"]
    async with Browser(client.hub, origin=HUB) as browser:
        answer = await browser.log_in("alice", next_url=f"{ALICE}/user/alice/lab")
        assert answer.headers["location"] == "/user/alice/lab"


@pytest.mark.parametrize(
    ("client_id", "callback"),
    [
        ("jupyterhub-user-alice", f"{ALICE}/user/alice/oauth_callback"),
        ("service-web", "http://web--service.hub.test:8000/services/web/oauth_callback"),
    ],
)
async def test_clients_of_oauth_are_on_their_hosts(client: Client, client_id: str, callback: str) -> None:
    async with at_home(client.hub) as browser:
        query = {"client_id": client_id, "response_type": "code", "state": "s", "redirect_uri": callback}
        answer = await browser.get("/hub/api/oauth2/authorize", params=query, headers=NAVIGATES)
        if answer.status_code == 200:  # asked for consent
            fields = {"_xsrf": browser.xsrf, "scopes": "access:services!service=web"}
            url = str(answer.url).removeprefix(HUB)
            answer = await browser.post(url, data=fields, headers=NAVIGATES)
        back = urlsplit(answer.headers["location"])
        assert f"{back.scheme}://{back.netloc}{back.path}" == callback
        assert parse_qs(back.query)["state"] == ["s"]
        query["redirect_uri"] = urlsplit(callback).path
        elsewhere = await browser.get("/hub/api/oauth2/authorize", params=query, headers=NAVIGATES)
        assert elsewhere.status_code == 400
