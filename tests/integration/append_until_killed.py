"""Appends to a log for ever, and says on standard output what has been acknowledged: `position stream version`."""

from __future__ import annotations

import os
import sys

import trio

import projections
from core.events.file.store import EventStore, Write
from core.events.server import (
    ServerStopped,
    SpawnAnswered,
    SpawnProgressed,
    SpawnRequested,
    SpawnSucceeded,
    StopRequested,
    server_stream,
)
from core.events.user import UserCreated, user_stream
from core.naming.ids import new_id
from tests.logs import BY


async def live(store: EventStore) -> None:
    """One user after another, each with a server that starts and stops."""
    while True:
        user_id, server_id, spawn_id = new_id("u"), new_id("v"), new_id("s")
        user, server = user_stream(user_id), server_stream(server_id)
        await append(store, Write(user, 0, [UserCreated(user_id, server_id)]))
        request = SpawnRequested(spawn_id, user_id, user_id, "", f"/user/{user_id}/", {}, spawn_id)
        await append(store, Write(server, 0, [request, SpawnProgressed(spawn_id, "on its way")]))
        await append(store, Write(server, 2, [SpawnAnswered(spawn_id, "http://127.0.0.1:1")]))
        await append(store, Write(server, 3, [SpawnSucceeded(spawn_id), StopRequested(spawn_id)]))
        await append(store, Write(server, 5, [ServerStopped(spawn_id)]))


async def append(store: EventStore, write: Write) -> None:
    for record in await store.append(write, by=BY):
        os.write(1, f"{record.position} {record.stream} {record.version}\n".encode())


async def main(path: str) -> None:
    store = EventStore(path, projections.ALL)
    async with trio.open_nursery() as nursery:
        await nursery.start(store.run)
        for _ in range(20):
            nursery.start_soon(live, store)


if __name__ == "__main__":
    trio.run(main, sys.argv[1])
