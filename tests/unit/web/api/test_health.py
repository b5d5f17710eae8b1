"""What the hub says of itself to monitors: that it is there, and which services are not up."""

from __future__ import annotations

from typing import Any

import pytest
import trio

import projections
from core.errors import UnreachableError
from core.events.file.store import EventStore
from core.plugins.spawner import Beat
from core.settings import ServiceSettings
from spawners.simulated import SimulatedBackend, SimulatedSettings, SimulatedSpawner
from tests.conftest import ADMIN_TOKEN, SECRET, Client, hub_in_memory, settings_for_tests
from web.main import open_hub

AWAY = ServiceSettings("away", url="http://127.0.0.1:1", timeout=0.1)
WATCHER = ServiceSettings("watcher", command=["watch"])
WEB = ServiceSettings("web", command=["serve"], url="http://127.0.0.1:1", timeout=20)
NARROW = ServiceSettings("narrow", api_token="token-of-the-narrow-one")
ROLES = [{"name": "narrow", "services": ["narrow"], "scopes": ["list:services!service=away"]}]


async def told(client: Client, token: str | None = ADMIN_TOKEN) -> list[str]:
    answer = await client.with_token(token).get("http://hub.test/hub/health")
    assert answer.status_code == 200
    assert answer.headers["content-type"].partition(";")[0] == ("text/plain" if answer.text else "text/html")
    return answer.text.splitlines()


async def numbers_down(client: Client) -> str:
    lines = (await client.get("/metrics")).text.splitlines()
    return next(line.split()[1] for line in lines if line.startswith("callboard_services_not_up"))


@pytest.mark.parametrize(
    ("token", "lines"),
    [
        (None, ["services that are not up: 2"]),
        (
            NARROW.api_token,
            ["service away is not up: it does not answer", "services that are not up: 1 more"],
        ),
        (
            ADMIN_TOKEN,
            ["service away is not up: it does not answer", "service web is not up: no process of it runs"],
        ),
    ],
)
async def test_who_may_list_services_is_told_which_are_not_up_and_others_how_many(
    token: str | None, lines: list[str], autojump_clock: object
) -> None:
    """Without anybody who looks after processes, none runs."""
    settings = settings_for_tests(services=[AWAY, WEB, NARROW], load_roles=ROLES)
    async with hub_in_memory(settings) as hub, Client(hub, ADMIN_TOKEN) as client:
        await trio.sleep(25)
        assert await told(client, token) == lines
        assert await numbers_down(client) == "2.0"


async def test_a_hub_serves_while_its_services_come_up_and_says_which_are_not_yet(
    autojump_clock: object, caplog: pytest.LogCaptureFixture
) -> None:
    backend = SimulatedBackend()
    settings = settings_for_tests(services=[WATCHER, WEB], load_roles=[])
    async with hub_in_memory(settings, services=backend) as hub, Client(hub, ADMIN_TOKEN) as client:
        await trio.sleep(1)
        assert await told(client) == ["service web is not up: it has not answered yet"]
        assert not [record for record in caplog.records if "service web" in record.getMessage()]
        await trio.sleep(30)
        assert await told(client) == ["service web is not up: it does not answer"]
        assert "service web does not answer at http://127.0.0.1:1: no answer within 20 s" in caplog.text
        hub.services.answers["web"] = True  # as if it had come up at last
        assert (await told(client), await numbers_down(client)) == ([], "0.0")


@pytest.mark.parametrize(
    ("kills", "why"), [(1, []), (6, ["service watcher is not up: its process has failed"])]
)
async def test_a_process_that_cannot_live_is_told_of(
    kills: int, why: list[Any], autojump_clock: object
) -> None:
    backend = SimulatedBackend()
    settings = settings_for_tests(services=[WATCHER], load_roles=[])
    async with hub_in_memory(settings, services=backend) as hub, Client(hub, ADMIN_TOKEN) as client:
        for _ in range(kills):
            while not backend.running():
                await trio.sleep(0.1)
            backend.kill(backend.running()[0])
            await trio.sleep(0.1)
        await trio.sleep(5)
        assert await told(client) == why


class Silent(SimulatedSpawner):
    """Its watch cannot reach what it watches."""

    async def run(self, beat: Beat) -> None:
        del beat
        await trio.sleep(1)
        raise UnreachableError("No route to engine.internal:2376.")


@pytest.mark.parametrize("token", [None, ADMIN_TOKEN])
async def test_a_spawner_that_is_not_heard_of_is_told_to_everybody_and_why_to_who_lists_services(
    token: str | None, autojump_clock: object
) -> None:
    store = EventStore(":memory:", projections.ALL, threaded=False)
    spawner = Silent(SimulatedSettings())
    async with (
        open_hub(settings_for_tests(), store=store, secret=SECRET, spawner=spawner) as hub,
        Client(hub, ADMIN_TOKEN) as client,
    ):
        assert await told(client, token) == []
        await trio.sleep(200)
        (line,) = await told(client, token)
        assert line.startswith("the spawner has not been heard of since ")
        assert ("engine.internal" in line) == (token is not None)
    store.close()
