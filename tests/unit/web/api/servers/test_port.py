"""Where a server listens, told by itself: with the token of that attempt, once, and nothing but a port."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio

import projections
from core.errors import AlreadyExistsError
from core.events.file.store import EventStore
from core.plugins.spawner import Attempt, Report
from projections import users
from projections.servers import servers
from spawners.simulated import SimulatedSettings, SimulatedSpawner
from tests.conftest import ADMIN_TOKEN, SECRET, SERVICE_TOKEN, Client, settings_for_tests
from web.main import open_hub


class WaitsForPort(SimulatedSpawner):
    """Its servers are up once they have told their port."""

    def __init__(self) -> None:
        super().__init__(SimulatedSettings())
        self.ports: dict[str, int] = {}

    async def start(self, attempt: Attempt, report: Report) -> str:
        url = await super().start(attempt, report)
        while attempt.spawn_id not in self.ports:
            await trio.sleep(0.1)
        return url

    async def port_reported(self, spawn_id: str, port: int) -> None:
        if self.ports.setdefault(spawn_id, port) != port:
            raise AlreadyExistsError("Another port is known.")


@pytest.fixture
async def admin(autojump_clock: object) -> AsyncIterator[Client]:
    """With the server of alice starting."""
    store = EventStore(":memory:", projections.ALL, threaded=False)
    async with (
        open_hub(settings_for_tests(), store=store, secret=SECRET, spawner=WaitsForPort()) as hub,
        Client(hub, ADMIN_TOKEN) as client,
    ):
        answer = await client.post("/users/alice/server", headers={"Prefer": "respond-async"})
        assert answer.status_code == 202
        yield client
    store.close()


def spawn_id(client: Client) -> str:
    owner = users.by_name(client.hub.store.db, "alice")
    assert owner is not None
    row = servers.by_id(client.hub.store.db, owner.default_server)
    assert row is not None
    return row.spawn_id


def ports(client: Client) -> dict[str, int]:
    found: dict[str, int] = client.hub.spawner.main.spawner.ports  # type: ignore[attr-defined]
    return found


def its_own(client: Client) -> Client:
    """With the token of the server that is being started."""
    return client.with_token(client.hub.launch.token(spawn_id(client)))


async def test_a_server_says_its_port_and_is_ready(admin: Client) -> None:
    own = its_own(admin)
    answer = await own.post("/port", json={"port": 20000})
    assert (answer.status_code, answer.content) == (204, b"")
    await trio.sleep(1)
    assert (await admin.get("/users/alice")).json()["servers"][""]["ready"]


async def test_the_first_port_counts(admin: Client) -> None:
    own = its_own(admin)
    statuses = [(await own.post("/port", json={"port": port})).status_code for port in (20000, 20000, 20001)]
    assert statuses == [204, 204, 409]


@pytest.mark.parametrize("token", [None, ADMIN_TOKEN, SERVICE_TOKEN, "nonsense"])
async def test_nobody_else_may_say_it(admin: Client, token: str | None) -> None:
    assert (await admin.with_token(token).post("/port", json={"port": 20000})).status_code == 403
    assert ports(admin) == {}


async def test_an_attempt_that_is_over_says_nothing_any_more(admin: Client) -> None:
    old = its_own(admin)
    await admin.delete("/users/alice/server")
    await admin.post("/users/alice/server", headers={"Prefer": "respond-async"})
    assert (await old.post("/port", json={"port": 20000})).status_code == 403
    assert (await its_own(admin).post("/port", json={"port": 20000})).status_code == 204
    assert list(ports(admin)) == [spawn_id(admin)]


@pytest.mark.parametrize(
    "body", [{}, {"port": 80}, {"port": 65536}, {"port": "20000"}, {"port": 20000, "host": "evil"}, []]
)
async def test_it_is_a_port_and_nothing_else(admin: Client, body: Any) -> None:
    assert (await its_own(admin).post("/port", json=body)).status_code == 400


async def test_other_spawners_wait_for_none(client: Client, autojump_clock: object) -> None:
    await client.post("/users/alice/server")
    assert (await its_own(client).post("/port", json={"port": 20000})).status_code == 404
