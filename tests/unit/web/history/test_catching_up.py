"""Reading far back: in a thread, on a connection of its own, while the log grows."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

import projections
from core.events.file.store import EventStore, Write
from core.events.record import HUB
from core.events.server import OptionsStored, server_stream
from core.events.user import UserCreated, user_stream
from tests.conftest import ADMIN_TOKEN, Client, hub_in_memory
from tests.live import live
from web.history.catching_up import LONG

STREAM = server_stream("v")


async def grow(store: EventStore, count: int) -> None:
    version = store.version(STREAM)
    events = [OptionsStored({"number": version + number}) for number in range(count)]
    await store.append(Write(STREAM, version, events), by=HUB)


@pytest.mark.parametrize("query", ["type=server", "server=bob/", "user=bob&type=server"])
async def test_a_long_way_back_misses_nothing_and_goes_on_live(tmp_path: Path, query: str) -> None:
    store = EventStore(str(tmp_path / "log.sqlite"), projections.ALL)
    async with hub_in_memory(store=store) as hub, Client(hub, ADMIN_TOKEN) as alice:
        await store.append(Write(user_stream("u"), 0, [UserCreated("bob", "v")]), by=HUB)
        before = store.head
        for _ in range(4):
            await grow(store, LONG)
        async with live(alice, f"/events?after={before}&{query}", buffer=0) as stream:
            seen = []
            while len(seen) < 4 * LONG + 50:
                seen.append((await stream.next()).data["data"]["user_options"]["number"])
                if len(seen) in (LONG, 2 * LONG, 3 * LONG, 4 * LONG, 4 * LONG + 20):
                    await grow(store, 10)
        assert seen == list(range(4 * LONG + 50))
        with trio.fail_after(20):
            pages = await alice.get("/events", params={"limit": 3, "order": "newest", "server": "bob/"})
        assert [item["data"]["user_options"]["number"] for item in pages.json()["items"]] == seen[:-4:-1]
    store.close()
