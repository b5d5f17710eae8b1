"""What a reader of events costs: memory of the hub for each, while it waits for what happens next.

Prints the growth of the process over so many readers, of which each has read to the end of the log. Their sockets are
in the same process: a few hundred bytes of it are theirs.
"""

from __future__ import annotations

import gc
import socket

import psutil
import trio
from msgspec.structs import replace

from core.settings import CallboardSettings
from tests.conftest import ADMIN_TOKEN, hub_in_memory, settings_for_tests
from tests.served import served
from web.app.app import build_app
from web.http1.listen import raise_file_limit

FIRST, MORE = 500, 2000
ASK = (
    f"GET /hub/api/events HTTP/1.1\r\nHost: hub.test\r\nAuthorization: token {ADMIN_TOKEN}\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: text/event-stream\r\nAccept-Encoding: gzip\r\n\r\n"
).encode()


def memory() -> int:
    gc.collect()
    return psutil.Process().memory_info().rss


async def follow(port: int, count: int) -> list[socket.socket]:
    readers = []
    for number in range(count):
        reader = socket.create_connection(("127.0.0.1", port))
        reader.sendall(ASK)
        readers.append(reader)
        if number % 50 == 49:
            await trio.sleep(0.05)
    await trio.sleep(2)
    return readers


async def main() -> None:
    raise_file_limit()
    bounds = CallboardSettings(max_streams_per_user=FIRST + MORE)
    settings = replace(settings_for_tests(), callboard=bounds)
    async with hub_in_memory(settings) as hub, served(build_app(hub)) as server:
        readers = await follow(server.port, FIRST)
        before = memory()
        readers += await follow(server.port, MORE)
        assert hub.feed.followers == FIRST + MORE
        each = (memory() - before) / MORE
        print(f"{each / 1024:.1f} KiB for each of {MORE:,} readers")
        for reader in readers:
            reader.close()


if __name__ == "__main__":
    trio.run(main)
