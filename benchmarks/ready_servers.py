"""What ready servers weigh: the hub's memory with 0, 1,000 and 10,000 of them, and what watching them costs.

    .venv/bin/python benchmarks/ready_servers.py [--servers 10000] [--watch 60]

One process: a hub with its application, a log on disk and simulated servers, started through their actors as the
API does. Memory is the resident set of the whole process. The processor's share is that of the watch alone:
10,000 servers polled every 30 s, while nobody asks for anything.
"""

from __future__ import annotations

import argparse
import gc
import tempfile
import time

import trio

import projections
from core.events.file.store import EventStore, Write
from core.events.record import HUB
from core.events.user import UserCreated, user_stream
from core.naming.ids import new_id
from core.server import Ready, Spawning
from core.settings import HubSettings, Settings, SpawnerSettings
from projections import users
from projections.servers import servers
from spawners.simulated import SimulatedSettings, SimulatedSpawner
from web.app.app import build_app
from web.hub.hub import Hub
from web.main import open_hub

BUDGET = 250  # MiB with 10,000 ready servers
AT_ONCE = 100  # starts under way


def resident() -> float:
    """Of this process, in MiB."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))


async def make_users(store: EventStore, count: int) -> list[str]:
    made = [(new_id("u"), f"user{number}") for number in range(count)]
    for begin in range(0, count, 500):
        writes = [
            Write(user_stream(user_id), 0, [UserCreated(name, new_id("v"), False)])
            for user_id, name in made[begin : begin + 500]
        ]
        await store.append(*writes, by=HUB)
    return [user_id for user_id, _ in made]


async def start(hub: Hub, user_id: str) -> None:
    user = users.by_id(hub.store.db, user_id)
    assert user is not None
    server = servers.by_id(hub.store.db, user.default_server)
    assert server is not None
    actor = hub.servers.actor(server.id)
    with hub.turns.admit(actor.state, 30):
        await actor.ask(await hub.launch.command(user, server, None), by=HUB)
    state = await actor.wait_until(lambda state: not isinstance(state, Spawning))
    assert isinstance(state, Ready), state


async def start_all(hub: Hub, user_ids: list[str]) -> float:
    """Seconds it took."""
    began = time.perf_counter()
    for begin in range(0, len(user_ids), AT_ONCE):
        async with trio.open_nursery() as nursery:
            for user_id in user_ids[begin : begin + AT_ONCE]:
                nursery.start_soon(start, hub, user_id)
    return time.perf_counter() - began


def report(ready: int, empty: float, seconds: float) -> None:
    now = resident()
    each = f"{(now - empty) * 1024 / ready:6.1f} KiB each" if ready else ""
    pace = f"{ready / seconds:7.0f} starts/s" if seconds else ""
    print(f"{ready:>8} ready  {now:7.1f} MiB  {each}  {pace}", flush=True)


async def measure(most: int, watch: float) -> None:
    settings = Settings(
        hub=HubSettings(spawner_class="simulated", concurrent_spawn_limit=0),
        spawner=SpawnerSettings(poll_interval=30),
    )
    with tempfile.TemporaryDirectory() as directory:
        store = EventStore(f"{directory}/log.sqlite", projections.ALL)
        spawner = SimulatedSpawner(SimulatedSettings())
        async with open_hub(settings, store=store, secret=bytes(32), spawner=spawner) as hub:
            app = build_app(hub)
            user_ids = await make_users(store, most)
            gc.collect()
            gc.freeze()
            empty = resident()
            report(0, empty, 0)
            ready, seconds = 0, 0.0
            for goal in sorted({min(1000, most), most}):
                seconds += await start_all(hub, user_ids[ready:goal])
                ready = goal
                gc.collect()
                report(ready, empty, seconds)
            began, busy = time.perf_counter(), time.process_time()
            await trio.sleep(watch)
            share = (time.process_time() - busy) / (time.perf_counter() - began)
            print(f"watching them: {share:.2%} of a core; {resident():.1f} MiB afterwards")
            if most == 10_000:
                print(f"budget: {BUDGET} MiB, {'kept' if resident() <= BUDGET else 'EXCEEDED'}")
            del app
        store.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--servers", type=int, default=10_000)
    parser.add_argument("--watch", type=float, default=60, help="seconds")
    asked = parser.parse_args()
    trio.run(measure, asked.servers, asked.watch)


if __name__ == "__main__":
    main()
