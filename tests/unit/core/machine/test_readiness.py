from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio

from core.errors import SpawnError
from core.machine.readiness import get, parse_url, wait_server_up

OK = b"HTTP/1.1 200 OK\r\nX-JupyterHub-Version: 6.1.1\r\nContent-Length: 2\r\n\r\nok"
UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
ELSEWHERE = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
EARLY = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"

Handler = Callable[[trio.SocketStream], Awaitable[None]]


class Server:
    """Answers each connection with the next of `answers`, the last one again and again; None is silence."""

    def __init__(self, *answers: bytes | None) -> None:
        self.answers = list(answers)
        self.requests: list[bytes] = []

    async def handle(self, stream: trio.abc.Stream) -> None:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        async with stream:
            self.requests.append(bytes(await stream.receive_some(4096)))
            if answer is None:
                await trio.sleep_forever()
            elif answer:
                await stream.send_all(answer)


@asynccontextmanager
async def listening(server: Server) -> AsyncIterator[int]:
    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(partial(trio.serve_listeners, server.handle, listeners))
        yield listeners[0].socket.getsockname()[1]
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("answers", "tries", "version"),
    [
        ([OK], 1, "6.1.1"),
        ([NOT_FOUND], 1, None),
        ([ELSEWHERE], 1, None),
        ([EARLY + NOT_FOUND], 1, None),
        ([EARLY * 50 + NOT_FOUND], 1, None),
        ([EARLY * 200 + NOT_FOUND, OK], 2, "6.1.1"),
        ([UNAVAILABLE, UNAVAILABLE, OK], 3, "6.1.1"),
        ([b"", b"", NOT_FOUND], 3, None),
        ([b"SSH-2.0-OpenSSH_9\r\n\r\n", OK], 2, "6.1.1"),
        ([b"HTTP/1.1 200 OK\r\nX-Much: " + b"x" * 100_000, OK], 2, "6.1.1"),
    ],
)
async def test_up_is_the_first_answer_below_500(
    answers: list[bytes], tries: int, version: str | None
) -> None:
    server = Server(*answers)
    async with listening(server) as port:
        with trio.fail_after(5):
            assert await wait_server_up(f"http://127.0.0.1:{port}/user/a%20b/api?x=1") == version
    assert len(server.requests) == tries
    assert server.requests[0].startswith(b"GET /user/a%20b/api?x=1 HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"ookie" not in server.requests[0]
    assert b"uthorization" not in server.requests[0]


async def test_a_refused_connection_is_tried_again() -> None:
    with trio.socket.socket() as reserved:
        await reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]

        async def listen_later(task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
            task_status.started()
            await trio.sleep(0.05)
            reserved.listen()
            await trio.serve_listeners(Server(OK).handle, [trio.SocketListener(reserved)])

        async with trio.open_nursery() as nursery:
            await nursery.start(listen_later)
            with trio.fail_after(5):
                assert await wait_server_up(f"http://127.0.0.1:{port}/") == "6.1.1"
            nursery.cancel_scope.cancel()


async def test_a_server_that_never_answers_is_asked_again() -> None:
    server = Server(None, OK)
    async with listening(server) as port:
        with trio.fail_after(5):
            assert await wait_server_up(f"http://127.0.0.1:{port}/") == "6.1.1"
    assert len(server.requests) == 2


async def test_it_waits_until_the_callers_deadline() -> None:
    async with listening(Server(UNAVAILABLE)) as port:
        with trio.move_on_after(0.1) as deadline:
            await wait_server_up(f"http://127.0.0.1:{port}/")
        assert deadline.cancelled_caught


async def test_unix_sockets_and_names_are_reached(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = str(tmp_path_factory.mktemp("s") / "server.sock")
    server = Server(OK)
    with trio.socket.socket(trio.socket.AF_UNIX) as sock:
        await sock.bind(path)
        sock.listen()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.serve_listeners, server.handle, [trio.SocketListener(sock)])
            with trio.fail_after(5):
                assert await wait_server_up(f"http+unix://{path.replace('/', '%2F')}/user/a/api") == "6.1.1"
            nursery.cancel_scope.cancel()
    assert server.requests[0].startswith(b"GET /user/a/api HTTP/1.1\r\nHost: localhost\r\n")
    async with listening(Server(OK)) as port:
        with trio.fail_after(5):
            assert await wait_server_up(f"http://localhost:{port}/") == "6.1.1"


async def test_a_plain_server_is_no_https_server() -> None:
    async with listening(Server(OK)) as port:
        with pytest.raises(ConnectionError):
            await get(parse_url(f"https://127.0.0.1:{port}/"), ssl_context=ssl.create_default_context())


@pytest.mark.parametrize(
    "url",
    ["", "ftp://x/", "http://", "http:///x", "file:///etc/passwd", "http://x:99999/", "http://x/a b", "//x/"],
)
async def test_what_is_no_url_of_a_server_is_refused(url: str) -> None:
    with pytest.raises(SpawnError):
        await wait_server_up(url)


def test_the_host_header_has_the_port_unless_it_is_the_usual_one() -> None:
    assert parse_url("http://a.example/").host_header == "a.example"
    assert parse_url("https://a.example:443/").host_header == "a.example"
    assert parse_url("http://a.example:443").host_header == "a.example:443"
    assert parse_url("http://[::1]:80/").host_header == "[::1]"
    assert parse_url("http://[::1]:8000").host_header == "[::1]:8000"
