"""`replay` shows what the API showed: recorded while a random history happens, folded afterwards."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest

from tests.conftest import SERVICE_TOKEN, Client, hub_in_memory, settings_for_tests
from web.commands.past.replay import told
from web.hub.hub import Hub

NAMES = ("bob", "carol", "dave")
STEPS = 40


async def step(client: Client, chance: random.Random) -> None:
    """Something that may be refused, as things are."""
    name, server = chance.choice(NAMES), chance.choice(["", "lab", "gpu"])
    match chance.randrange(10):
        case 0 | 1:
            await client.post(f"/users/{name}")
        case 2 | 3 | 4:
            options = (
                {"simulate": {"fail": "no room"}} if chance.random() < 0.2 else {"n": chance.randrange(9)}
            )
            await client.post(f"/users/{name}/servers/{server}", json=options)
        case 5 | 6:
            await client.request(
                "DELETE", f"/users/{name}/servers/{server}", json={"remove": chance.random() < 0.5}
            )
        case 7:
            await client.patch(f"/users/{name}", json={"name": chance.choice(NAMES)})
        case 8:
            await client.post(f"/groups/g{chance.randrange(2)}", json={})
            await client.post(f"/groups/g{chance.randrange(2)}/users", json={"users": [name]})
        case 9:
            await client.delete(f"/users/{name}")


async def shown(client: Client) -> dict[str, Any]:
    """What a service with all rights on users sees. What a spawner or a login says is not in the log."""
    await client.hub.activity.record()
    users = (await client.get("/users?include_stopped_servers&limit=200")).json()
    for user in users:
        user.pop("auth_state", None)
        for server in user["servers"].values():
            server.pop("state", None)
    return {"position": client.hub.store.head, "users": users, "groups": (await client.get("/groups")).json()}


def settings() -> Any:
    scopes = ["admin:users", "admin:servers", "admin:groups", "tokens"]
    return settings_for_tests(load_roles=[{"name": "ops", "services": ["ops"], "scopes": scopes}])


def then(hub: Hub, at: int) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(told(hub.store.db, hub.settings, str(at), "", ""))
    del found["at"], found["services"]
    return found


@pytest.mark.parametrize("seed", range(4))
async def test_the_past_is_what_the_api_showed(seed: int, autojump_clock: object) -> None:
    chance = random.Random(seed)
    async with hub_in_memory(settings()) as hub, Client(hub, SERVICE_TOKEN) as client:
        for name in NAMES:
            await client.post(f"/users/{name}")
        recorded = []
        for _ in range(STEPS):
            await step(client, chance)
            recorded.append(await shown(client))
        assert len({str(one["users"]) for one in recorded}) > STEPS // 4, "much happens"
        for was in chance.sample(recorded, 12):
            assert then(hub, was["position"]) == was
    hub.store.close()
