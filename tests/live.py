"""Streams that do not end by themselves, read from a hub in memory piece by piece as they come."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import trio

from tests.conftest import Client
from tests.unit.web.openapi.openapi_check import contract
from web.http1.server_sent_events import LineReader


class Told(NamedTuple):
    """An event of a stream. `kind`: `message` unless it says otherwise."""

    id: str
    kind: str
    data: Any


class LiveStream:
    """What came so far. With `buffer` pieces not yet taken the hub has to wait with the next one."""

    def __init__(self, buffer: float) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.last_id = ""
        self.raw = b""
        self.pieces = 0
        self._put, self._get = trio.open_memory_channel[bytes](buffer)
        self._waiting: list[Told] = []
        self._text = ""
        self._reader = LineReader()
        self.disconnected = trio.Event()

    # --- the server's side ---

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            return
        if message.get("body"):
            await self._put.send(message["body"])
            self.pieces += 1
        if not message.get("more_body", False):
            self._put.close()

    async def receive(self) -> Any:
        await self.disconnected.wait()
        return {"type": "http.disconnect"}

    # --- the reader's side ---

    async def next(self) -> Told:
        """The next event; raises EndOfChannel when the stream is over."""
        while not self._waiting:
            await self.take()
        return self._waiting.pop(0)

    async def take(self) -> None:
        """The next piece, whatever is in it."""
        piece = await self._get.receive()
        self.raw += piece
        self._feed(piece.decode())

    async def rest(self) -> list[Told]:
        """All that comes until the stream ends."""
        found = []
        while True:
            try:
                found.append(await self.next())
            except trio.EndOfChannel:
                return found

    def now(self) -> list[Told]:
        """All that has come and was not taken."""
        while True:
            try:
                piece = self._get.receive_nowait()
            except (trio.WouldBlock, trio.EndOfChannel):
                found, self._waiting = self._waiting, []
                return found
            self.raw += piece
            self._feed(piece.decode())

    def _feed(self, text: str) -> None:
        *lines, self._text = (self._text + text).split("\n")
        for line in lines:
            if line.startswith("id:"):
                self.last_id = line.removeprefix("id:").strip()
            if (event := self._reader.line(line)) is not None:
                self._waiting.append(Told(event.id, event.name, json.loads(event.data)))


@asynccontextmanager
async def live(
    client: Client, path: str, *, last_id: str | None = None, buffer: float = float("inf")
) -> AsyncIterator[LiveStream]:
    """GET a stream below /hub/api with this client's token. Leaving the block disconnects."""
    stream = LiveStream(buffer)
    path, _, query = path.partition("?")
    headers = [(b"host", b"hub.test"), (b"accept", b"text/event-stream")]
    if "Authorization" in client.headers:
        headers.append((b"authorization", client.headers["Authorization"].encode()))
    if last_id is not None:
        headers.append((b"last-event-id", last_id.encode()))
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "headers": headers,
        "scheme": "http",
        "path": f"/hub/api{path}",
        "raw_path": f"/hub/api{path}".encode(),
        "query_string": query.encode(),
        "server": ("hub.test", 80),
        "client": ("127.0.0.1", 123),
        "root_path": "",
        "extensions": {},
    }
    async with trio.open_nursery() as nursery:

        async def run() -> None:
            await client.app(scope, stream.receive, stream.send)  # type: ignore[arg-type]

        nursery.start_soon(run)
        try:
            yield stream
        finally:
            stream.disconnected.set()
            nursery.cancel_scope.cancel()


def check_documented(path: str, told: list[Told]) -> None:
    """Hold events against the OpenAPI document."""
    contract().check_events("GET", path, [one.data for one in told])
