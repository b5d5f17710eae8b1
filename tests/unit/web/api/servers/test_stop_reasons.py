"""Every stop and every cancelled start says in one word why, and a hub's start says which hub it is."""

from __future__ import annotations

from typing import Any, get_args

import pytest
import trio

from core.events.hub import HubStarted
from core.events.server import SpawnCancelled, StopRequested
from core.events.stop_reason import StopReason, reason_of
from core.naming.ids import is_id
from core.server import Stop, decide
from tests.conftest import SERVICE_TOKEN, Client
from tests.unit.core.test_server import QUEUED, READY, SPAWNING
from tests.unit.web.lifecycle.lives import Lives, configured, lives
from web.hub.hub import Hub
from web.lifecycle.shutdown import stop_servers

LAB = "/users/bob/servers/lab"
SLOW = {"user_options": {"simulate": {"delay": 20}}}


def told(hub: Hub) -> list[StopReason]:
    events = [record.event for record in hub.store.read_all(0)]
    return [event.reason for event in events if isinstance(event, StopRequested | SpawnCancelled)]


async def by_hand(world: Lives) -> None:
    await world.admin.delete(LAB)


async def by_a_service(world: Lives) -> None:
    await world.admin.with_token(SERVICE_TOKEN).delete(LAB)


async def by_removal(world: Lives) -> None:
    await world.admin.request("DELETE", LAB, json={"remove": True})


async def by_deletion(world: Lives) -> None:
    await world.admin.delete("/users/bob")


async def by_blocking(world: Lives) -> None:
    await world.change(configured(blocked={"bob"}), "reload")
    await world.wait_all("bob", "stopped")


async def by_the_hubs_end(world: Lives) -> None:
    await stop_servers(world.hub)


WAYS = {
    "person": by_hand,
    "culled": by_a_service,
    "removed": by_removal,
    "removed with its user": by_deletion,
    "blocked": by_blocking,
    "shutdown": by_the_hubs_end,
}


@pytest.mark.parametrize("body", [pytest.param({}, id="ready"), pytest.param(SLOW, id="starting")])
@pytest.mark.parametrize("way", WAYS)
async def test_a_stop_says_why(way: str, body: dict[str, Any], autojump_clock: object) -> None:
    async with lives(configured()) as world:
        await world.admin.post("/users/bob")
        await world.admin.post(LAB, json=body, headers={"Prefer": "respond-async"})
        if not body:
            with trio.fail_after(5):
                while "ready" not in world.states("bob"):
                    await world.hub.store.wait_any()
        await WAYS[way](world)
        assert told(world.hub) == [way.split()[0]]


@pytest.mark.parametrize("server", [QUEUED, SPAWNING, READY])
@pytest.mark.parametrize("reason", get_args(StopReason))
def test_what_the_command_says_is_what_is_recorded(server: Any, reason: StopReason) -> None:
    first = decide(server, Stop(reason=reason))[0]
    assert isinstance(first, StopRequested | SpawnCancelled)
    assert first.reason == reason


@pytest.mark.parametrize(
    ("principal", "reason"), [("user/u1", "person"), ("service/idle-culler", "culled"), ("hub", "person")]
)
def test_services_cull_and_all_others_stop_by_hand(principal: str, reason: str) -> None:
    assert reason_of(principal) == reason


async def test_each_hub_has_an_id_and_a_greater_epoch_than_the_one_before() -> None:
    async with lives(configured()) as world:
        for _ in range(3):
            await world.begin(configured())
        records = world.hub.store.read_all(0)
        starts = [record.event for record in records if isinstance(record.event, HubStarted)]
        assert len({start.hub for start in starts if is_id(start.hub)}) == 4
        assert sorted({start.epoch for start in starts}) == [start.epoch for start in starts]
        assert starts[0].epoch == 1


async def test_the_event_stream_shows_the_reason(client: Client) -> None:
    await client.post("/users/alice/server")
    await client.delete("/users/alice/server")
    page = (await client.get("/events", params={"limit": 200, "type": "server.stop-requested"})).json()
    assert [event["data"]["reason"] for event in page["items"]] == ["person"]
