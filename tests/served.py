"""An application on a real socket, and a client that says exactly what it is told to say."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import NamedTuple

import trio
from quart_trio import QuartTrio

from core.settings import Engine
from web.app.listen import listen
from web.app.serve import serve


class Served(NamedTuple):
    """`over`: set it to have the serving end, as a hub does that is told to."""

    port: int
    over: trio.Event

    async def connect(self) -> Wire:
        sock = trio.socket.socket()
        await sock.connect(("127.0.0.1", self.port))
        return Wire(sock)

    async def ask(self, message: bytes) -> Reply:
        wire = await self.connect()
        async with wire:
            await wire.send(message)
            return await wire.reply(message.split(b" ")[0])


@asynccontextmanager
async def served(app: QuartTrio, engine: Engine = "own") -> AsyncIterator[Served]:
    listener, over = listen("http://127.0.0.1:0"), trio.Event()
    async with trio.open_nursery() as nursery:
        await nursery.start(partial(serve, app, listener, over.wait, engine=engine))
        yield Served(listener.getsockname()[1], over)
        over.set()


class Reply(NamedTuple):
    """`status`: the whole line. `headers`: as they came."""

    status: str
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def code(self) -> int:
        return int(self.status.split()[1])

    def header(self, name: str) -> str:
        return next((value for found, value in self.headers if found.lower() == name.lower()), "")


class Wire:
    """One connection. What ends it early is an EOFError."""

    def __init__(self, sock: trio.socket.SocketType) -> None:
        self.sock = sock
        self._buffer = b""

    async def __aenter__(self) -> Wire:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.sock.close()

    async def send(self, data: bytes) -> None:
        await trio.SocketStream(self.sock).send_all(data)

    def end_sending(self) -> None:
        self.sock.shutdown(socket.SHUT_WR)

    async def is_closed(self) -> bool:
        """Whether the other side has nothing more to say. Waits until it says something, or ends."""
        return not self._buffer and not await self.sock.recv(1)

    async def until(self, end: bytes) -> bytes:
        while end not in self._buffer:
            await self._receive()
        found, self._buffer = self._buffer.split(end, 1)
        return found

    async def exactly(self, count: int) -> bytes:
        while len(self._buffer) < count:
            await self._receive()
        found, self._buffer = self._buffer[:count], self._buffer[count:]
        return found

    async def rest(self) -> bytes:
        while data := await self.sock.recv(65536):
            self._buffer += data
        found, self._buffer = self._buffer, b""
        return found

    async def chunk(self) -> bytes:
        size = int(await self.until(b"\r\n"), 16)
        content = await self.exactly(size)
        assert await self.exactly(2) == b"\r\n"
        return content

    async def head(self) -> Reply:
        status, *lines = (await self.until(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        return Reply(
            status, [(name, value) for name, _, value in (line.partition(": ") for line in lines)], b""
        )

    async def reply(self, method: bytes = b"GET") -> Reply:
        """A final one, whole."""
        head = await self.head()
        return head._replace(body=await self.body_of(head, method))

    async def body_of(self, head: Reply, method: bytes) -> bytes:
        if method == b"HEAD" or head.code in (204, 304):
            return b""
        if head.header("Transfer-Encoding") == "chunked":
            content = b""
            while chunk := await self.chunk():
                content += chunk
            return content
        length = head.header("Content-Length")
        return await self.exactly(int(length)) if length else await self.rest()

    async def _receive(self) -> None:
        data = await self.sock.recv(65536)
        if not data:
            raise EOFError(self._buffer)
        self._buffer += data
