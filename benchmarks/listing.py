"""What a page of users costs with few users and with many: it should be the same.

Prints the CPU time of `GET /users?limit=50` and `GET /users?state=active`, as the median over rounds that take
turns, at 100 and at 10,000 users (50 of them active in both), and the ratio.
"""

from __future__ import annotations

import statistics
import time
from contextlib import AsyncExitStack

import trio

from core.events.record import HUB
from core.events.store import Write
from core.events.user import UserCreated, user_stream
from core.ids import new_id
from projections import users
from tests.conftest import ADMIN_TOKEN, Client, hub_in_memory

SIZES = (100, 10_000)
QUERIES = ("/users?limit=50", "/users?state=active")
ROUNDS, REPEATS = 15, 10
ACTIVE = 50


async def main() -> None:
    async with AsyncExitStack() as stack:
        clients = {}
        for size in SIZES:
            hub = await stack.enter_async_context(hub_in_memory())
            clients[size] = await stack.enter_async_context(Client(hub, ADMIN_TOKEN))
            await fill(clients[size], size)
        for query in QUERIES:
            taken: dict[int, list[float]] = {size: [] for size in SIZES}
            for _ in range(ROUNDS):
                for size, client in clients.items():
                    taken[size].append(await cost(client, query))
            medians = {size: statistics.median(times) for size, times in taken.items()}
            few, many = (medians[size] for size in SIZES)
            print(
                f"{query:24} {few * 1e3:6.2f} ms at {SIZES[0]}, {many * 1e3:6.2f} ms at {SIZES[1]}: x {many / few:.2f}"
            )


async def fill(client: Client, size: int) -> None:
    store = client.hub.store
    for begin in range(0, size, 500):
        names = [f"user-{number:06}" for number in range(begin, min(size, begin + 500))]
        writes = [Write(user_stream(new_id("u")), 0, [UserCreated(name, new_id("v"))]) for name in names]
        await store.append(*writes, by=HUB)
    for number in range(ACTIVE):
        answer = await client.post(f"/users/user-{number:06}/server")
        assert answer.status_code == 201
    assert users.count(store.db, users.Listing(state="active")) == ACTIVE


async def cost(client: Client, query: str) -> float:
    """Seconds of CPU for one request."""
    before = time.process_time()
    for _ in range(REPEATS):
        answer = await client.get(query)
        assert answer.status_code == 200
        assert len(answer.json()) == 50
    return (time.process_time() - before) / REPEATS


if __name__ == "__main__":
    trio.run(main)
