"""An engine that does what it is told to, wrong or not at all: faults that a real one shows too rarely."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import h11
import trio

from spawners.docker.engine.calls import Engine
from spawners.docker.engine.place import Place

Answer = tuple[int, bytes] | None
"""A status and a body; None: silence, for ever."""


class FaultyEngine:
    """`answer`: what to say to a method, a path and its query. `asked`: all that was asked for.

    `length`: of bodies, as it promises; 0: until it hangs up.
    """

    def __init__(self, socket: Path) -> None:
        self.engine = Engine(Place(socket=str(socket)))
        self.asked: list[str] = []
        self.answer: Callable[[str, str], Answer] = lambda method, path: (200, b"[]")
        self.query: dict[str, Any] = {}
        self.state = ""  # of its one container, for who answers
        self.length = 0

    async def _request(self, connection: h11.Connection, stream: trio.SocketStream) -> h11.Request:
        """Once all of it is here."""
        request: h11.Request | None = None
        while not isinstance(event := connection.next_event(), h11.EndOfMessage):
            if event is h11.NEED_DATA:
                connection.receive_data(bytes(await stream.receive_some(65536)))
            elif isinstance(event, h11.Request):
                request = event
        assert request is not None
        return request

    async def serve(self, stream: trio.SocketStream) -> None:
        connection = h11.Connection(h11.SERVER)
        async with stream:
            request = await self._request(connection, stream)
            target = urlsplit(request.target.decode())
            self.query = {name: values[0] for name, values in parse_qs(target.query).items()}
            self.asked.append(f"{request.method.decode()} {target.path}")
            answer = self.answer(request.method.decode(), target.path)
            if answer is None:
                await trio.sleep_forever()
                return
            status, body = answer
            length = f"Content-Length: {self.length}\r\n" if self.length else ""
            await stream.send_all(f"HTTP/1.1 {status} X\r\nConnection: close\r\n{length}\r\n".encode() + body)


@asynccontextmanager
async def faulty_engine(directory: Path) -> AsyncIterator[FaultyEngine]:
    path = directory / "engine.sock"
    made = FaultyEngine(path)
    sock = trio.socket.socket(trio.socket.AF_UNIX)
    await sock.bind(str(path))
    sock.listen()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, made.serve, [trio.SocketListener(sock)])
        yield made
        nursery.cancel_scope.cancel()


def error(message: str) -> bytes:
    return json.dumps({"message": message}).encode()
