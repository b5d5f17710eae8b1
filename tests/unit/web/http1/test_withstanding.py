"""What strangers can do to the hub's own port with one request after another, on real sockets: little.

Costs are counted in tasks, steps and callbacks: a machine that is busy counts the same.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import requests
import trio

from tests.conftest import ADMIN_TOKEN
from tests.served import Served, Wire, served
from web.app.app import build_app
from web.http1.body import ChunkedBody
from web.http1.listen import raise_file_limit
from web.hub.hub import Hub

HOST = b"Host: hub.test\r\n"
TOKEN = b"Authorization: token %b\r\n" % ADMIN_TOKEN.encode()
HEALTH = b"GET /hub/health HTTP/1.1\r\n" + HOST + b"\r\n"
POST = b"POST /hub/api/users HTTP/1.1\r\n" + HOST


@pytest.fixture
async def own(hub: Hub) -> AsyncIterator[Served]:
    async with served(build_app(hub)) as server:
        yield server


# --- refusals that arrive ---


@pytest.mark.parametrize("size", [10, 1000, 60_000, 70_000, 2_000_000])
async def test_a_refusal_arrives_whatever_of_the_body_is_on_its_way(own: Served, size: int) -> None:
    """By `requests`, which sends head and body apart and looks for an answer only then."""
    url = f"http://127.0.0.1:{own.port}/hub/api/users"

    def post() -> list[int]:
        with requests.Session() as session:
            return [session.post(url, data=bytes(size)).status_code for _ in range(100)]

    assert await trio.to_thread.run_sync(post) == [403] * 100


@pytest.mark.parametrize("pause", [0.0, 0.02])
async def test_a_refusal_arrives_at_one_who_sends_on(own: Served, pause: float) -> None:
    """Piece by piece, and long after the answer was given."""
    async with await own.connect() as wire:
        await wire.send(POST + b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(50):
            await wire.send(b"400\r\n%b\r\n" % bytes(1024))
            await trio.sleep(pause)
        await wire.send(b"0\r\n\r\n")
        answer = await wire.reply()
    assert (answer.code, answer.header("Connection")) == (403, "close")


async def test_a_short_body_that_nobody_read_leaves_the_connection_as_it_is(own: Served) -> None:
    async with await own.connect() as wire:
        await wire.send(POST + b"Content-Length: 60000\r\n\r\n")
        answer = await wire.reply()
        assert (answer.code, answer.header("Connection")) == (403, "")
        await wire.send(bytes(60_000) + HEALTH)
        assert (await wire.reply()).code == 200


async def test_a_long_body_that_nobody_read_ends_it(own: Served) -> None:
    async with await own.connect() as wire:
        await wire.send(POST + b"Content-Length: 66000\r\n\r\n")
        answer = await wire.reply()
        assert (answer.code, answer.header("Connection")) == (403, "close")


async def test_no_request_is_made_of_a_body_that_nobody_read(own: Served, hub: Hub) -> None:
    inner = b"POST /hub/api/users/eve HTTP/1.1\r\n" + HOST + TOKEN + b"Content-Length: 0\r\n\r\n"
    head = hub.store.head
    async with await own.connect() as wire:
        await wire.send(POST + b"Content-Length: %d\r\n\r\n" % len(inner))
        assert (await wire.reply()).code == 403
        await wire.send(inner + HEALTH)
        assert (await wire.reply()).code == 200
    assert hub.store.head == head


# --- bodies in crumbs ---


async def test_a_body_in_crumbs_is_refused_by_their_count(
    own: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    crumbs = 0
    on_body = ChunkedBody.on_body

    def counted(self: ChunkedBody, piece: bytes) -> None:
        nonlocal crumbs
        crumbs += 1
        on_body(self, piece)

    monkeypatch.setattr(ChunkedBody, "on_body", counted)
    async with await own.connect() as wire:
        await wire.send(POST + TOKEN + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 170_000)
        assert (await wire.reply()).code == 400
    assert crumbs < 40_000


async def test_a_body_in_reasonable_pieces_is_not(own: Served) -> None:
    content = b'{"usernames": [%b]}' % b", ".join(b'"user-%d"' % number for number in range(8000))
    pieces = [content[at : at + 20] for at in range(0, len(content), 20)]
    wire_form = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    answer = await own.ask(POST + TOKEN + b"Transfer-Encoding: chunked\r\n\r\n" + wire_form + b"0\r\n\r\n")
    assert answer.code == 201


# --- many who stop ---


class Steps(trio.abc.Instrument):
    """How often any task has run."""

    count = 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.count += 1


@asynccontextmanager
async def stopped_in_mid_body(server: Served, number: int) -> AsyncIterator[None]:
    wires: list[Wire] = []
    for _ in range(number):
        wires.append(await server.connect())
        await wires[-1].send(POST + TOKEN + b"Content-Length: 1000\r\n\r\n{")
    await trio.sleep(0.1)
    try:
        yield
    finally:
        for wire in wires:
            wire.sock.close()


async def test_a_thousand_who_stop_in_mid_body_cost_others_nothing(own: Served) -> None:
    raise_file_limit()
    tasks = trio.lowlevel.current_statistics().tasks_living
    async with await own.connect() as wire, stopped_in_mid_body(own, 1000):
        living = trio.lowlevel.current_statistics().tasks_living
        assert living - tasks <= 1001, "a task each, and no more"
        steps = Steps()
        trio.lowlevel.add_instrument(steps)
        for _ in range(10):
            await wire.send(HEALTH)
            assert (await wire.reply()).code == 200
        trio.lowlevel.remove_instrument(steps)
    assert steps.count <= 60, "none of theirs runs meanwhile"
