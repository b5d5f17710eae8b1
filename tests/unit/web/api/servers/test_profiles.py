"""Several engines in one hub: which one a start is for, who may choose it, and where a server is asked after."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from msgspec.structs import replace

import projections
from core.events.file.store import EventStore
from core.events.server import SpawnRequested
from core.plugins.hooks import trio_hook
from core.settings import CallboardSettings, Settings, SpawnerProfile
from projections import rebuild
from spawners.simulated import SimulatedBackend, SimulatedSettings
from tests.conftest import ADMIN_TOKEN, Client, hub_in_memory, settings_for_tests
from tests.unit.web.pages.browser import NAVIGATES, logged_in
from web.hub.hub import Hub

SPAN = 90.0  # seconds in which an engine's silence is noticed


def profile(name: str, spawner: str, **more: Any) -> SpawnerProfile:
    settings = more.pop("settings", SimulatedSettings())
    return SpawnerProfile(name, name.title(), f"about {name}", spawner, settings, SimulatedSettings(), **more)


SMALL = profile("small", "simulated")
GPU = profile("gpu", "far")
CLOSED = profile(
    "closed", "far", users=["Carol"], groups=["gpu-users"], roles=["gpu-role"], scopes=["custom:gpu"]
)


def settings_with(*profiles: SpawnerProfile, **hub: Any) -> Settings:
    by_name = {one.name: one for one in profiles}
    return replace(settings_for_tests(**hub), callboard=CallboardSettings(spawner_profiles=by_name))


class House:
    """Two engines that outlive the hubs, and their log."""

    def __init__(self) -> None:
        self.near, self.far = SimulatedBackend(), SimulatedBackend()
        self.store = EventStore(":memory:", projections.ALL, threaded=False)

    @asynccontextmanager
    async def hub(self, settings: Settings, *, has_far: bool = True) -> AsyncIterator[Client]:
        engines = {"far": self.far} if has_far else {}
        async with (
            hub_in_memory(settings, store=self.store, backend=self.near, engines=engines) as hub,
            Client(hub, ADMIN_TOKEN) as client,
        ):
            await client.post("/users/bob")
            yield client

    def engines_of_starts(self) -> list[str]:
        events = [record.event for record in self.store.read_all(0)]
        return [event.engine for event in events if isinstance(event, SpawnRequested)]


@pytest.fixture
def house() -> House:
    return House()


async def start(client: Client, path: str, **options: Any) -> int:
    body = {"user_options": options} if options else {}
    return (await client.post(path, json=body)).status_code


async def test_a_start_is_in_the_engine_of_its_profile(house: House, autojump_clock: object) -> None:
    async with house.hub(settings_with(SMALL, GPU)) as client:
        assert await start(client, "/users/bob/server", profile="gpu") == 201
        assert await start(client, "/users/bob/servers/lab") == 201
        assert (len(house.near.running()), len(house.far.running())) == (1, 1)
        assert house.engines_of_starts() == ["far", "simulated"]
        models = (await client.get("/users/bob")).json()["servers"]
        assert models[""]["user_options"] == {"profile": "gpu"}
        assert models["lab"]["user_options"] == {"profile": "small"}, "the first is the default"
        assert {one["name"]: one["strays"] for one in (await client.get("/engines")).json()} == {
            "simulated": 0,
            "far": 0,
        }
        await client.delete("/users/bob/server")
        assert house.far.running() == []
        assert await start(client, "/users/bob/server") == 201
        assert len(house.far.running()) == 1, "options are those of the last start where none are given"
    assert rebuild.drift(house.store.db, projections.ALL) == []


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        ({"profile": "huge"}, 400, "There is no spawner profile 'huge'. Those for bob are: small, gpu."),
        ({"profile": ["gpu"]}, 400, "There is no spawner profile ['gpu']. Those for bob are: small, gpu."),
        ({"profile": "closed"}, 403, "The spawner profile 'closed' is not for bob."),
    ],
)
async def test_what_is_not_there_or_not_for_them_is_refused_before_anything_is_recorded(
    house: House, options: dict[str, Any], status: int, message: str
) -> None:
    async with house.hub(settings_with(SMALL, CLOSED, GPU)) as client:
        answer = await client.post("/users/bob/server", json={"user_options": options})
        assert (answer.status_code, answer.json()["message"]) == (status, message)
        assert house.engines_of_starts() == []


async def test_who_may_is_said_by_name_group_role_or_scope(house: House, autojump_clock: object) -> None:
    settings = settings_with(
        CLOSED,
        load_roles=[{"name": "gpu-role", "scopes": ["self"]}, {"name": "scoped", "scopes": ["custom:gpu"]}],
        custom_scopes={"custom:gpu": {"description": "GPUs"}},
    )
    async with house.hub(settings) as client:
        for name in ("bob", "carol", "dave", "erin"):
            await client.post(f"/users/{name}")
        await client.post("/groups/gpu-users")
        refused = await client.post("/users/bob/server")
        assert (refused.status_code, refused.json()["message"]) == (
            403,
            "None of the spawner profiles is for bob.",
        )
        assert await start(client, "/users/carol/server", profile="closed") == 201
        await client.post("/groups/gpu-users/users", json={"users": ["bob"]})
        assert await start(client, "/users/bob/server") == 201
        assert (await client.get("/users/bob/profiles")).json() == [
            {"name": "closed", "title": "Closed", "description": "about closed", "engine": "far"}
        ]
        assert (await client.get("/users/dave/profiles")).json() == []


@pytest.mark.parametrize("holder", ["gpu-role", "scoped"])
async def test_who_may_is_said_by_role_or_scope(house: House, holder: str, autojump_clock: object) -> None:
    settings = settings_with(
        CLOSED,
        load_roles=[
            {"name": "gpu-role", "scopes": ["self"], "users": ["bob"] if holder == "gpu-role" else []},
            {"name": "scoped", "scopes": ["custom:gpu"], "users": ["bob"] if holder == "scoped" else []},
        ],
        custom_scopes={"custom:gpu": {"description": "GPUs"}},
    )
    async with house.hub(settings) as client:
        assert await start(client, "/users/bob/server", profile="closed") == 201


async def test_settings_and_hooks_are_those_of_the_profile(house: House, autojump_clock: object) -> None:
    seen: list[Any] = []

    @trio_hook
    async def hook(spawner: Any) -> None:
        seen.append((spawner.default_url, spawner.user_options))

    special = profile(
        "special", "far", settings=SimulatedSettings(pre_spawn_hook=hook, default_url="/gpu", start_timeout=5)
    )
    async with house.hub(settings_with(SMALL, special)) as client:
        assert await start(client, "/users/bob/servers/a", profile="small") == 201
        assert await start(client, "/users/bob/servers/b", profile="special") == 201
        assert seen == [("/gpu", {"profile": "special"})]
        await client.post(
            "/users/bob/servers/c", json={"user_options": {"profile": "special", "simulate": {"delay": 50}}}
        )
        await trio.sleep(20)
        stream = (await client.get("/users/bob/servers/c/progress")).text
        assert "The server did not start within 5 seconds." in stream


async def test_a_profile_may_have_limits_of_its_own(house: House, autojump_clock: object) -> None:
    gpu = profile("gpu", "far", concurrent_spawn_limit=1, active_server_limit=3)
    async with house.hub(settings_with(SMALL, gpu)) as client:
        slow = {"profile": "gpu", "simulate": {"delay": 30}}
        for name in "abc":
            await client.post(f"/users/bob/servers/{name}", json={"user_options": slow})
        full = await client.post("/users/bob/servers/d", json={"user_options": slow})
        assert full.status_code == 429
        assert len(house.far.running()) == 1
        assert await start(client, "/users/bob/servers/small", profile="small") == 201, "all others go on"
        await trio.sleep(100)
        assert len(house.far.running()) == 3, "each has had its turn"


# --- engines apart ---


async def test_one_that_does_not_answer_keeps_nobody_from_starting_in_another(
    house: House, autojump_clock: object
) -> None:
    async with house.hub(settings_with(SMALL, GPU)) as client:
        await start(client, "/users/bob/servers/far", profile="gpu")
        await start(client, "/users/bob/servers/near", profile="small")
        house.far.is_down = True
        await trio.sleep(SPAN)
        refused = await client.post("/users/bob/servers/x", json={"user_options": {"profile": "gpu"}})
        assert (refused.status_code, refused.json()["message"].partition(" since ")[0]) == (
            503,
            "far has not answered",
        )
        assert await start(client, "/users/bob/servers/y", profile="small") == 201
        for spawn_id in house.near.running():
            house.near.kill(spawn_id)
        await trio.sleep(1)
        assert set((await client.get("/users/bob")).json()["servers"]) == {"far"}, (
            "its own engine is still heard of"
        )
        troubles = {one["name"]: bool(one["trouble"]) for one in (await client.get("/engines")).json()}
        assert troubles == {"simulated": False, "far": True}
        house.far.is_down = False
        await trio.sleep(30)
        assert await start(client, "/users/bob/servers/x", profile="gpu") == 201


async def test_strays_are_found_in_each(house: House, autojump_clock: object) -> None:
    settings = settings_with(SMALL, GPU)
    settings = replace(settings, callboard=replace(settings.callboard, stray_grace=0))
    async with house.hub(settings) as client:
        await start(client, "/users/bob/servers/far", profile="gpu")
        (spawn_id,) = house.far.running()
        server = house.far._servers.pop(spawn_id)
        house.far._tell(spawn_id)
        await trio.sleep(1)
        house.far._servers[spawn_id] = server
        await trio.sleep(100)
    assert house.far.running() == []
    engines = [record.key for record in house.store.read_all(0) if record.kind == "engine"]
    assert engines == ["far", "far"]


# --- profiles that go ---


async def test_a_server_whose_profile_has_gone_is_looked_after_in_its_engine(
    house: House, autojump_clock: object
) -> None:
    async with house.hub(settings_with(SMALL, GPU)) as client:
        await start(client, "/users/bob/server", profile="gpu")
    async with house.hub(settings_with(SMALL)) as client:  # the engine is still there
        await trio.sleep(5)
        assert (await client.get("/users/bob")).json()["servers"][""]["ready"] is True
        assert (await client.delete("/users/bob/server")).status_code == 204
        assert house.far.running() == []
        refused = await client.post("/users/bob/server")
        assert refused.status_code == 400
        assert refused.json()["message"].startswith("There is no spawner profile 'gpu'.")
        assert await start(client, "/users/bob/server", profile="small") == 201


async def test_a_server_whose_engine_has_gone_is_never_forgotten(
    house: House, autojump_clock: object
) -> None:
    async with house.hub(settings_with(SMALL, GPU)) as client:
        await start(client, "/users/bob/server", profile="gpu")
    async with house.hub(settings_with(SMALL), has_far=False) as client:
        await trio.sleep(500)
        assert (await client.get("/users/bob")).json()["servers"][""]["pending"] == "check"
        health = (await client.get("http://hub.test/hub/health")).text
        assert "The spawner far, which the configuration names no more, has not answered since" in health
        assert await start(client, "/users/bob/servers/lab") == 201, "all else goes on"
        await client.delete("/users/bob/server")
        await trio.sleep(200)
    assert len(house.far.running()) == 1
    async with house.hub(settings_with(SMALL, GPU)) as client:
        await trio.sleep(60)
        assert house.far.running() == [], "what was asked for is done once it can be"


async def test_another_spawner_class_does_not_lose_what_runs_in_the_one_before(
    house: House, autojump_clock: object
) -> None:
    async with house.hub(settings_for_tests()) as client:
        await start(client, "/users/bob/server")
        assert house.engines_of_starts() == ["simulated"]
    async with (
        hub_in_memory(
            settings_for_tests(spawner_class="another"),
            store=house.store,
            backend=house.far,
            engines={"simulated": house.near},
        ) as hub,
        Client(hub, ADMIN_TOKEN) as client,
    ):
        await trio.sleep(5)
        assert (await client.get("/users/bob")).json()["servers"][""]["ready"] is True
        await client.delete("/users/bob/server")
        assert house.near.running() == []
        await start(client, "/users/bob/server")
        assert len(house.far.running()) == 1


async def test_a_start_that_waited_is_asked_about_again(house: House, autojump_clock: object) -> None:
    settings = settings_with(SMALL, GPU, concurrent_spawn_limit=1)
    async with house.hub(settings) as client:
        await client.post(
            "/users/bob/servers/a", json={"user_options": {"profile": "small", "simulate": {"delay": 20}}}
        )
        await client.post("/users/bob/servers/b", json={"user_options": {"profile": "gpu"}})
        client.hub.launch.settings = client.hub.launch.views.settings = settings_with(SMALL)
        await trio.sleep(40)
        stream = (await client.get("/users/bob/servers/b/progress")).text
        assert "There is no spawner profile 'gpu'." in stream
        assert house.far.running() == []


# --- the form ---

FORM = SimulatedSettings(options_form="Partition: <input name='partition'>")


async def shown(hub: Hub, path: str, **data: Any) -> Any:
    browser = await logged_in(hub, "bob")
    if not data:
        return await browser.get(path, headers=NAVIGATES)
    await browser.get(path, headers=NAVIGATES)
    return await browser.post(path, data={"_xsrf": browser.xsrf, **data}, headers=NAVIGATES)


async def test_people_choose_a_profile_and_then_fill_in_its_form(
    house: House, autojump_clock: object
) -> None:
    gpu = profile("gpu", "far", settings=FORM)
    async with house.hub(settings_with(SMALL, gpu, CLOSED)) as client:
        choice = await shown(client.hub, "/hub/spawn")
        assert choice.status_code == 200
        assert 'type="radio" name="profile" value="small" checked' in choice.text
        assert "about gpu" in choice.text
        assert "closed" not in choice.text
        form = await shown(client.hub, "/hub/spawn", profile="gpu")
        assert form.status_code == 200
        assert "name='partition'" in form.text
        assert 'type="hidden" name="profile" value="gpu"' in form.text
        assert house.engines_of_starts() == []
        sent = await shown(client.hub, "/hub/spawn", profile="gpu", _profile_form="gpu", partition="a100")
        assert sent.status_code == 302
        await trio.sleep(1)
        model = (await client.get("/users/bob")).json()["servers"][""]
        assert model["user_options"] == {"partition": ["a100"], "profile": "gpu"}
        assert house.engines_of_starts() == ["far"]


async def test_a_profile_without_a_form_starts_at_once(house: House, autojump_clock: object) -> None:
    async with house.hub(settings_with(SMALL, GPU)) as client:
        assert (await shown(client.hub, "/hub/spawn", profile="gpu")).status_code == 302
        assert house.engines_of_starts() == ["far"]


async def test_one_profile_alone_is_not_asked_about(house: House, autojump_clock: object) -> None:
    async with house.hub(settings_with(GPU, CLOSED)) as client:
        assert (await shown(client.hub, "/hub/spawn")).status_code == 302
        assert house.engines_of_starts() == ["far"]


async def test_a_link_may_name_the_profile(house: House, autojump_clock: object) -> None:
    async with house.hub(settings_with(SMALL, GPU)) as client:
        assert (await shown(client.hub, "/hub/spawn?profile=gpu")).status_code == 302
        assert house.engines_of_starts() == ["far"]


async def test_one_that_is_not_theirs_is_refused_on_the_page_too(house: House) -> None:
    async with house.hub(settings_with(SMALL, GPU, CLOSED)) as client:
        refused = await shown(client.hub, "/hub/spawn", profile="closed")
        assert refused.status_code == 403
        assert "is not for bob" in refused.text.replace("&#39;", "'")
        assert house.engines_of_starts() == []
