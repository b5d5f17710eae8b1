"""A program without requests: a timer starts bob's server on a hub in memory, and removes it. Prints what happened."""

from __future__ import annotations

import json
import sys

import trio

import projections
from core.events.file.store import EventStore
from core.events.record import HUB, By
from core.server import Ready
from core.settings import AuthenticatorSettings, HubSettings, Settings
from core.user import Create
from projections import users
from projections.users import UserRow
from spawners.simulated import SimulatedSettings, SimulatedSpawner
from web.hub.hub import Hub
from web.main import open_hub

TIMER = By("hub", "timer")
SETTINGS = Settings(
    hub=HubSettings(spawner_class="simulated", authenticator_class="dummy", allow_named_servers=True),
    authenticator=AuthenticatorSettings(allow_all=True),
)


async def later(hub: Hub, bob: UserRow) -> dict[str, bool]:
    """A timer goes off: whether the server it starts becomes ready, and whether it goes again."""
    await trio.sleep(0.01)
    acts = hub.acts
    server = await acts.named.find_or_add(bob, "nightly", "Every night", by=TIMER)
    started = await acts.starting.begin(bob, server, {"cell": "all"}, by=TIMER)
    state = await acts.starting.wait_settled(started, 10)
    return {
        "was ready": isinstance(state, Ready),
        "is gone": await acts.stopping.remove(bob, server, by=TIMER, wait=10),
    }


async def main() -> None:
    store = EventStore(":memory:", projections.ALL, threaded=False)
    spawner = SimulatedSpawner(SimulatedSettings())
    async with open_hub(SETTINGS, store=store, secret=bytes(32), spawner=spawner) as hub:
        await hub.entities.users.ask("u1", Create("bob", "v1"), by=HUB)
        bob = users.by_name(store.db, "bob")
        assert bob is not None
        seen = await later(hub, bob)
    by_timer = [type(record.event).__name__ for record in store.read_all() if record.by == TIMER]
    store.close()
    loaded = {name.partition(".")[0] for name in sys.modules}
    print(json.dumps({**seen, "recorded": by_timer, "quart": bool(loaded & {"quart", "quart_trio"})}))


if __name__ == "__main__":
    trio.run(main)
