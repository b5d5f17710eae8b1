"""The queue of starts over HTTP, in memory: waiting, being told, giving up, and a hub that restarts meanwhile."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import trio
from msgspec.structs import replace

import projections
from core.events.file.store import EventStore
from core.events.server import SpawnAdmitted, SpawnCancelled, SpawnRequested
from core.settings import CallboardSettings, Settings, TornadoSettings
from projections import rebuild
from projections.servers import spawn_queue
from spawners.simulated import SimulatedBackend
from tests.conftest import ADMIN_TOKEN, Client, hub_in_memory, settings_for_tests


def settings_of(
    at_once: int = 1, *, queue: int = 1000, timeout: float = 3600, request_timeout: float = 0, **hub: Any
) -> Settings:
    """`request_timeout`: how long a request waits for its server."""
    tornado = TornadoSettings(slow_spawn_timeout=request_timeout)
    return replace(
        settings_for_tests(concurrent_spawn_limit=at_once, tornado_settings=tornado, **hub),
        callboard=CallboardSettings(spawn_queue_limit=queue, spawn_queue_timeout=timeout),
    )


@asynccontextmanager
async def client_of(settings: Settings, **parts: Any) -> AsyncIterator[Client]:
    async with hub_in_memory(settings, **parts) as hub, Client(hub, ADMIN_TOKEN) as client:
        for name in ("bob", "carol"):
            await client.post(f"/users/{name}")
        yield client


async def start(client: Client, path: str, delay: float = 20) -> int:
    answer = await client.post(f"/users/{path}", json={"user_options": {"simulate": {"delay": delay}}})
    return answer.status_code


def events_in(stream: str) -> list[dict[str, Any]]:
    return [json.loads(line[6:]) for line in stream.splitlines() if line.startswith("data: ")]


async def progress(client: Client, path: str) -> list[dict[str, Any]]:
    return events_in((await client.get(f"/users/{path}/progress")).text)


def happened(client: Client, kind: type) -> list[str]:
    """The streams in which this has happened, in order."""
    return [record.stream for record in client.hub.store.read_all(0) if isinstance(record.event, kind)]


# --- waiting ---


async def test_a_start_above_the_limit_waits_and_then_runs(autojump_clock: object) -> None:
    async with client_of(settings_of()) as client:
        assert await start(client, "alice/server", 40) == 202
        assert await start(client, "bob/server") == 202
        model = (await client.get("/users/bob/server")).json()
        assert (model["pending"], model["ready"], model["stopped"]) == ("spawn", False, False)
        assert (await client.get("/users/bob")).json()["pending"] == "spawn"
        assert len(client.hub.limits.queue) == 1
        told = await progress(client, "bob/server")
        assert [event["message"] for event in told] == [
            "Server requested",
            "Waiting for a turn to start: number 1 of 1",
            "Its turn to start has come",
            "Spawning server...",
            "Server ready at /user/bob/",
        ]
        assert told[1]["queue"] == {"place": 1, "length": 1, "estimate": None}
        assert len(client.hub.limits.queue) == 0


async def test_a_wait_that_is_short_is_a_201(autojump_clock: object) -> None:
    async with client_of(settings_of(request_timeout=10)) as client, trio.open_nursery() as nursery:
        nursery.start_soon(start, client, "alice/server", 3)
        await trio.sleep(0.1)
        assert await start(client, "bob/server", 3) == 201


async def test_a_queued_server_is_asked_for_twice_as_if_once_and_not_changed(autojump_clock: object) -> None:
    async with client_of(settings_of()) as client:
        await start(client, "alice/server", 1000)
        assert await start(client, "bob/servers/lab") == 202
        assert await start(client, "bob/servers/lab") == 202
        assert happened(client, SpawnRequested) != []
        assert len(happened(client, SpawnRequested)) == 2
        assert (await client.patch("/users/bob/servers/lab", json={"name": "new"})).status_code == 400


async def test_readers_are_told_of_their_place_whenever_it_changes_and_that_the_line_lives(
    autojump_clock: object,
) -> None:
    async with client_of(settings_of()) as client:
        for user in ("alice", "bob", "carol"):
            await start(client, f"{user}/server", 30)
        text = (await client.get("/users/carol/server/progress")).text
        told = [event["queue"] for event in events_in(text) if "queue" in event]
        assert [(one["place"], one["length"]) for one in told] == [(2, 2), (1, 1)]
        assert told[0]["estimate"] is None
        assert told[1]["estimate"] is not None, (
            "one start has ended: from then on there is something to go by"
        )
        numbered = [line for line in text.splitlines() if line.startswith("id: ")]
        assert len(numbered) == len(events_in(text)) - 2, "a place is no event of the log"
        first = text.split("data: ")
        silence = [part.count("\n\n") - 1 for part in first]
        assert sum(silence) >= 4, "every 8 seconds there is a sign of life"


async def test_users_take_turns_and_each_is_served_in_order(autojump_clock: object) -> None:
    async with client_of(settings_of()) as client:
        await start(client, "carol/server", 15)
        for name in ("a1", "a2", "a3"):
            await start(client, f"alice/servers/{name}", 15)
        await start(client, "bob/server", 15)
        names = {}
        for path in ("alice/servers/a1", "alice/servers/a2", "alice/servers/a3", "bob/server"):
            await progress(client, path)
        for user in ("alice", "bob"):
            its = (await client.get(f"/users/{user}")).json()["servers"]
            assert all(model["ready"] for model in its.values())
        for record in client.hub.store.read_all(0):
            if isinstance(record.event, SpawnRequested):
                names[record.stream] = record.event.server_name or record.event.user_name
        assert [names[stream] for stream in happened(client, SpawnAdmitted)] == ["a1", "bob", "a2", "a3"]


async def test_time_to_start_begins_with_the_turn(autojump_clock: object) -> None:
    settings = settings_of()
    settings = replace(settings, spawner=replace(settings.spawner, start_timeout=30))
    async with client_of(settings) as client:
        for user in ("alice", "bob", "carol"):
            await start(client, f"{user}/server", 25)
        assert (await progress(client, "carol/server"))[-1]["ready"] is True


# --- being turned away ---


async def test_a_full_queue_turns_away_and_says_when_to_come_again(autojump_clock: object) -> None:
    async with client_of(settings_of(queue=1)) as client:
        assert await start(client, "alice/server", 1000) == 202
        assert await start(client, "bob/server") == 202
        refused = await client.post("/users/carol/server")
        assert refused.status_code == 429
        assert 30 <= int(refused.headers["Retry-After"]) <= 60
        assert "Too many servers are starting" in refused.json()["message"]
        assert (await client.get("/users/carol")).json()["servers"] == {}


async def test_without_a_queue_the_answer_is_jupyterhubs(autojump_clock: object) -> None:
    settings = settings_of(queue=0, spawn_throttle_retry_range=(100, 100))
    async with client_of(settings) as client:
        assert await start(client, "alice/server", 1000) == 202
        refused = await client.post("/users/bob/server")
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "100")
        assert refused.json()["message"].endswith("again in about 2 minutes.")
        assert await start(client, "alice/server") == 202, "it is on its way already"


async def test_who_waits_counts_as_active(autojump_clock: object) -> None:
    async with client_of(settings_of(active_server_limit=2)) as client:
        assert await start(client, "alice/server", 1000) == 202
        assert await start(client, "bob/server") == 202
        refused = await client.post("/users/carol/server")
        assert (refused.status_code, "Retry-After" in refused.headers) == (429, False)


async def test_who_waits_too_long_is_told_and_leaves(autojump_clock: object) -> None:
    async with client_of(settings_of(timeout=30)) as client:
        await start(client, "alice/server", 50)
        await start(client, "bob/server")
        (*_, last) = await progress(client, "bob/server")
        assert last["failed"] is True
        assert "turn did not come within 30 seconds" in last["message"]
        assert (await progress(client, "bob/server")) == [last]
        assert len(client.hub.limits.queue) == 0
        await progress(client, "alice/server")
        await start(client, "bob/server", 1)
        assert (await progress(client, "bob/server"))[-1]["ready"] is True


# --- giving up ---


async def test_a_stop_leaves_the_queue_and_every_reader_hears_of_it_once(autojump_clock: object) -> None:
    async with client_of(settings_of()) as client:
        await start(client, "alice/server", 1000)
        await start(client, "bob/server")
        streams: list[list[dict[str, Any]]] = []

        async def read() -> None:
            streams.append(await progress(client, "bob/server"))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(read)
            nursery.start_soon(read)
            await trio.sleep(5)
            began = trio.current_time()
            assert (await client.delete("/users/bob/server")).status_code == 204
            assert trio.current_time() == began, "there is nothing to wait for"
        for told in streams:
            assert [event for event in told if event.get("failed") or event.get("ready")] == [told[-1]]
            assert told[-1]["message"] == "Spawn cancelled"
        assert (await client.get("/users/bob/server/progress")).status_code in (400, 404)
        assert (await client.get("/users/bob")).json()["servers"] == {}
        assert len(await client.hub.spawner.list_attempts()) == 1


async def test_the_output_of_the_last_run_outlives_a_start_that_was_given_up(autojump_clock: object) -> None:
    backend = SimulatedBackend()
    async with client_of(settings_of(request_timeout=1), backend=backend) as client:
        await start(client, "bob/server", 0)
        await client.delete("/users/bob/server")
        (ran,) = [
            r.event.spawn_id for r in client.hub.store.read_all(0) if isinstance(r.event, SpawnRequested)
        ]
        await start(client, "alice/server", 1000)
        await start(client, "bob/server")
        await client.delete("/users/bob/server")
        assert await client.hub.spawner.last_lines(ran) != []
        await client.delete("/users/alice/server")
        assert await start(client, "bob/server", 0) == 201
        assert await client.hub.spawner.last_lines(ran) == []


async def test_a_queued_server_can_be_removed_and_its_user_renamed_and_deleted(
    autojump_clock: object,
) -> None:
    async with client_of(settings_of()) as client:
        await start(client, "alice/server", 30)
        await start(client, "bob/servers/one")
        await start(client, "bob/servers/two")
        await start(client, "carol/server")
        removed = await client.request("DELETE", "/users/bob/servers/one", json={"remove": True})
        assert removed.status_code == 204
        assert (await client.get("/users/bob/servers/one")).status_code == 404
        assert (await client.delete("/users/carol")).status_code == 204
        assert (await client.patch("/users/bob", json={"name": "rob"})).status_code == 200
        (*_, last) = await progress(client, "rob/servers/two")
        assert last["ready"] is True
        assert (await client.get("/users/rob/servers/two")).json()["url"] == "/user/bob/two/"
        assert len(client.hub.limits.queue) == 0


# --- restarts ---


async def test_the_queue_and_its_order_survive_a_restart(autojump_clock: object) -> None:
    store, backend = EventStore(":memory:", projections.ALL, threaded=False), SimulatedBackend()
    settings = settings_of()
    async with client_of(settings, store=store, backend=backend) as client:
        await start(client, "carol/server", 25)
        for path in ("alice/servers/a1", "alice/servers/a2", "alice/servers/a3", "bob/servers/b1"):
            await start(client, path, 25)
        await progress(client, "alice/servers/a1")  # alice has had a turn: bob comes before her second
        order = list(client.hub.limits.queue.order())
        assert len(order) == 2
    store._listeners._listeners.clear()
    async with client_of(settings, store=store, backend=backend) as client:
        assert client.hub.limits.queue.order() == order
        for path in ("bob/servers/b1", "alice/servers/a2", "alice/servers/a3"):
            assert (await progress(client, path))[-1]["ready"] is True
    assert rebuild.drift(store.db, projections.ALL) == []
    assert spawn_queue.waiting(store.db) == []


async def test_a_restart_with_another_limit_lets_more_start(autojump_clock: object) -> None:
    store, backend = EventStore(":memory:", projections.ALL, threaded=False), SimulatedBackend()
    async with client_of(settings_of(), store=store, backend=backend) as client:
        for user in ("alice", "bob", "carol"):
            await start(client, f"{user}/server", 25)
        assert len(client.hub.limits.queue) == 2
    store._listeners._listeners.clear()
    async with client_of(settings_of(0), store=store, backend=backend) as client:
        await trio.sleep(1)
        assert (client.hub.limits.spawning, len(client.hub.limits.queue)) == (3, 0)


# --- others who ask ---


async def test_the_start_api_says_pending(autojump_clock: object) -> None:
    async with client_of(settings_of()) as client:
        await start(client, "bob/server", 1000)
        answer = await client.post("/start", json={"name": "lab"})
        assert (answer.status_code, answer.json()["status"]) == (202, "pending")
        asked = await client.get("/start/alice/lab")
        assert (asked.status_code, asked.json()["status"]) == (202, "pending")
        assert (await client.delete("/users/alice/lab")).status_code == 204
        assert (await client.get("/start/alice/lab")).json()["status"] == "stopped"


async def test_the_queue_can_be_watched(autojump_clock: object) -> None:
    def value(answer: httpx.Response, name: str) -> float:
        (line,) = [line for line in answer.text.splitlines() if line.startswith(f"{name} ")]
        return float(line.rpartition(" ")[2])

    async with client_of(settings_of(timeout=60)) as client:
        await start(client, "alice/server", 20)
        await start(client, "bob/server", 1000)
        await start(client, "carol/server")
        metrics = await client.get("/metrics")
        assert value(metrics, "callboard_spawn_queue_length") == 2
        assert value(metrics, "callboard_servers_starting") == 1
        await progress(client, "alice/server")
        await trio.sleep(1)
        await client.post("/users/alice/servers/lab")
        await client.delete("/users/alice/servers/lab")
        await progress(client, "carol/server")
        metrics = await client.get("/metrics")
        for end in ("admitted", "cancelled", "expired"):
            assert value(metrics, f'callboard_spawn_queue_seconds_count{{end="{end}"}}') == 1
        throttled = 'jupyterhub_server_spawn_duration_seconds_count{reason="throttled",status="failure"}'
        assert value(metrics, throttled) == 1
        assert len(happened(client, SpawnCancelled)) == 1
