"""Services over HTTP, in memory: what may be made of one, where it comes from, and how a managed one fares."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio

import projections
from core.actors.service_process import FAILED, STABLE
from core.events.file.store import EventStore
from core.settings import ServiceSettings
from projections.rebuild import drift
from spawners.simulated import SimulatedBackend
from tests.conftest import ADMIN_TOKEN, SERVICE_TOKEN, Client, hub_in_memory, settings_for_tests
from web.hub.hub import Hub

TOKEN = "token-of-a-new-service"
FEW_TOKEN = "token-of-the-few-rights"
WEB = ServiceSettings("web", url="http://127.0.0.1:1/x", info={"a": 1}, timeout=0.1)
OPS = ServiceSettings("ops", admin=True, api_token=SERVICE_TOKEN)
FEW = ServiceSettings("few", api_token=FEW_TOKEN)
ROLES = [{"name": "few", "services": ["few"], "scopes": ["admin:services"]}]

MODEL: dict[str, Any] = {
    "kind": "service",
    "name": "new",
    "admin": False,
    "roles": [],
    "url": "",
    "prefix": "",
    "command": [],
    "pid": 0,
    "info": {},
    "display": True,
    "managed": False,
    "status": "unknown",
}


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    settings = settings_for_tests(services=[OPS, FEW, WEB], load_roles=ROLES)
    async with hub_in_memory(settings) as hub, Client(hub, ADMIN_TOKEN) as client:
        yield client


async def test_the_list_is_a_dict_and_the_models_are_jupyterhubs_with_managed_and_status(
    client: Client,
) -> None:
    found = (await client.get("/services")).json()
    assert set(found) == {"ops", "few", "web"}
    assert found["web"] == (await client.get("/services/web")).json()
    assert found["web"] == {
        **MODEL,
        "name": "web",
        "url": "http://127.0.0.1:1/x",
        "prefix": "/services/web/",
        "info": {"a": 1},
        "status": found["web"]["status"],
    }
    assert found["ops"]["roles"] == ["admin"]


@pytest.mark.parametrize(
    ("body", "changes"),
    [
        ({"display": False}, {"display": False}),
        ({"name": "other"}, {}),
        ({"command": []}, {}),
        ({"url": ""}, {}),
        ({"info": {"x": [1]}}, {"info": {"x": [1]}}),
        ({"environment": {"A": 1}, "cwd": "/x", "user": "u"}, {}),
        ({"url": "http://127.0.0.1:9/x"}, {"url": "http://127.0.0.1:9/x", "prefix": "/services/new/"}),
        ({"admin": True}, {"admin": True, "roles": ["admin"]}),
        ({"oauth_redirect_uri": "http://h/cb", "oauth_client_id": "service-y"}, {}),
        ({"oauth_client_allowed_scopes": ["read:users"], "oauth_no_confirm": True}, {}),
    ],
)
async def test_a_service_can_be_made(client: Client, body: dict[str, Any], changes: dict[str, Any]) -> None:
    answer = await client.post("/services/new", json=body)
    assert (answer.status_code, answer.json()) == (201, {**MODEL, **changes})
    assert (await client.get("/services/new")).json() == answer.json()
    ended = await client.delete("/services/new")
    assert (ended.status_code, ended.content) == (200, b"")
    assert (await client.get("/services/new")).status_code == 404


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"{}", 400),
        (b"[]", 400),
        (b"null", 400),
        (b"x", 400),
        (b'"x"', 400),
        (b'{"colour": "red"}', 400),
        (b'{"timeout": 3}', 400),
        (b'{"url": 1}', 400),
        (b'{"admin": "yes"}', 400),
        (b'{"admin": null}', 400),
        (b'{"info": null}', 400),
        (b'{"display": 1}', 400),
        (b'{"command": "x"}', 400),
        (b'{"command": ["x"]}', 400),
        (b'{"url": "ftp://h"}', 400),
        (b'{"url": "http://"}', 400),
        (b'{"oauth_client_id": "x", "url": "http://h"}', 400),
        (b'{"oauth_client_id": "service-x"}', 400),
        (b'{"oauth_client_id": "service-web", "oauth_redirect_uri": "http://h"}', 409),
        (b'{"oauth_client_allowed_scopes": ["nonsense"]}', 400),
        (b'{"oauth_client_allowed_scopes": [1]}', 400),
        (b'{"api_token": "short"}', 400),
        (b'{"api_token": "%s"}' % (b"x" * 65), 400),
        (b'{"api_token": "%s"}' % FEW_TOKEN.encode(), 409),
    ],
)
async def test_other_bodies_are_refused_and_nothing_stays(
    client: Client, content: bytes, status: int
) -> None:
    head = client.hub.store.head
    answer = await client.post("/services/new", content=content)
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert (await client.get("/services/new")).status_code == 404
    assert client.hub.store.head == head


@pytest.mark.parametrize("name", ["a%2Fb", "...", "%20a", "a%2525b", "a%0Ab"])
async def test_a_name_that_a_url_cannot_carry_is_refused(client: Client, name: str) -> None:
    assert (await client.post(f"/services/{name}", json={"display": True})).status_code == 400


@pytest.mark.parametrize(
    ("method", "name", "token", "status"),
    [
        ("POST", "web", ADMIN_TOKEN, 409),
        ("POST", "new", None, 403),
        ("DELETE", "web", ADMIN_TOKEN, 405),
        ("DELETE", "nobody", ADMIN_TOKEN, 404),
        ("DELETE", "web", None, 403),
        ("PATCH", "web", ADMIN_TOKEN, 405),
        ("GET", "nobody", ADMIN_TOKEN, 404),
        ("GET", "web", None, 403),
        ("GET", "", ADMIN_TOKEN, 404),
    ],
)
async def test_who_and_what(client: Client, method: str, name: str, token: str | None, status: int) -> None:
    asked = client.with_token(token)
    body = {"display": True} if method in ("POST", "PATCH") else None
    assert (await asked.request(method, f"/services/{name}", json=body)).status_code == status


@pytest.mark.parametrize("body", [{"admin": True}, {"oauth_client_allowed_scopes": ["admin:users"]}])
async def test_nobody_gives_rights_beyond_their_own(client: Client, body: dict[str, Any]) -> None:
    few = client.with_token(FEW_TOKEN)
    assert (await few.post("/services/new", json=body)).status_code == 400
    assert (await few.post("/services/new", json={"display": True})).status_code == 201


OF_EACH_VISITOR = ("inherit", "self", "servers!user", "tokens!user", "access:servers!server")


@pytest.mark.parametrize("scope", OF_EACH_VISITOR)
async def test_what_visitors_will_give_of_their_own_takes_holding_it_of_everybody(
    client: Client, scope: str
) -> None:
    body = {"oauth_client_allowed_scopes": [scope], "oauth_redirect_uri": "https://new.test/"}
    refused = await client.with_token(FEW_TOKEN).post("/services/new", json=body)
    assert refused.status_code == 400
    assert scope in refused.json()["message"]
    assert (await client.post("/services/new", json=body)).status_code == 201


@pytest.mark.parametrize("scope", OF_EACH_VISITOR)
async def test_nobody_but_the_configuration_has_visitors_not_asked_about_it(
    client: Client, scope: str
) -> None:
    body = {"oauth_client_allowed_scopes": ["read:users", scope], "oauth_no_confirm": True}
    refused = await client.post("/services/new", json=body)
    assert refused.status_code == 400
    assert "configuration" in refused.json()["message"]


async def test_so_much_of_it_as_one_holds_can_be_given(client: Client) -> None:
    scopes = ["admin:services", "servers", "read:tokens!user"]
    narrow = client.with_token(
        (await client.post("/users/alice/tokens", json={"scopes": scopes})).json()["token"]
    )
    for number, (scope, status) in enumerate(
        [("servers!user", 201), ("read:servers!server", 201), ("read:tokens!user", 400), ("self", 400)]
    ):
        body = {"oauth_client_allowed_scopes": [scope]}
        assert (await narrow.post(f"/services/new{number}", json=body)).status_code == status, scope


async def test_custom_scopes_can_be_given_by_who_holds_them() -> None:
    roles = [{"name": "few", "services": ["few"], "scopes": ["admin:services", "custom:mark:write"]}]
    custom = {
        "custom:mark:write": {"description": "Mark."},
        "custom:mark:read": {"description": "See marks."},
    }
    settings = settings_for_tests(services=[FEW], load_roles=roles, custom_scopes=custom)
    async with hub_in_memory(settings) as hub:
        few = Client(hub, FEW_TOKEN)
        for name, scope, status in (("a", "custom:mark:write", 201), ("b", "custom:mark:read", 400)):
            body = {"oauth_client_allowed_scopes": [scope]}
            assert (await few.post(f"/services/{name}", json=body)).status_code == status


async def test_a_caller_sees_the_services_its_scopes_name_and_no_others(client: Client) -> None:
    made = await client.post("/users/alice/tokens", json={"scopes": ["list:services!service=web"]})
    narrow = client.with_token(made.json()["token"])
    answer = await narrow.get("/services")
    assert answer.json() == {"web": {"kind": "service", "name": "web", "admin": False}}
    assert (await narrow.get("/services/ops")).status_code == 404


async def test_a_service_sees_itself_as_it_was_stored(client: Client) -> None:
    await client.post("/services/new", json={"admin": True, "api_token": TOKEN})
    me = (await client.with_token(TOKEN).get("/user")).json()
    assert (me["name"], me["kind"], me["prefix"]) == ("new", "service", "")
    assert (me["url"], me["info"], me["display"]) == (None, None, None)
    assert (me["session_id"], "admin:services" in me["scopes"]) == (None, True)


async def test_a_service_without_roles_sees_little_of_itself(client: Client) -> None:
    await client.post("/services/new", json={"api_token": TOKEN})
    me = (await client.with_token(TOKEN).get("/user")).json()
    assert me.pop("token_id").startswith("t")
    assert me == {"kind": "service", "name": "new", "admin": False, "session_id": None, "scopes": []}


async def test_its_token_ends_with_it(client: Client) -> None:
    await client.post("/services/new", json={"api_token": TOKEN})
    await client.delete("/services/new")
    assert (await client.with_token(TOKEN).get("/user")).status_code == 403
    await client.post("/services/new", json={"display": True})
    assert (await client.with_token(TOKEN).get("/user")).status_code == 403


async def test_its_route_is_there_at_once_and_gone_at_once(client: Client) -> None:
    await client.post("/services/new", json={"url": "http://127.0.0.1:9/x"})
    route = (await client.get("/proxy")).json()["/services/new/"]
    assert (route["target"], route["data"]["service"]) == ("http://127.0.0.1:9", "new")
    await client.delete("/services/new")
    assert "/services/new/" not in (await client.get("/proxy")).json()


async def test_a_key_makes_it_once(client: Client) -> None:
    headers = {"Idempotency-Key": "k1"}
    first = await client.post("/services/new", json={"display": True}, headers=headers)
    again = await client.post("/services/new", json={"display": True}, headers=headers)
    assert (again.status_code, again.json()) == (201, first.json())


# --- configuration and API ---


@asynccontextmanager
async def hub_with(store: EventStore, *services: ServiceSettings, **more: Any) -> AsyncIterator[Client]:
    settings = settings_for_tests(services=[*services], load_roles=[], **more)
    async with hub_in_memory(settings, store=store) as hub, Client(hub, ADMIN_TOKEN) as client:
        yield client


async def test_the_configuration_adds_changes_and_removes_its_own_and_leaves_the_others() -> None:
    store = EventStore(":memory:", projections.ALL, threaded=False)
    async with hub_with(store, WEB, FEW) as client:
        await client.post("/services/made", json={"url": "http://127.0.0.1:2", "api_token": TOKEN})
        assert (await client.with_token(FEW_TOKEN).get("/user")).status_code == 200
    head = store.head
    async with hub_with(store, WEB, FEW) as client:
        assert store.head == head + 1, "the same again is no news but for the start itself"
    changed = ServiceSettings("web", url="http://127.0.0.1:3")
    async with hub_with(store, changed) as client:
        assert set((await client.get("/services")).json()) == {"web", "made"}
        routes = (await client.get("/proxy")).json()
        assert routes["/services/web/"]["target"] == "http://127.0.0.1:3"
        assert routes["/services/made/"]["target"] == "http://127.0.0.1:2"
        assert (await client.with_token(FEW_TOKEN).get("/user")).status_code == 403
        assert (await client.with_token(TOKEN).get("/user")).status_code == 200


async def test_neither_kind_takes_the_place_of_the_other() -> None:
    store = EventStore(":memory:", projections.ALL, threaded=False)
    async with hub_with(store) as client:
        await client.post("/services/few", json={"url": "http://127.0.0.1:2"})
    async with hub_with(store, FEW) as client:
        assert (await client.get("/services/few")).json()["url"] == "http://127.0.0.1:2"
        assert (await client.with_token(FEW_TOKEN).get("/user")).status_code == 403
        assert (await client.delete("/services/few")).status_code == 200


async def test_another_base_url_moves_the_routes_of_services() -> None:
    store = EventStore(":memory:", projections.ALL, threaded=False)
    async with hub_with(store, WEB) as client:
        await client.post("/services/made", json={"url": "http://127.0.0.1:2"})
    async with hub_with(store, WEB, base_url="/b/") as client:
        client.base_url = "http://hub.test/b/hub/api"
        assert {"/b/services/web/", "/b/services/made/"} <= set((await client.get("/proxy")).json())


async def test_tables_rebuilt_are_the_tables_kept(client: Client) -> None:
    await client.post("/services/new", json={"url": "http://127.0.0.1:9", "api_token": TOKEN})
    await client.post("/services/gone", json={"url": "http://127.0.0.1:9"})
    await client.delete("/services/gone")
    db = client.hub.store.db
    assert drift(db, projections.ALL) == []


async def test_one_that_stays_away_is_told_of_once(
    autojump_clock: object, caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings_for_tests(services=[WEB], load_roles=[])
    async with hub_in_memory(settings) as hub:
        await trio.sleep(300)
        (away,) = said_of_services(caplog)
        assert away.startswith("service web does not answer at http://127.0.0.1:1/x: ")
        assert hub.services.answers == {"web": False}
        hub.services.answers["web"] = True  # as if it had come back meanwhile
        await trio.sleep(300)
    assert len(said_of_services(caplog)) == 2


def said_of_services(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "callboard.services"]


# --- managed ones ---

MANAGED = ServiceSettings("watcher", command=["watch"])


@asynccontextmanager
async def managed(
    backend: SimulatedBackend, store: EventStore | None = None, service: ServiceSettings = MANAGED
) -> AsyncIterator[Client]:
    settings = settings_for_tests(services=[service], load_roles=[])
    async with (
        hub_in_memory(settings, store=store, services=backend) as hub,
        Client(hub, ADMIN_TOKEN) as client,
    ):
        await trio.sleep(0.05)
        yield client


async def status(client: Client) -> str:
    return str((await client.get("/services/watcher")).json()["status"])


def history(hub: Hub) -> list[str]:
    return [
        type(record.event).__name__ for record in hub.store.read_all() if record.stream == "service/watcher"
    ]


async def test_a_managed_service_runs_and_shows_its_command(autojump_clock: object) -> None:
    backend = SimulatedBackend()
    async with managed(backend) as client:
        model = (await client.get("/services/watcher")).json()
        assert (model["managed"], model["status"], model["command"]) == (True, "running", ["watch"])
        assert len(backend.running()) == 1


async def test_it_is_started_again_when_it_dies_and_ends_with_the_hub(autojump_clock: object) -> None:
    backend = SimulatedBackend()
    async with managed(backend) as client:
        (first,) = backend.running()
        backend.kill(first)
        await trio.sleep(1)
        (second,) = backend.running()
        assert (first != second, await status(client)) == (True, "running")
        assert client.hub.service_processes is not None
        await client.hub.service_processes.end_all()
        assert (backend.running(), await status(client)) == ([], "stopped")


async def test_one_that_dies_at_once_again_and_again_has_failed_and_writes_little(
    autojump_clock: object,
) -> None:
    backend, pause = SimulatedBackend(), 0.01

    async def kill_all() -> None:
        while True:
            for run in backend.running():
                backend.kill(run, 3)
            await trio.sleep(pause)

    async with managed(backend) as client, trio.open_nursery() as nursery:
        nursery.start_soon(kill_all)
        await trio.sleep(20)
        assert await status(client) == "failed"
        before, pause = history(client.hub), 1.0  # that is still at once
        await trio.sleep(20 * FAILED.longest)
        assert history(client.hub) == before
        assert before.count("ServiceStarted") == 6
        nursery.cancel_scope.cancel()
    assert before[-1] == "ServiceFailed"


async def test_one_that_failed_and_lives_again_is_running(autojump_clock: object) -> None:
    backend = SimulatedBackend()
    async with managed(backend) as client:
        for _ in range(6):
            while not backend.running():
                await trio.sleep(0.1)
            backend.kill(backend.running()[0])
            await trio.sleep(0.1)
        assert await status(client) == "failed"
        await trio.sleep(FAILED.longest + STABLE + 2)
        assert await status(client) == "running"


async def test_a_hub_after_a_crash_goes_on_with_the_process_there_is(autojump_clock: object) -> None:
    backend = SimulatedBackend()
    store = EventStore(":memory:", projections.ALL, threaded=False)
    async with managed(backend, store):
        (run,) = backend.running()
    async with managed(backend, store) as client:
        assert (backend.running(), await status(client)) == ([run], "running")
        assert history(client.hub).count("ServiceStarted") == 1


@pytest.mark.parametrize(
    "changed",
    [ServiceSettings("watcher", command=["watch", "more"]), ServiceSettings("other", command=["x"])],
)
async def test_what_the_configuration_does_not_want_is_ended(
    changed: ServiceSettings, autojump_clock: object
) -> None:
    backend = SimulatedBackend()
    store = EventStore(":memory:", projections.ALL, threaded=False)
    async with managed(backend, store):
        (run,) = backend.running()
    async with managed(backend, store, changed):
        (now,) = backend.running()
        assert now != run


async def test_what_runs_and_is_not_in_the_log_is_ended(autojump_clock: object) -> None:
    """A hub that was killed between starting a process and writing it down."""
    backend = SimulatedBackend()
    async with managed(backend):
        (run,) = backend.running()
    async with managed(backend):
        (now,) = backend.running()
        assert now != run


async def test_a_process_that_died_while_no_hub_looked_is_started_anew(autojump_clock: object) -> None:
    backend = SimulatedBackend()
    store = EventStore(":memory:", projections.ALL, threaded=False)
    async with managed(backend, store):
        (run,) = backend.running()
    backend.kill(run)
    async with managed(backend, store) as client:
        (now,) = backend.running()
        assert (now != run, await status(client)) == (True, "running")
