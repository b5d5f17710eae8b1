"""A class that begins at nine: 1,000 starts of 200 users at once, 50 of which may be under way.

Prints how long it takes until all are ready, against the least it can take (20 rounds of a simulated start), and
how long the hub takes to answer others meanwhile: in memory, so without the cost of HTTP's own.
"""

from __future__ import annotations

import statistics
import time
from tempfile import TemporaryDirectory

import trio
from msgspec.structs import replace

import projections
from core.events.file.store import EventStore, Write
from core.events.record import HUB
from core.events.user import UserCreated, user_stream
from core.naming.ids import new_id
from core.settings import TornadoSettings
from tests.conftest import ADMIN_TOKEN, Client, hub_in_memory, settings_for_tests

USERS, EACH, AT_ONCE = 200, 5, 50
DELAY = 0.5  # seconds a simulated start takes
PAUSE = 0.02  # seconds between the questions of somebody who has nothing to do with it


async def main() -> None:
    settings = settings_for_tests(
        concurrent_spawn_limit=AT_ONCE, tornado_settings=TornadoSettings(slow_spawn_timeout=0)
    )
    settings = replace(settings, callboard=replace(settings.callboard, spawn_queue_limit=USERS * EACH))
    with TemporaryDirectory() as directory:
        store = EventStore(f"{directory}/log.sqlite", projections.ALL)
        async with hub_in_memory(settings, store=store) as hub, Client(hub, ADMIN_TOKEN) as client:
            await make_users(client)
            client.event_hooks = {
                "response": []
            }  # holding answers against the OpenAPI document is the tests'
            alone = await answers_of(client, 100)
            began = time.perf_counter()
            during: list[float] = []
            async with trio.open_nursery() as nursery:
                nursery.start_soon(ask_on, client, during)
                await ask_for_all(client)
                asked = time.perf_counter() - began
                await wait_all_ready(client)
                nursery.cancel_scope.cancel()
            took = time.perf_counter() - began
        store.close()
    least = USERS * EACH / AT_ONCE * DELAY
    print(f"{USERS * EACH} starts, {AT_ONCE} at once, {DELAY} s each: accepted in {asked:.1f} s,")
    print(f"all ready in {took:.1f} s, of which {least:.1f} s are the servers' own: x {took / least:.2f}")
    print(f"GET /users/alice alone     {shown(alone)}")
    print(f"GET /users/alice meanwhile {shown(during)}")


async def make_users(client: Client) -> None:
    writes = [
        Write(user_stream(new_id("u")), 0, [UserCreated(f"user-{number}", new_id("v"))])
        for number in range(USERS)
    ]
    await client.hub.store.append(*writes, by=HUB)


async def ask_for_all(client: Client) -> None:
    body = {"user_options": {"simulate": {"delay": DELAY}}}

    async def ask(user: int) -> None:
        for number in range(EACH):
            answer = await client.post(f"/users/user-{user}/servers/lab-{number}", json=body)
            assert answer.status_code == 202, answer.text

    async with trio.open_nursery() as nursery:
        for user in range(USERS):
            nursery.start_soon(ask, user)


async def wait_all_ready(client: Client) -> None:
    db = client.hub.store.db
    ready = "SELECT count(*) FROM servers WHERE state = 'ready'"
    while db.execute(ready).fetchone()[0] < USERS * EACH:
        await trio.sleep(0.05)


async def answers_of(client: Client, count: int) -> list[float]:
    return [await answer_of(client) for _ in range(count)]


async def answer_of(client: Client) -> float:
    """Seconds."""
    began = time.perf_counter()
    assert (await client.get("/users/alice")).status_code == 200
    return time.perf_counter() - began


async def ask_on(client: Client, taken: list[float]) -> None:
    while True:
        taken.append(await answer_of(client))
        await trio.sleep(PAUSE)


def shown(taken: list[float]) -> str:
    cuts = statistics.quantiles(taken, n=100)
    return f"{statistics.median(taken) * 1e3:6.1f} ms, p95 {cuts[94] * 1e3:6.1f} ms, p99 {cuts[98] * 1e3:6.1f} ms"


if __name__ == "__main__":
    trio.run(main)
