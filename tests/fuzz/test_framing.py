"""No two readers take the same bytes for different messages, as far as we let them pass.

Random requests, replies, mutations and cuts: what we accept is read again by others. They may refuse it, and we may
refuse what they accept; what both accept is the same. `make fuzz` tries many more; `FUZZ_SEED` tries one again.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import secrets
import socket
from collections.abc import Iterator

import pytest
import trio
from werkzeug.exceptions import BadRequest

from tests.fuzz import inputs
from tests.fuzz.readers import (
    Message,
    replies_of_llhttp,
    reply_of_h11,
    requests_of_h11,
    requests_of_llhttp,
    requests_of_tornado,
)
from web.app.serve import Limits
from web.app.upload import Upload
from web.http1.body import BadBodyError, BodyToEnd
from web.http1.connection import Connection
from web.http1.fields import HEAD_END
from web.http1.request import Request, parse_request
from web.http1.stream import CHUNK, Stream
from web.http1.watch import Watch
from web.proxy.relay.reply import BadReplyError, open_body, parse_reply
from web.proxy.relay.rewrite import Visitor, reply_head, request_head
from web.proxy.target import parse_target

INPUTS = int(os.environ.get("FUZZ_INPUTS", "3000"))
TARGET = parse_target("http://127.0.0.1:1234")
VISITOR = Visitor(b"192.0.2.1", b"http")
GET = parse_request(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
HEAD = parse_request(b"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n")


@pytest.fixture
def rng() -> random.Random:
    seed = os.environ.get("FUZZ_SEED") or secrets.token_hex(4)
    print(f"FUZZ_SEED={seed}")
    return random.Random(seed)


# --- requests, as a connection of ours reads them ---


class Pieces(Stream):
    """Gives these, whatever its socket has."""

    __slots__ = ("_pieces",)

    def __init__(self, sock: socket.socket, pieces: list[bytes]) -> None:
        super().__init__(sock)
        self._pieces = pieces

    def receive_now(self, size: int = CHUNK) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""

    def send_now(self, data: bytes | memoryview) -> int:
        return len(data)

    def end_sending(self) -> None:
        """The socket is for the next one."""

    def close(self) -> None:
        """Likewise."""


class Room:
    """As `web.http1.connection.Server`. `readable`: a socket with something to read, for all connections."""

    def __init__(self) -> None:
        self.limits = Limits()
        self.watch = Watch()
        self.connections: set[Connection] = set()
        self.is_draining = False
        self.readable, self._other = socket.socketpair()
        self.readable.setblocking(False)
        self._other.send(b"x")

    def close(self) -> None:
        self.readable.close()
        self._other.close()


class Recorder(Connection):
    """Notes what it was asked, and what the proxy would make of it."""

    def __init__(self, room: Room, pieces: list[bytes]) -> None:
        super().__init__(room, Pieces(room.readable, pieces))
        self.seen: list[Message] = []
        self.passed_on: list[bytes] = []

    async def answer(self, request: Request) -> bool:
        upload = Upload(self, request) if request.has_body else None
        body = b""
        if upload is not None:
            body = upload.begin()
            try:
                while (more := await upload.receive()) is not None:
                    body += more
            except BadRequest:
                return False
        self.seen.append(Message((request.method, request.target), body))
        framed = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if request.chunked and body else body
        ending = b"0\r\n\r\n" if request.chunked and not body else b""
        self.passed_on.append(request_head(request, TARGET, VISITOR) + framed + ending)
        return request.keep_alive and (upload is None or upload.can_be_followed)


async def read(all_pieces: list[list[bytes]]) -> list[Recorder]:
    room, recorders = Room(), []
    for one in all_pieces:
        recorders.append(Recorder(room, one))
        await recorders[-1].run()
    room.close()
    return recorders


async def read_by_tornado(datas: list[bytes]) -> list[list[Message]]:
    return [await requests_of_tornado(data) for data in datas]


def agree(ours: list[Message], theirs: list[Message]) -> int:
    """How many messages both have read, all of them alike."""
    both = list(zip(ours, theirs, strict=False))
    for mine, other in both:
        assert mine.body == other.body
        assert mine.first[0] == other.first[0]
        assert mine.first[1:] == other.first[1:] or not other.first[1].startswith(b"/"), (
            "one in absolute form"
        )
    return len(both)


def batches(count: int, size: int = 1000) -> Iterator[int]:
    while count > 0:
        yield min(count, size)
        count -= size


def test_what_we_accept_as_requests_all_others_read_alike(
    rng: random.Random, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    agreed = {"h11": 0, "llhttp": 0, "tornado": 0, "passed on": 0}
    for size in batches(INPUTS):
        datas = [inputs.request(rng) for _ in range(size)]
        recorders = trio.run(read, [inputs.pieces(rng, data) for data in datas])
        of_tornado = asyncio.run(read_by_tornado(datas))
        for data, ours, tornados in zip(datas, recorders, of_tornado, strict=True):
            try:
                agreed["h11"] += agree(ours.seen, requests_of_h11(data))
                agreed["llhttp"] += agree(ours.seen, requests_of_llhttp(data))
                agreed["tornado"] += agree(ours.seen, tornados)
                agreed["passed on"] += sum(map(is_the_same, ours.seen, ours.passed_on))
            except AssertionError as error:
                raise AssertionError(f"{data!r}: we read {ours.seen}") from error
    assert min(agreed.values()) > INPUTS // 4, agreed


def is_the_same(message: Message, passed_on: bytes) -> bool:
    """Whether what goes on to a server is this one message, and nothing else."""
    assert requests_of_llhttp(passed_on, with_upgrade=True) == [message]
    assert requests_of_h11(passed_on) == [message]
    return True


# --- replies, as the proxy reads them ---


def reply_passed_on(data: bytes, asked: Request) -> tuple[bytes, bool] | None:
    """What the client is sent, and whether the end of the connection was the reply's; None for a refusal."""
    try:
        while True:
            end = data.find(HEAD_END)
            if end < 0:
                return None
            reply, data = parse_reply(data[: end + 4]), data[end + 4 :]
            if reply.status == 101:
                return None
            if reply.status >= 200:
                break
        body = open_body(reply, asked.method, chunked_out=True)
        wire = reply_head(reply, asked, keep_alive=True)
        if body is not None and not body.done:
            wire += body.feed(data) if data else b""
            wire += b"" if body.done else body.end()
    except (BadReplyError, BadBodyError):
        return None
    return wire, isinstance(body, BodyToEnd)


def test_what_we_accept_as_replies_all_others_read_alike(rng: random.Random) -> None:
    agreed = {"h11": 0, "llhttp": 0}
    for _ in range(INPUTS):
        data = inputs.reply(rng)
        asked = rng.choice((GET, GET, HEAD))
        ours = reply_passed_on(data, asked)
        if ours is None:
            continue
        wire, is_to_end = ours
        passed_on = reply_of_h11(wire, asked.method)
        assert passed_on is not None, (data, wire)
        of_h11 = reply_of_h11(data, asked.method)
        if of_h11 is not None:
            assert of_h11 == passed_on, (data, wire)
            agreed["h11"] += 1
        if asked is GET and not is_to_end:
            assert replies_of_llhttp(wire)[:1] == [passed_on], (data, wire)
            if of_llhttp := replies_of_llhttp(data):
                assert of_llhttp[0] == passed_on, (data, wire)
                agreed["llhttp"] += 1
    assert min(agreed.values()) > INPUTS // 8, agreed
