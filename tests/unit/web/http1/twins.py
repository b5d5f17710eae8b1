"""Two hubs with the same history, one asked over a real socket and one as an ASGI application, and their answers."""

from __future__ import annotations

import re
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import trio
from trio.testing import wait_all_tasks_blocked

from core.settings import GroupSettings, Settings
from tests.conftest import hub_in_memory, settings_for_tests
from tests.served import Served, Wire, served
from web.app.app import Application, build_app
from web.hub.hub import Hub

OF_CONNECTION = frozenset(("date", "connection", "x-request-id", "transfer-encoding"))
RESET = struct.pack("ii", 1, 0)  # gone, and not only done with sending
QUIET = 0.02  # seconds in which no task has anything to do
RANDOM = re.compile(
    rb"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|\+00:00)?"  # times
    rb"|\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT"  # of cookies
    rb"|\b[0-9a-f]{8}\.[\w.-]+"  # proofs, which begin with their hour
    rb"|[0-9a-f]{16,}"  # ids, tags, tokens
    rb"|[A-Za-z0-9_=|:-]{22,}"  # tokens, cookies, nonces
    rb"|\b[a-z0-9]{13,26}\b"
    rb"|\d+ (?:seconds?|minutes?)"  # until one may try again
    rb'|(?<=name="_once" value=")[^"]+'  # of a form that counts once
    rb"|\d\d:\d\d UTC"  # since when something is so
    rb"|\b\d+(?:\.\d+)?e-\d+\b|\b\d+\.\d+\b(?!\.)"  # how long something took
)


class Asked(NamedTuple):
    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def all_headers(self) -> list[tuple[str, str]]:
        length = [("Content-Length", str(len(self.body)))] if self.body or self.method == "POST" else []
        return [("Host", "hub.test"), *self.headers, *length]

    @property
    def wire(self) -> bytes:
        lines = [
            f"{self.method} {self.target} HTTP/1.1",
            *(f"{name}: {value}" for name, value in self.all_headers()),
        ]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + self.body


class Answer(NamedTuple):
    """Without what is of one connection or one moment."""

    code: int
    headers: list[tuple[str, str]]
    body: bytes


def same(code: int, headers: list[tuple[str, str]], body: bytes) -> Answer:
    kept = [(name.lower(), _masked(value.encode("latin-1")).decode("latin-1")) for name, value in headers]
    masked = _masked(body)
    if masked != body:  # what has a random part may have another length
        kept = [(name, value) for name, value in kept if name != "content-length"]
    kept = [(name, "*" if name == "retry-after" else value) for name, value in kept]
    return Answer(code, [pair for pair in kept if pair[0] not in OF_CONNECTION], masked)


def _masked(text: bytes) -> bytes:
    return RANDOM.sub(b"*", text)


class Twins:
    def __init__(self, by_socket: Hub, server: Served, by_asgi: Hub, app: Application) -> None:
        self.by_socket = by_socket
        self.by_asgi = by_asgi
        self.app = app
        self._server = server
        self._wire: Wire | None = None

    async def over_socket(self, asked: Asked) -> Answer:
        """Over the connection of the request before, while that is kept."""
        wire = self._wire or await self._server.connect()
        await wire.send(asked.wire)
        head = await wire.head()
        streams = head.header("Content-Type") == "text/event-stream"
        body = await _beginning(wire) if streams else await wire.body_of(head, asked.method.encode())
        self._wire = wire
        if streams or head.header("Connection") == "close":
            self.close()
        if streams:
            await wait_all_tasks_blocked(QUIET)  # until the hub has seen that its reader is gone
        return same(head.code, head.headers, body)

    def close(self) -> None:
        if self._wire is not None:
            self._wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self._wire.sock.close()
            self._wire = None

    async def over_asgi(self, asked: Asked) -> Answer:
        started: dict[str, Any] = {}
        pieces: list[bytes] = []
        is_asked = False

        async def receive() -> dict[str, Any]:
            nonlocal is_asked
            if is_asked:
                await trio.sleep_forever()
            is_asked = True
            return {"type": "http.request", "body": asked.body, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                started.update(message)
            else:
                pieces.append(message.get("body", b""))

        with trio.move_on_after(5) as wait:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_cut_streams, started, wait)
                await self.app(_scope(asked), receive, send)  # type: ignore[arg-type]
                nursery.cancel_scope.cancel()
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in started["headers"]]
        body = b"" if asked.method == "HEAD" else b"".join(pieces)
        return same(started["status"], headers, body)


async def _beginning(wire: Wire) -> bytes:
    body = b""
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_cut_when_quiet, scope)
            while chunk := await wire.chunk():
                body += chunk
            nursery.cancel_scope.cancel()
    return body


async def _cut_when_quiet(scope: trio.CancelScope) -> None:
    """Both hubs live in this process: once all tasks wait, and a moment later still do, nothing more is on its way."""
    await wait_all_tasks_blocked(QUIET)
    scope.cancel()


async def _cut_streams(started: dict[str, Any], wait: trio.CancelScope) -> None:
    while not started:
        await trio.sleep(0.005)
    if any(value == b"text/event-stream" for _, value in started["headers"]):
        await _cut_when_quiet(wait)


def _scope(asked: Asked) -> dict[str, Any]:
    path, _, query = asked.target.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": asked.method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode("latin-1"),
        "query_string": query.encode("latin-1"),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in asked.all_headers()],
        "client": ("127.0.0.1", 1),
        "server": None,
        "extensions": {},
    }


def twin_settings() -> Settings:
    return settings_for_tests(load_groups={"g": GroupSettings(["bob"])}, default_url="/hub/home")


@asynccontextmanager
async def twins(settings: Settings | None = None) -> AsyncIterator[Twins]:
    chosen = settings or twin_settings()
    async with (
        hub_in_memory(chosen) as one,
        hub_in_memory(chosen) as other,
        served(build_app(one)) as server,
    ):
        two = Twins(one, server, other, build_app(other))
        yield two
        two.close()
