"""Engines over HTTP: strays are shown, silence is told to whoever it concerns, what is lost is started anew."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from msgspec.structs import replace

import projections
from core.events.file.store import EventStore
from core.settings import CallboardSettings, Settings
from projections import engines as engines_table
from spawners.simulated import SimulatedBackend, Simulation
from tests.conftest import ADMIN_TOKEN, Client, hub_in_memory, settings_for_tests
from tests.unit.web.pages.browser import NAVIGATES, logged_in
from web.control.commands import commands
from web.hub.hub import Hub

SILENT_AFTER = 90.0  # seconds after which it is known that an engine that is never asked is silent
HELD = CallboardSettings(stray_grace=300)


def settings_with(callboard: CallboardSettings = HELD) -> Settings:
    return replace(settings_for_tests(), callboard=callboard)


@asynccontextmanager
async def hub_with_a_stray(
    backend: SimulatedBackend, callboard: CallboardSettings = HELD, store: EventStore | None = None
) -> AsyncIterator[tuple[Hub, Client, str]]:
    """An engine that said of bob's server that it is gone, and then shows that it runs."""
    async with (
        hub_in_memory(settings_with(callboard), backend=backend, store=store) as hub,
        Client(hub, ADMIN_TOKEN) as client,
    ):
        await client.post("/users/bob")
        await client.post("/users/bob/server")
        (spawn_id,) = backend.running()
        server = backend._servers.pop(spawn_id)
        backend._tell(spawn_id)
        await trio.sleep(1)
        assert (await client.get("/users/bob")).json()["servers"] == {}
        backend._servers[spawn_id] = server
        await trio.sleep(70)
        yield hub, client, spawn_id


def metric(text: str, name: str) -> str:
    return next(line.rpartition(" ")[2] for line in text.splitlines() if line.startswith(name))


# --- strays ---


async def test_a_stray_is_shown_until_it_has_ended(autojump_clock: object) -> None:
    backend = SimulatedBackend()
    async with hub_with_a_stray(backend) as (hub, client, spawn_id):
        (stray,) = (await client.get("/strays")).json()
        assert stray["age"] >= 60
        assert 200 < stray["ends_in"] <= 300
        assert stray | {"age": 0, "ends_in": 0} == {
            "engine": "simulated",
            "spawn_id": spawn_id,
            "whose": "ours",
            "user": "bob",
            "server": "",
            "age": 0,
            "ends_in": 0,
        }
        (engine,) = (await client.get("/engines")).json()
        assert engine == {
            "name": "simulated",
            "title": "simulated",
            "silent_since": None,
            "trouble": "",
            "strays": 1,
        }
        by_command = await commands(hub)["strays"]({}, None)  # type: ignore[arg-type]
        assert [one.spawn_id for one in by_command["strays"]] == [spawn_id]  # type: ignore[index]
        told = (await client.get("/metrics")).text
        assert metric(told, 'callboard_strays{engine="simulated",whose="ours"}') == "1.0"
        assert metric(told, 'callboard_strays{engine="simulated",whose="foreign"}') == "0.0"
        await trio.sleep(350)
        assert (await client.get("/strays")).json() == []
        assert backend.running() == []
        kinds = [type(record.event).__name__ for record in hub.store.read_all(0) if record.kind == "engine"]
        assert kinds == ["StrayFound", "StrayEnded"]
        assert engines_table.strays_in(hub.store.db, "simulated") == []


async def test_the_token_of_what_came_back_opens_nothing(autojump_clock: object) -> None:
    backend = SimulatedBackend()
    async with hub_with_a_stray(backend) as (hub, client, spawn_id):
        own = client.with_token(hub.launch.token(spawn_id))
        activity = {"servers": {"": {"last_activity": "2026-11-28T09:03:00Z"}}}
        assert (await own.post("/users/bob/activity", json=activity)).status_code == 403
        assert (await client.post("/users/bob/server")).status_code == 201
        assert (await own.post("/users/bob/activity", json=activity)).status_code == 403
        assert len(backend.running()) == 2
        await trio.sleep(400)
        (left,) = backend.running()
        assert left != spawn_id
        assert (await client.get("/users/bob")).json()["servers"][""]["ready"] is True


async def test_a_dry_run_shows_it_and_lets_it_be(autojump_clock: object) -> None:
    backend = SimulatedBackend()
    dry = CallboardSettings(stray_grace=0, reconcile_dry_run=True)
    async with hub_with_a_stray(backend, dry) as (_, client, spawn_id):
        await trio.sleep(1000)
        (stray,) = (await client.get("/strays")).json()
        assert (stray["spawn_id"], stray["ends_in"]) == (spawn_id, None)
        assert backend.running() == [spawn_id]


async def test_the_next_hub_counts_on_and_records_it_once(autojump_clock: object) -> None:
    backend, store = SimulatedBackend(), EventStore(":memory:", projections.ALL, threaded=False)
    async with hub_with_a_stray(backend, store=store):
        pass
    async with hub_in_memory(settings_with(), backend=backend, store=store) as hub:
        await trio.sleep(5)
        assert [stray.whose for stray in hub.reconcilers[0].seen] == ["ours"]
        await trio.sleep(400)
        kinds = [type(record.event).__name__ for record in store.read_all(0) if record.kind == "engine"]
    assert kinds == ["StrayFound", "StrayEnded"]
    store.close()


async def test_strays_are_for_those_who_look_after_everybodys_servers(client: Client) -> None:
    await client.post("/users/bob")
    token = (await client.post("/users/bob/tokens", json={})).json()["token"]
    bob = client.with_token(token)
    for path in ("/strays", "/engines"):
        assert (await client.get(path)).status_code == 200
        assert (await bob.get(path)).status_code in (403, 404)


