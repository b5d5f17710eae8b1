"""What a page costs with few users and with many: it should be the same.

Prints the CPU time of pages of users, groups and events, as the median over rounds that take turns, at 100, 10,000 and
100,000 users (50 of them active in each), and the ratios to the first. `name_filter` looks at every name until it has
its page, so what nobody is called costs most.
"""

from __future__ import annotations

import statistics
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import trio

from core.events.activity import STREAM as ACTIVITY
from core.events.activity import ActivityRecorded
from core.events.file.store import Write
from core.events.group import GroupCreated, group_stream
from core.events.record import HUB
from core.events.user import UserCreated, user_stream
from core.naming.ids import new_id
from projections import users
from tests.conftest import ADMIN_TOKEN, Client, hub_in_memory

SIZES = (100, 10_000, 100_000)
QUERIES = {  # with how much is in the answer
    "/users?limit=50": 50,
    "/users?state=active": 50,
    "/users?limit=50&sort=last_activity": 50,
    "/users?limit=50&sort=-name": 50,
    "/users?limit=50&name_filter=user-0000": 50,
    "/users?limit=50&name_filter=nobody": 0,
    "/groups?limit=5": 5,
    "/events?limit=50": None,
}
TEAM = 20  # users in a group
ROUNDS, REPEATS = 15, 10
ACTIVE = 50


async def main() -> None:
    async with AsyncExitStack() as stack:
        clients = {}
        for size in SIZES:
            hub = await stack.enter_async_context(hub_in_memory())
            clients[size] = await stack.enter_async_context(Client(hub, ADMIN_TOKEN))
            await fill(clients[size], size)
            clients[size].event_hooks = {"response": []}  # holding answers against the document is the tests'
        for query, length in QUERIES.items():
            taken: dict[int, list[float]] = {size: [] for size in SIZES}
            for _ in range(ROUNDS):
                for size, client in clients.items():
                    taken[size].append(await cost(client, query, length))
            medians = {size: statistics.median(times) for size, times in taken.items()}
            few = medians[SIZES[0]]
            shown = (
                f"{took * 1e3:6.2f} ms at {size:,} (x {took / few:.2f})" for size, took in medians.items()
            )
            print(f"{query:38} {', '.join(shown)}", flush=True)


async def fill(client: Client, size: int) -> None:
    store = client.hub.store
    for begin in range(0, size, 500):
        made = {new_id("u"): f"user-{number:06}" for number in range(begin, min(size, begin + 500))}
        writes = [
            Write(user_stream(user), 0, [UserCreated(name, new_id("v"))]) for user, name in made.items()
        ]
        ids = list(made)
        for first in range(0, len(ids), TEAM):
            team = GroupCreated(f"team-{begin + first:06}", tuple(ids[first : first + TEAM]))
            writes.append(Write(group_stream(new_id("g")), 0, [team]))
        await store.append(*writes, by=HUB)
        seen = ActivityRecorded(dict.fromkeys(ids, datetime.now(UTC)))
        await store.append(Write(ACTIVITY, store.version(ACTIVITY), [seen]), by=HUB)
    for number in range(ACTIVE):
        answer = await client.post(f"/users/user-{number:06}/server")
        assert answer.status_code == 201
    assert users.count(store.db, users.Listing(state="active")) == ACTIVE


async def cost(client: Client, query: str, length: int | None) -> float:
    """Seconds of CPU for one request, whose answer is a list of that length, or whatever it is."""
    before = time.process_time()
    for _ in range(REPEATS):
        answer = await client.get(query)
        assert answer.status_code == 200
        assert length is None or len(answer.json()) == length
    return (time.process_time() - before) / REPEATS


if __name__ == "__main__":
    trio.run(main)
