"""The engine of hub and proxy with nothing behind it: the least that a request can cost here."""

from __future__ import annotations

import socket
import sys

import trio

from web.http1.connection import Connection
from web.http1.listen import Listeners, accept
from web.http1.request import Request
from web.http1.stream import Stream
from web.http1.watch import Watch

REPLY = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n"
    + b'{"version": "6.1.1"}'
)


class Limits:
    head_size, request_line, head_timeout, idle_timeout = 64 * 1024, 16 * 1024, 60.0, 60.0


class BareServer:
    def __init__(self) -> None:
        self.limits = Limits()
        self.watch = Watch()
        self.connections: set[Connection] = set()
        self.is_draining = False


class BareConnection(Connection):
    async def answer(self, request: Request) -> bool:
        await self.stream.send(REPLY)
        return True


async def serve(port: int) -> None:
    server = BareServer()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.watch.run)

        def take(accepted: socket.socket, _: str) -> None:
            nursery.start_soon(BareConnection(server, Stream(accepted)).run)

        for listener in Listeners(f"http://127.0.0.1:{port}").sockets:
            nursery.start_soon(accept, listener, take)


if __name__ == "__main__":
    trio.run(serve, int(sys.argv[1]))