async def test_what_is_not_this_hubs_is_shown_and_left_alone(autojump_clock: object) -> None:
    backend = SimulatedBackend()
    backend.begin("s-of-somebody", Simulation())
    async with hub_in_memory(backend=backend) as hub, Client(hub, ADMIN_TOKEN) as client:
        await trio.sleep(1000)
        (stray,) = (await client.get("/strays?limit=5")).json()
        assert (stray["whose"], stray["user"], stray["ends_in"]) == ("foreign", None, None)
        assert backend.running() == ["s-of-somebody"]


# --- silence ---


async def test_whoever_is_concerned_is_told_since_when_an_engine_has_not_answered(
    client: Client, hub: Hub, autojump_clock: object
) -> None:
    backend = hub.spawner.main.spawner.backend  # type: ignore[attr-defined]  # the simulated one
    await client.post("/users/bob")
    await client.post("/users/alice/server")
    browser = await logged_in(hub)
    backend.is_down = True
    await trio.sleep(SILENT_AFTER)
    refused = await client.post("/users/bob/server")
    assert refused.status_code == 503
    said = refused.json()["message"]
    assert said.startswith("simulated has not answered since ")
    assert said.endswith("Nothing can be started there now.")
    health = (await client.get("http://hub.test/hub/health")).text
    assert health.startswith("simulated has not answered since ")
    assert metric((await client.get("/metrics")).text, "callboard_engine_answers") == "0.0"
    home = (await browser.get("/hub/home", headers=NAVIGATES)).text
    assert "simulated has not answered since " in home
    assert (await client.get("/users/alice")).json()["servers"][""]["ready"] is True, "nothing is known of it"
    (engine,) = (await client.get("/engines")).json()
    assert engine["silent_since"] is not None
    backend.is_down = False
    await trio.sleep(30)
    assert (await client.post("/users/bob/server")).status_code == 201
    assert (await client.get("http://hub.test/hub/health")).text == ""
    assert "has not answered" not in (await browser.get("/hub/home", headers=NAVIGATES)).text
    kinds = [type(record.event).__name__ for record in hub.store.read_all(0) if record.kind == "engine"]
    assert kinds == ["EngineSilent", "EngineAnswered"]


async def test_a_start_under_way_says_what_it_waits_for(
    client: Client, hub: Hub, autojump_clock: object
) -> None:
    backend = hub.spawner.main.spawner.backend  # type: ignore[attr-defined]
    settings = replace(hub.settings, spawner=replace(hub.settings.spawner, start_timeout=1000))
    hub.runtime.configure(settings)
    await client.post("/users/bob")
    backend.is_down = True
    assert (await client.post("/users/bob/server")).status_code == 202
    await trio.sleep(SILENT_AFTER)
    backend.is_down = False
    stream = (await client.get("/users/bob/server/progress")).text
    assert "simulated has not answered since " in stream
    assert '"ready":true' in stream.replace(" ", "")


# --- a lost node ---


async def test_what_is_lost_is_told_of_and_started_anew_on_request(
    client: Client, hub: Hub, autojump_clock: object
) -> None:
    backend = hub.spawner.main.spawner.backend  # type: ignore[attr-defined]
    await client.post("/users/alice/server")
    browser = await logged_in(hub, "alice")
    (old,) = backend.running()
    backend.lose(old)
    await trio.sleep(1)
    model = (await client.get("/users/alice")).json()["servers"][""]
    assert (model["pending"], model["ready"], model["stopped"]) == ("check", False, False)
    home = (await browser.get("/hub/home", headers=NAVIGATES)).text
    assert "Out of sight" in home
    assert "Its simulated node is lost. It may still run." in home
    assert "Start anew" in home
    waiting = (await browser.get("/hub/spawn-pending/alice", headers=NAVIGATES)).text
    assert "Its simulated node is lost." in waiting
    own = client.with_token(hub.launch.token(old))
    assert (await own.get("/user")).status_code == 200, (
        "it is the admitted one for as long as there is no other"
    )
    assert (await browser.get("/hub/spawn/alice", headers=NAVIGATES)).status_code == 302
    await trio.sleep(1)
    assert (await client.get("/users/alice")).json()["servers"][""]["ready"] is True
    assert (await own.get("/user")).status_code == 403
    assert len(backend.running()) == 2
    backend.lost.clear()
    await trio.sleep(60)
    (new,) = backend.running()
    assert new != old


@pytest.mark.parametrize("how", ["POST", "restart"])
async def test_a_lost_server_may_be_started_anew_over_the_api_and_after_a_restart(
    how: str, autojump_clock: object
) -> None:
    backend, store = SimulatedBackend(), EventStore(":memory:", projections.ALL, threaded=False)
    async with hub_in_memory(backend=backend, store=store) as hub, Client(hub, ADMIN_TOKEN) as client:
        await client.post("/users/alice/server")
        (old,) = backend.running()
        backend.lose(old)
        await trio.sleep(1)
        if how == "POST":
            assert (await client.post("/users/alice/server")).status_code == 201
    async with hub_in_memory(backend=backend, store=store) as hub, Client(hub, ADMIN_TOKEN) as client:
        await trio.sleep(5)
        if how == "restart":
            assert (await client.post("/users/alice/server")).status_code == 201
        assert (await client.get("/users/alice")).json()["servers"][""]["ready"] is True
        backend.lost.clear()
        await trio.sleep(100)
        assert old not in backend.running()
        assert len(backend.running()) == 1
    store.close()
