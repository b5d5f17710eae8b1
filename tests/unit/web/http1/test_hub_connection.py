"""What one connection of the hub's own port does with what comes over it, on real sockets."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import get_args

import pytest
import trio
from quart import Response
from quart.wrappers import Request

from core.settings import Engine, TornadoSettings
from spawners.configuration import load_settings
from tests.conftest import ADMIN_TOKEN, hub_in_memory, settings_for_tests
from tests.served import Served, served
from web.app import serve as serving
from web.app.app import Application, build_app
from web.http1 import connection as http1
from web.hub.hub import Hub

HOST = b"Host: hub.test\r\n"
TOKEN = b"Authorization: token %b\r\n" % ADMIN_TOKEN.encode()
HEALTH = b"GET /hub/health HTTP/1.1\r\n" + HOST + b"\r\n"
POST = b"POST /hub/api/users HTTP/1.1\r\n" + HOST + TOKEN
USERS = b'{"usernames": ["carol"]}'

Handle = Callable[[Request], Awaitable[Response]]


def answering(hub: Hub, handle: Handle) -> Application:
    """The application, with this for all it does."""
    app = build_app(hub)
    app.handle_request = handle  # type: ignore[method-assign,assignment]
    return app


@pytest.fixture
async def own(hub: Hub) -> AsyncIterator[Served]:
    async with served(build_app(hub)) as server:
        yield server


# --- requests and answers ---


@pytest.mark.parametrize("engine", get_args(Engine))
async def test_a_connection_is_kept_for_the_next_request(hub: Hub, engine: Engine) -> None:
    async with served(build_app(hub), engine) as server, await server.connect() as wire:
        for _ in range(3):
            await wire.send(HEALTH)
            assert (await wire.reply()).code == 200


@pytest.mark.parametrize("engine", get_args(Engine))
async def test_a_body_is_read_whatever_its_framing(hub: Hub, engine: Engine) -> None:
    bodies = [
        b"Content-Length: %d\r\n\r\n%b" % (len(USERS), USERS),
        b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(USERS), USERS),
    ]
    async with served(build_app(hub), engine) as server:
        codes = [(await server.ask(POST + body)).code for body in bodies]
    assert codes == [201, 409], "the second time they are there already"


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET /hub/health", "HTTP/1.1 200 OK"),
        (b"GET /hub/api/users", "HTTP/1.1 403 Forbidden"),
        (b"GET /hub/api/nonsense", "HTTP/1.1 404 Not Found"),
        (b"PUT /hub/api/users", "HTTP/1.1 405 Method Not Allowed"),
    ],
)
async def test_the_status_has_its_phrase(own: Served, request_line: bytes, status: str) -> None:
    assert (await own.ask(request_line + b" HTTP/1.1\r\n" + HOST + b"\r\n")).status == status


async def test_a_phrase_of_somebodys_own_is_sent_and_is_one_line(hub: Hub) -> None:
    phrases = iter(["418 No More GPUs", "500 Two\r\nLines"])

    async def handle(request: Request) -> Response:
        answer = Response(b"")
        answer.status = next(phrases)
        return answer

    async with served(answering(hub, handle)) as server:
        assert (await server.ask(HEALTH)).status == "HTTP/1.1 418 No More GPUs"
        assert (await server.ask(HEALTH)).status == "HTTP/1.1 500 Internal Server Error"


async def test_a_header_that_cannot_be_sent_is_an_error_and_no_silence() -> None:
    settings = settings_for_tests(tornado_settings=TornadoSettings(headers={"X-Room": "Zürich → Genève"}))
    async with hub_in_memory(settings) as hub, served(build_app(hub)) as server:
        answer = await server.ask(HEALTH)
    assert (answer.code, answer.header("Connection")) == (500, "close")


async def test_one_who_expects_it_is_told_to_go_on(own: Served) -> None:
    async with await own.connect() as wire:
        await wire.send(POST + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(USERS))
        assert (await wire.head()).status == "HTTP/1.1 100 Continue"
        await wire.send(USERS + HEALTH)
        assert (await wire.reply()).code == 201
        assert (await wire.reply()).code == 200


async def test_one_who_is_refused_is_not_told_to_go_on(own: Served) -> None:
    async with await own.connect() as wire:
        await wire.send(
            b"POST /hub/api/users HTTP/1.1\r\n%bExpect: 100-continue\r\nContent-Length: 9\r\n\r\n" % HOST
        )
        answer = await wire.reply()
        assert (answer.code, answer.header("Connection")) == (403, "close"), "nobody can tell what comes next"
        assert await wire.is_closed()


async def test_http_1_0_ends_a_connection_unless_asked_not_to(own: Served) -> None:
    async with await own.connect() as wire:
        await wire.send(b"GET /hub/health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        assert (await wire.reply()).header("Connection") == "keep-alive"
        await wire.send(b"GET /hub/health HTTP/1.0\r\n\r\n")
        answer = await wire.reply()
        assert (answer.code, answer.header("Connection")) == (200, "close")
        assert await wire.is_closed()


async def two_pieces() -> AsyncIterator[bytes]:
    yield b"one"
    await trio.sleep(0.01)
    yield b"two"


async def test_http_1_0_knows_the_end_of_a_stream_by_the_end_of_the_connection(hub: Hub) -> None:
    async def handle(request: Request) -> Response:
        return Response(two_pieces())

    async with served(answering(hub, handle)) as server:
        answer = await server.ask(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    assert (answer.header("Transfer-Encoding"), answer.body) == ("", b"onetwo")


async def test_requests_sent_at_once_are_answered_in_turn(own: Served) -> None:
    async with await own.connect() as wire:
        await wire.send(HEALTH * 100 + POST + b"Content-Length: %d\r\n\r\n" % len(USERS) + USERS + HEALTH)
        codes = [(await wire.reply()).code for _ in range(102)]
    assert codes == [200] * 100 + [201, 200]


async def test_who_sends_many_requests_at_once_takes_turns_with_others(own: Served) -> None:
    """None of them waits for anything, so nobody else would run until the last."""
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    async with await own.connect() as wire, trio.open_nursery() as nursery:
        await wire.send(HEALTH * 500)
        await trio.sleep(0.01)
        nursery.start_soon(take_turns)
        for _ in range(500):
            await wire.reply()
        nursery.cancel_scope.cancel()
    assert turns > 3  # how many depends on what is sent at a time


async def test_a_request_behind_a_stream_is_answered_when_that_is_over(hub: Hub) -> None:
    app = build_app(hub)
    whole = app.handle_request

    async def handle(request: Request) -> Response:
        return Response(two_pieces()) if request.path == "/stream" else await whole(request)

    app.handle_request = handle  # type: ignore[method-assign,assignment]
    async with served(app) as server, await server.connect() as wire:
        await wire.send(b"GET /stream HTTP/1.1\r\n" + HOST + b"\r\n" + HEALTH)
        assert (await wire.reply()).body == b"onetwo"
        assert (await wire.reply()).code == 200


# --- who leaves ---


async def test_who_has_said_all_is_answered(own: Served) -> None:
    async with await own.connect() as wire:
        await wire.send(HEALTH * 3)
        wire.end_sending()
        assert [(await wire.reply()).code for _ in range(3)] == [200] * 3
        assert await wire.is_closed()


@pytest.mark.parametrize("leave", ["closes", "resets", "closes with something unread"])
async def test_a_handler_that_waits_is_cancelled_when_its_client_leaves(hub: Hub, leave: str) -> None:
    begun, cancelled = trio.Event(), trio.Event()

    async def handle(request: Request) -> Response:
        begun.set()
        try:
            await trio.sleep_forever()
        finally:
            cancelled.set()

    async with served(answering(hub, handle)) as server:
        wire = await server.connect()
        await wire.send(HEALTH * (2 if leave == "closes with something unread" else 1))
        await begun.wait()
        if leave == "resets":
            wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        wire.sock.close()
        with trio.fail_after(5):
            await cancelled.wait()


async def test_who_leaves_in_the_middle_of_a_body_ends_the_request(hub: Hub) -> None:
    head = hub.store.head
    async with served(build_app(hub)) as server, await server.connect() as wire:
        await wire.send(POST + b"Content-Length: 1000\r\n\r\n{")
        wire.end_sending()
        assert await wire.rest() == b""
    assert hub.store.head == head


async def test_a_reader_who_reads_nothing_stops_what_is_made_for_it(hub: Hub) -> None:
    made = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal made
        while True:
            made += 1
            yield bytes(2**16)

    async def handle(request: Request) -> Response:
        return Response(pieces())

    async with served(answering(hub, handle)) as server, await server.connect() as wire:
        await wire.send(HEALTH)
        await trio.sleep(0.2)
        before = made
        await trio.sleep(0.2)
        assert made == before < 1000
        assert await wire.exactly(before * 2**16)
        await trio.sleep(0.1)
        assert made > before


# --- the end ---


async def test_at_the_end_what_is_under_way_is_answered_and_what_is_idle_is_closed(hub: Hub) -> None:
    go_on = trio.Event()

    async def handle(request: Request) -> Response:
        await go_on.wait()
        return Response(b"done")

    async with (
        served(answering(hub, handle)) as server,
        await server.connect() as idle,
        await server.connect() as busy,
    ):
        await busy.send(HEALTH)
        await trio.sleep(0.05)
        server.over.set()
        assert await idle.is_closed()
        go_on.set()
        answer = await busy.reply()
        assert (answer.body, answer.header("Connection")) == (b"done", "close")
        assert await busy.is_closed()


async def test_at_the_end_a_stream_ends_properly(hub: Hub) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"one"
        await trio.sleep_forever()

    async def handle(request: Request) -> Response:
        return Response(pieces())

    async with served(answering(hub, handle)) as server, await server.connect() as wire:
        await wire.send(HEALTH)
        await wire.head()
        assert await wire.chunk() == b"one"
        server.over.set()
        assert await wire.chunk() == b""
        assert await wire.is_closed()


@pytest.mark.parametrize("streams", [True, False], ids=["stream", "answer"])
async def test_at_the_end_nobody_waits_for_a_reader_that_has_stalled(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, streams: bool
) -> None:
    monkeypatch.setattr(serving, "GRACE", 0.3)

    async def pieces() -> AsyncIterator[bytes]:
        while True:
            yield bytes(2**20)

    async def handle(request: Request) -> Response:
        return Response(pieces() if streams else bytes(2**25))

    with trio.fail_after(5):
        async with served(answering(hub, handle)) as server, await server.connect() as wire:
            await wire.send(HEALTH)
            await trio.sleep(0.1)
            server.over.set()
            await trio.sleep(0.6)
            received = await wire.rest()
    assert not received.endswith(b"\r\n0\r\n\r\n"), "what was cut is not said to be whole"


@pytest.mark.parametrize(
    "begun",
    [
        b"POST / HTTP/1.1\r\nHost: hub.test\r\nContent-Length: 10\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nHost: hub.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        b"POST / HTTP/1.1\r\nHost: hub",
    ],
    ids=["a body", "chunks", "a head"],
)
async def test_at_the_end_the_rest_of_a_request_is_not_waited_for_long(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    monkeypatch.setattr(serving, "GRACE", 1000)
    monkeypatch.setattr(serving, "PATIENCE", 0.1)

    async def handle(request: Request) -> Response:
        return Response(await request.get_data(as_text=False))

    with trio.fail_after(60):
        async with served(answering(hub, handle)) as server, await server.connect() as wire:
            await wire.send(begun)
            await trio.sleep(0.05)
            server.over.set()
            answer = await wire.reply()
            assert (answer.code, answer.header("Connection")) == (503, "close")
            assert await wire.is_closed()


async def test_at_the_end_a_request_that_comes_as_a_whole_in_time_is_answered(hub: Hub) -> None:
    async def handle(request: Request) -> Response:
        return Response(await request.get_data(as_text=False))

    async with served(answering(hub, handle)) as server, await server.connect() as wire:
        await wire.send(b"POST / HTTP/1.1\r\nHost: hub.test\r\nContent-Length: 6\r\n\r\nabc")
        await trio.sleep(0.05)
        server.over.set()
        await wire.send(b"def")
        answer = await wire.reply()
    assert (answer.code, answer.body) == (200, b"abcdef")


# --- deadlines ---


async def test_who_takes_too_long_for_a_head_is_told_so(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "LIMITS", serving.Limits(head_timeout=0.1))
    monkeypatch.setattr(serving, "LOOK_EVERY", 0.05)
    async with served(build_app(hub)) as server, await server.connect() as wire:
        await wire.send(HEALTH[:20])
        answer = await wire.reply()
    assert (answer.status, answer.header("Connection")) == ("HTTP/1.1 408 Request Timeout", "close")


async def test_a_broken_connection_whose_time_is_over_harms_nobody_else(hub: Hub) -> None:
    """Its task does not know yet; whoever looks at the clock meets the error first."""
    server = serving.OwnServer(build_app(hub))
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    connection = serving.HubConnection(server, serving.Stream(ours), "")
    connection._doing = "head"
    connection.stream.read_by = 0
    theirs.close()
    connection.close_expired(1)
    assert connection._scope.cancel_called
    ours.close()


async def test_a_socket_that_cannot_be_watched_is_closed_and_harms_nobody_else(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = http1.Watch.add
    calls = 0

    def add(self: http1.Watch, *args: object) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise OSError(28, "No space left on device")
        watched(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(http1.Watch, "add", add)
    async with served(build_app(hub)) as server:
        async with await server.connect() as wire:
            assert await wire.is_closed()
        assert (await server.ask(HEALTH)).code == 200


# --- phrases of hooks ---

HOOK = """
import tornado.web
reason = {reason!r}
async def refuse(spawner): raise tornado.web.HTTPError(409, "The room is full.", reason=reason)
c.JupyterHub.spawner_class = 'simulated'
c.JupyterHub.authenticator_class = 'dummy'
c.JupyterHub.db_url = 'sqlite://'
c.JupyterHub.api_tokens = {{'{token}': 'alice'}}
c.Authenticator.admin_users = {{'alice'}}
c.Spawner.pre_spawn_hook = refuse
"""


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        ("No Room", "HTTP/1.1 409 No Room"),
        (None, "HTTP/1.1 409 Conflict"),
        ("Voll: Größe", "HTTP/1.1 409 Voll: Größe"),
        ("満員", "HTTP/1.1 409 ??"),
    ],
)
async def test_the_reason_of_a_hook_stands_behind_the_status(
    tmp_path: Path, reason: str | None, status: str
) -> None:
    file = tmp_path / "hub.py"
    file.write_text(HOOK.format(reason=reason, token=ADMIN_TOKEN), encoding="utf-8")
    settings, _ = load_settings([file], [])
    async with hub_in_memory(settings) as hub, served(build_app(hub)) as server:
        answer = await server.ask(
            b"POST /hub/api/users/alice/server HTTP/1.1\r\n" + HOST + TOKEN + b"Content-Length: 0\r\n\r\n"
        )
    assert answer.status == status
    assert b"The room is full." in answer.body
