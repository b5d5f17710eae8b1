"""The proxy as a process, between a hub and servers written here."""

import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psutil
import pytest
import trio

from web.proxy.relay.exchange import MOST_INTERIM

TOKEN = "proxy-token-for-tests"
REPOSITORY = Path(__file__).parents[2]
MIB = 1 << 20


class Wire:
    """A connection on which heads and bodies can be read by hand."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self.stream = stream
        self.buffer = b""

    async def send(self, data: bytes) -> None:
        await self.stream.send_all(data)

    async def more(self) -> bool:
        data = await self.stream.receive_some(MIB)
        self.buffer += data
        return bool(data)

    async def until(self, mark: bytes) -> bytes:
        """Up to and with `mark`; b"" if the connection ends before."""
        while mark not in self.buffer:
            if not await self.more():
                return b""
        end = self.buffer.index(mark) + len(mark)
        taken, self.buffer = self.buffer[:end], self.buffer[end:]
        return taken

    async def exactly(self, size: int) -> bytes:
        while len(self.buffer) < size:
            if not await self.more():
                raise EOFError(self.buffer)
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return taken

    async def rest(self) -> bytes:
        with suppress(trio.BrokenResourceError):
            while await self.more():
                pass
        return self.buffer

    async def chunks(self) -> bytes:
        content = b""
        while size := int((await self.until(b"\r\n")).split(b";")[0], 16):
            content += (await self.exactly(size + 2))[:-2]
        assert await self.exactly(2) == b"\r\n"
        return content

    async def body(self, head: bytes) -> bytes:
        if b"chunked" in head.lower():
            return await self.chunks()
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        return await self.exactly(int(length[1])) if length else b""

    async def reply(self) -> tuple[int, bytes, bytes]:
        head = await self.until(b"\r\n\r\n")
        assert head, "closed without a reply"
        return int(head.split()[1]), head, await self.body(head)


class FakeHub:
    """Tells routes as the hub does, and answers everything else with "hub PATH"."""

    def __init__(self) -> None:
        self.port = 0
        self.position = 0
        self.table: dict[str, dict[str, object]] = {}
        self.applied: list[int] = []
        self.activity: list[dict[str, str]] = []
        self.joins: list[bytes] = []
        self._streams: set[Wire] = set()
        self._scope = trio.CancelScope()

    async def run(self, task_status: trio.TaskStatus[None]) -> None:
        listeners = await trio.open_tcp_listeners(self.port, host="127.0.0.1")
        self.port = listeners[0].socket.getsockname()[1]
        self.table.setdefault("/", {"target": f"http://127.0.0.1:{self.port}", "data": {"hub": True}})
        with trio.CancelScope() as self._scope:
            task_status.started()
            await trio.serve_listeners(self._serve, listeners)

    def stop(self) -> None:
        self._streams.clear()
        self._scope.cancel()

    async def change(self, spec: str, target: str | None) -> int:
        self.position += 1
        if target is None:
            del self.table[spec]
            change: dict[str, object] = {"remove": [spec]}
        else:
            self.table[spec] = {"target": target, "data": {}}
            change = {"set": {spec: self.table[spec]}}
        for wire in list(self._streams):
            await self._tell(wire, "change", change)
        return self.position

    async def _serve(self, stream: trio.SocketStream) -> None:
        wire = Wire(stream)
        with suppress(trio.BrokenResourceError):
            while head := await wire.until(b"\r\n\r\n"):
                await self._answer(wire, head)

    async def _answer(self, wire: Wire, head: bytes) -> None:
        path = head.split()[1].decode()
        body = await wire.body(head)
        if not path.startswith("/hub/api/proxy/"):
            content = f"hub {path}".encode()
            await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(content), content))
            return
        assert f"Authorization: token {TOKEN}".encode() in head
        if path.startswith("/hub/api/proxy/stream"):
            await self._stream(wire, head)
        elif path == "/hub/api/proxy/applied":
            self.applied.append(json.loads(body)["position"])
        else:
            self.activity.append(json.loads(body)["routes"])
        await wire.send(b"HTTP/1.1 204 No Content\r\n\r\n")

    async def _stream(self, wire: Wire, head: bytes) -> None:
        self.joins.append(head)
        await wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        if f"Last-Event-ID: {self.position}\r\n".encode() not in head:
            await self._tell(wire, "routes", {"routes": self.table})
        self._streams.add(wire)
        await wire.more()
        self._streams.discard(wire)

    async def _tell(self, wire: Wire, name: str, data: object) -> None:
        event = f"id: {self.position}\nevent: {name}\ndata: {json.dumps(data)}\n\n".encode()
        await wire.send(b"%x\r\n%b\r\n" % (len(event), event))


class FakeServer:
    """A server of a user, which behaves as the last part of the path says."""

    def __init__(self) -> None:
        self.port = 0
        self.heads: list[bytes] = []
        self.connections = 0
        self.open = 0

    async def run(self, task_status: trio.TaskStatus[None]) -> None:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1", backlog=4096)
        self.port = listeners[0].socket.getsockname()[1]
        task_status.started()
        await trio.serve_listeners(self._serve, listeners)

    async def _serve(self, stream: trio.SocketStream) -> None:
        wire = Wire(stream)
        self.connections += 1
        self.open += 1
        try:
            with suppress(trio.BrokenResourceError, EOFError):
                while head := await wire.until(b"\r\n\r\n"):
                    self.heads.append(head)
                    path = head.split()[1].partition(b"?")[0].decode()
                    if not await getattr(self, "_" + path.rsplit("/", 1)[1].replace("-", "_"), self._echo)(
                        wire, head
                    ):
                        return
        finally:
            self.open -= 1

    async def _echo(self, wire: Wire, head: bytes) -> bool:
        content = b"" if head.startswith(b"HEAD") else head + await wire.body(head)
        await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(content), content))
        return True

    async def _large(self, wire: Wire, head: bytes) -> bool:
        size = int(head.split()[1].partition(b"?")[2])
        await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        for _ in range(size // MIB):
            await wire.send(bytes(MIB))
        return True

    async def _chunked(self, wire: Wire, head: bytes) -> bool:
        await wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n")
        await wire.send(b"2\r\nde\r\n0\r\nTrailer: x\r\n\r\n")
        return True

    async def _to_end(self, wire: Wire, head: bytes) -> bool:
        await wire.send(b"HTTP/1.0 200 OK\r\n\r\nall of it")
        return False

    async def _events(self, wire: Wire, head: bytes) -> bool:
        await wire.send(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/event-stream\r\n\r\n"
        )
        for number in range(1000):
            await wire.send(b"9\r\ndata: %d\n\n\r\n" % number)
            await trio.sleep(0.02)
        return False

    async def _silent(self, wire: Wire, head: bytes) -> bool:
        await wire.more()
        return False

    async def _slow(self, wire: Wire, head: bytes) -> bool:
        await trio.sleep(0.4)
        return await self._echo(wire, head)

    async def _hints(self, wire: Wire, head: bytes) -> bool:
        await wire.send(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n")
        return await self._echo(wire, head)

    async def _endless_hints(self, wire: Wire, head: bytes) -> bool:
        """As fast as they are taken."""
        while True:
            await wire.send(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 1000)

    async def _continue(self, wire: Wire, head: bytes) -> bool:
        assert b"Expect: 100-continue" in head
        await wire.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        return await self._echo(wire, head)

    async def _too_much(self, wire: Wire, head: bytes) -> bool:
        await wire.send(b"HTTP/1.1 413 Too Much\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
        return False

    async def _leaves(self, wire: Wire, head: bytes) -> bool:
        return False

    async def _breaks_off(self, wire: Wire, head: bytes) -> bool:
        await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        return False

    async def _last(self, wire: Wire, head: bytes) -> bool:
        """Ends the connection without having said so."""
        await self._echo(wire, head)
        return False

    async def _ambiguous(self, wire: Wire, head: bytes) -> bool:
        await wire.send(
            b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        )
        return False

    async def _empty(self, wire: Wire, head: bytes) -> bool:
        await wire.send(b"HTTP/1.1 204 No Content\r\n\r\n")
        return True

    async def _ws(self, wire: Wire, head: bytes) -> bool:
        """Echoes what is sent through the tunnel, and says goodbye when nothing more can come."""
        assert b"Connection: Upgrade\r\nUpgrade: websocket" in head
        await wire.send(
            b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-A: b\r\n\r\n"
        )
        while wire.buffer or await wire.more():
            data, wire.buffer = wire.buffer, b""
            await wire.send(data)
        await wire.send(b"bye")
        return False


class World:
    """A hub, a server with the route /user/alice/, and the proxy in front of them."""

    def __init__(self, nursery: trio.Nursery, path: Path) -> None:
        self.nursery = nursery
        self.path = path
        self.hub = FakeHub()
        self.server = FakeServer()
        self.pid_file = path / "proxy.pid"
        self.port = 0
        self._processes: list[subprocess.Popen[bytes]] = []
        self._streams: list[trio.abc.Stream] = []

    async def start(self) -> None:
        await self.nursery.start(self.hub.run)
        await self.nursery.start(self.server.run)
        self.hub.table["/user/alice/"] = {"target": f"http://127.0.0.1:{self.server.port}", "data": {}}
        self.hub.position = 5

    async def start_proxy(
        self, *options: str, bind: str = "http://127.0.0.1:0", limits: dict[str, float] | None = None
    ) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "web.proxy"]
        if limits is not None:
            program = (
                "import sys, msgspec; from web.proxy.run import run;"
                "from web.proxy.settings import ProxySettings;"
                "run(msgspec.json.decode(sys.argv[1], type=ProxySettings))"
            )
            settings = {
                "bind_url": bind,
                "hub_url": f"http://127.0.0.1:{self.hub.port}",
                "token": TOKEN,
                "pid_file": str(self.pid_file),
                "limits": limits,
            }
            command = [sys.executable, "-c", program, json.dumps(settings)]
        else:
            command += ["--bind-url", bind, "--hub-url", f"http://127.0.0.1:{self.hub.port}"]
            command += ["--pid-file", str(self.pid_file), *options]
        self.pid_file.unlink(missing_ok=True)
        environment = os.environ | {"CALLBOARD_PROXY_TOKEN": TOKEN}
        process = subprocess.Popen(command, cwd=REPOSITORY, env=environment, start_new_session=True)
        self._processes.append(process)
        with trio.fail_after(20):
            while not self.pid_file.exists():
                assert process.poll() is None
                await trio.sleep(0.01)
        told = json.loads(self.pid_file.read_bytes())
        assert told["pid"] == process.pid
        self.port = int(told["address"].rpartition(":")[2]) if bind.startswith("http:") else 0
        await eventually(lambda: self.hub.position in self.hub.applied)
        return process

    async def wire(self) -> Wire:
        return self.opened(await trio.open_tcp_stream("127.0.0.1", self.port))

    def opened(self, stream: trio.abc.Stream) -> Wire:
        """Closed at the end of the test, if the test does not."""
        self._streams.append(stream)
        return Wire(stream)

    async def ask(self, request: str, body: bytes = b"") -> tuple[int, bytes, bytes]:
        wire = await self.wire()
        await wire.send(message(request, body))
        async with wire.stream:
            return await wire.reply()

    async def close(self) -> None:
        for stream in self._streams:
            await trio.aclose_forcefully(stream)
        for process in self._processes:
            process.kill()
            process.wait()


def message(request: str, body: bytes = b"") -> bytes:
    """`request` is "GET /path", and more headers in lines behind it."""
    start, *headers = request.split("\n")
    if body and "Transfer-Encoding" not in request and "Content-Length" not in request:
        headers.append(f"Content-Length: {len(body)}")
    lines = [f"{start} HTTP/1.1", "Host: hub.example", *(header.strip() for header in headers), "", ""]
    return "\r\n".join(lines).encode() + body


async def eventually(holds: Callable[[], bool], within: float = 5.0) -> None:
    with trio.fail_after(within):
        while not holds():
            await trio.sleep(0.01)


@asynccontextmanager
async def a_world(path: Path) -> AsyncIterator[World]:
    async with trio.open_nursery() as nursery:
        world = World(nursery, path)
        await world.start()
        try:
            yield world
        finally:
            with trio.CancelScope(shield=True):
                await world.close()
            nursery.cancel_scope.cancel()


@pytest.fixture
async def idle_world(tmp_path: Path) -> AsyncIterator[World]:
    """Without a proxy yet."""
    async with a_world(tmp_path) as world:
        yield world


@pytest.fixture
async def world(idle_world: World) -> World:
    await idle_world.start_proxy()
    return idle_world


async def test_requests_find_their_servers(world: World) -> None:
    status, _, body = await world.ask("GET /user/alice/lab?a=b\nX-Forwarded-For: 192.0.2.1")
    assert status == 200
    assert body.startswith(b"GET /user/alice/lab?a=b HTTP/1.1\r\nHost: hub.example\r\n")
    assert b"X-Forwarded-For: 192.0.2.1,127.0.0.1\r\n" in body
    assert b"X-Forwarded-Proto: http\r\n" in body
    assert (await world.ask("GET /anything"))[2] == b"hub /anything"
    assert (await world.ask("GET /user/alicia/"))[2] == b"hub /user/alicia/"
    status, head, _ = await world.ask("GET /user/alice?a=b")
    assert status == 302
    assert b"Location: /user/alice/?a=b\r\n" in head
    assert (await world.ask("POST /user/alice"))[0] == 200
    assert (await world.ask("GET /_chp_healthz"))[2] == b'{"status": "OK"}'
    assert (await world.ask("GET /_callboard_ready"))[2] == b'{"status": "OK"}'


async def test_one_that_was_never_told_routes_serves_and_says_that_others_do_better(
    idle_world: World,
) -> None:
    world = idle_world
    world.hub.applied.append(world.hub.position)  # nobody waits for it to follow
    await world.start_proxy("--stream-url=http://127.0.0.1:1/nobody")
    assert (await world.ask("GET /_chp_healthz"))[0] == 200
    assert (await world.ask("GET /_callboard_ready"))[0] == 503
    assert (await world.ask("GET /anything"))[2] == b"hub /anything"


async def test_routes_change_and_are_reported_applied(world: World) -> None:
    target = f"http://127.0.0.1:{world.server.port}"
    asked = time.monotonic()
    position = await world.hub.change("/user/bob/", target)
    await eventually(lambda: position in world.hub.applied)
    assert time.monotonic() - asked < 1
    assert (await world.ask("GET /user/bob/x"))[2].startswith(b"GET /user/bob/x")
    position = await world.hub.change("/user/bob/", f"http://localhost:{world.server.port}/prefix")
    await eventually(lambda: position in world.hub.applied)
    assert (await world.ask("GET /user/bob/x"))[2].startswith(b"GET /prefix/user/bob/x")
    position = await world.hub.change("/user/bob/", None)
    await eventually(lambda: position in world.hub.applied)
    assert (await world.ask("GET /user/bob/x"))[2] == b"hub /user/bob/x"


@pytest.mark.parametrize("successor", [None, "bob", "alice"])
async def test_idle_connections_end_with_their_route(world: World, successor: str | None) -> None:
    """Else what accepted them, and has outlived its server, is given the requests of who has the port next."""
    await world.ask("GET /user/alice/x")
    assert (world.server.connections, world.server.open) == (1, 1)
    target = f"http://127.0.0.1:{world.server.port}"
    if successor != "alice":
        await world.hub.change("/user/alice/", None)
    if successor:
        await world.hub.change(f"/user/{successor}/", target)
    await eventually(
        lambda: world.server.open == 0, within=2
    )  # long before it would have been idle for too long
    if successor:
        await eventually(lambda: world.hub.position in world.hub.applied)
        await world.ask(f"GET /user/{successor}/x")
        assert world.server.connections == 2


@pytest.mark.parametrize("how", ["removed", "changed"])
async def test_a_connection_in_use_is_not_kept_beyond_its_route(world: World, how: str) -> None:
    asking = await world.wire()
    await asking.send(message("GET /user/alice/slow"))
    await eventually(lambda: len(world.server.heads) == 1)
    target = f"http://127.0.0.1:{world.server.port}"
    await world.hub.change("/user/alice/", None if how == "removed" else target)
    await world.hub.change("/user/bob/", target)
    await eventually(lambda: world.hub.position in world.hub.applied)
    assert (await asking.reply())[0] == 200  # the request itself is not cut
    await eventually(lambda: world.server.open == 0, within=2)
    await world.ask("GET /user/bob/x")
    assert world.server.connections == 2


async def test_connections_to_one_place_are_shared_by_no_two_routes(world: World) -> None:
    await world.hub.change("/user/bob/", f"http://127.0.0.1:{world.server.port}")
    await eventually(lambda: world.hub.position in world.hub.applied)
    for number, name in enumerate(["alice", "bob", "alice", "bob"]):
        await world.ask(f"GET /user/{name}/x")
        assert world.server.connections == min(number + 1, 2)


async def test_a_connection_that_comes_about_after_its_route_has_ended_carries_nothing(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, socket.socket() as filler:
        filler.connect(full.getsockname())  # whoever comes next has to wait
        await world.hub.change("/user/bob/", f"http://127.0.0.1:{full.getsockname()[1]}")
        await eventually(lambda: world.hub.position in world.hub.applied)
        asking = await world.wire()
        await asking.send(message("GET /user/bob/x"))
        await trio.sleep(0.2)
        await world.hub.change("/user/bob/", None)
        await eventually(lambda: world.hub.position in world.hub.applied)
        full.settimeout(5)
        full.accept()[0].close()
        later = (await trio.to_thread.run_sync(full.accept))[0]
        with later, trio.fail_after(5):
            assert (await asking.reply())[0] == 503
            assert later.recv(100) == b""


async def test_connections_are_kept_on_both_sides(world: World) -> None:
    wire = await world.wire()
    for number in range(20):
        await wire.send(message(f"GET /user/alice/{number}"))
        assert (await wire.reply())[0] == 200
    await wire.send(b"".join(message(f"GET /user/alice/p{number}") for number in range(5)))
    for number in range(5):  # pipelined: answered in order
        assert (await wire.reply())[2].startswith(b"GET /user/alice/p%d " % number)
    assert world.server.connections == 1


async def test_a_kept_connection_that_the_server_closed_is_not_used(world: World) -> None:
    wire = await world.wire()
    for _ in range(5):
        await wire.send(message("GET /user/alice/last"))
        assert (await wire.reply())[0] == 200
    assert world.server.connections == 5


async def test_all_framings_pass(world: World) -> None:
    wire = await world.wire()
    for path, expected in (
        ("chunked", (200, b"abcde")),
        ("to-end", (200, b"all of it")),
        ("empty", (204, b"")),
    ):
        for _ in range(2):
            await wire.send(message(f"GET /user/alice/{path}"))
            status, _, body = await wire.reply()
            assert (status, body) == expected


async def test_bodies_pass_up(world: World) -> None:
    assert (await world.ask("POST /user/alice/x", b"small"))[2].endswith(b"\r\n\r\nsmall")
    large = os.urandom(3 * MIB)
    assert (await world.ask("PUT /user/alice/x", large))[2].endswith(large)
    chunks = b"5\r\nhello\r\n6;a=b\r\n world\r\n0\r\nTrailer: x\r\n\r\n"
    status, _, body = await world.ask("POST /user/alice/x\nTransfer-Encoding: chunked", chunks)
    assert status == 200
    assert body.endswith(b"hello world")
    wire = await world.wire()
    await wire.send(message("POST /user/alice/x\nTransfer-Encoding: chunked"))
    for piece in (b"3\r\n", b"abc", b"\r", b"\n0\r\n", b"\r\n"):
        await trio.sleep(0.02)
        await wire.send(piece)
    assert (await wire.reply())[2].endswith(b"abc")
    await wire.send(message("GET /user/alice/y"))
    assert (await wire.reply())[0] == 200


async def test_head_and_interim_replies(world: World) -> None:
    wire = await world.wire()
    await wire.send(message("HEAD /user/alice/x") + message("GET /user/alice/hints"))
    assert (await wire.until(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK\r\n")
    assert (await wire.until(b"\r\n\r\n")) == b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    assert (await wire.reply())[0] == 200
    await wire.send(message("POST /user/alice/continue\nExpect: 100-continue\nContent-Length: 4"))
    assert await wire.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    await wire.send(b"body")
    assert (await wire.reply())[2].endswith(b"\r\n\r\nbody")


async def test_interim_replies_without_end_are_no_reply(world: World) -> None:
    """The proxy would do nothing else for those who come to other servers."""
    wire = await world.wire()
    await wire.send(message("GET /user/alice/endless-hints"))
    for _ in range(MOST_INTERIM):
        assert await wire.until(b"\r\n\r\n") == b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    assert (await wire.reply())[0] == 502


async def test_a_server_may_answer_before_it_has_read_all(world: World) -> None:
    wire = await world.wire()
    await wire.send(message(f"POST /user/alice/too-much\nContent-Length: {100 * MIB}") + bytes(1000))
    status, _, body = await wire.reply()
    assert (status, body) == (413, b"no")
    assert await wire.rest() == b""


async def test_old_clients_are_served(world: World) -> None:
    wire = await world.wire()
    await wire.send(b"GET /user/alice/chunked HTTP/1.0\r\n\r\n")
    head = await wire.until(b"\r\n\r\n")
    assert b"Connection: close" in head
    assert b"chunked" not in head
    assert await wire.rest() == b"abcde"
    wire = await world.wire()
    for _ in range(2):
        await wire.send(b"GET /user/alice/x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        assert (await wire.reply())[0] == 200


async def test_events_arrive_one_by_one_and_the_server_hears_of_the_end(world: World) -> None:
    wire = await world.wire()
    await wire.send(message("GET /user/alice/events"))
    await wire.until(b"data: 0\n\n")
    begun = time.monotonic()
    await wire.until(b"data: 2\n\n")
    assert time.monotonic() - begun < 0.5
    await wire.stream.aclose()
    await eventually(lambda: world.server.open == 0, 2)


async def test_a_client_that_leaves_a_silent_server_is_noticed(world: World) -> None:
    wires = [await world.wire() for _ in range(3)]
    for wire in wires:
        await wire.send(message("GET /user/alice/silent"))
    await eventually(lambda: world.server.open == 3)
    await wires[0].stream.aclose()
    await eventually(lambda: world.server.open == 2, 2)
    assert isinstance(wires[1].stream, trio.SocketStream)
    wires[1].stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    await wires[1].stream.aclose()  # a reset
    await eventually(lambda: world.server.open == 1, 2)


async def test_a_client_that_only_stopped_sending_still_gets_its_reply(world: World) -> None:
    wire = await world.wire()
    await wire.send(message("GET /user/alice/slow"))
    await wire.stream.send_eof()  # type: ignore[attr-defined]
    assert (await wire.reply())[0] == 200


async def test_servers_that_fail(world: World) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        position = await world.hub.change("/user/gone/", f"http://127.0.0.1:{nobody.getsockname()[1]}")
        await eventually(lambda: position in world.hub.applied)
        for request, status, content in (
            ("GET /user/gone/lab", 503, b"<h1>503"),
            ("GET /user/gone/api/contents", 503, b'{"status": 503, "message":'),
            ("GET /user/gone/lab\nAccept: application/json", 503, b'{"status": 503, "message":'),
            ("GET /user/gone/lab\nAccept: text/html,application/json", 503, b"<h1>503"),
            ("GET /user/alice/leaves", 503, b"<h1>503"),
            ("GET /user/alice/ambiguous", 502, b"<h1>502"),
        ):
            got, _, body = await world.ask(request)
            assert (got, content in body) == (status, True), request


async def test_a_reply_that_breaks_off_breaks_the_connection(world: World) -> None:
    wire = await world.wire()
    await wire.send(message("GET /user/alice/breaks-off"))
    assert (await wire.rest()).endswith(b"\r\n\r\nhalf")


async def test_nothing_outside_the_base_url(idle_world: World) -> None:
    world = idle_world
    del world.hub.table["/"]
    await world.start_proxy()
    status, head, body = await world.ask("GET /nowhere")
    assert status == 404
    assert b"text/html" in head
    assert b"<h1>404" in body


SMUGGLED = message("GET /user/alice/smuggled")
SMUGGLERS = {
    "CL.TE": message(
        "POST /user/alice/x\nContent-Length: 6\nTransfer-Encoding: chunked", b"0\r\n\r\n" + SMUGGLED
    ),
    "TE.TE": message(
        "POST /user/alice/x\nTransfer-Encoding: chunked\nTransfer-Encoding: x", b"0\r\n\r\n" + SMUGGLED
    ),
    "space before colon": message("POST /user/alice/x\nContent-Length : 0", SMUGGLED),
    "folded": message("POST /user/alice/x").replace(b"\r\n\r\n", b"\r\nA:\r\n b\r\n\r\n") + SMUGGLED,
    "bare line feeds": message("POST /user/alice/x").replace(b"\r\n", b"\n") + SMUGGLED,
    "two lengths": message("POST /user/alice/x\nContent-Length: 0\nContent-Length: 5", SMUGGLED),
    "chunk size": message("POST /user/alice/x\nTransfer-Encoding: chunked", b"-1\r\n\r\n" + SMUGGLED),
    "chunk line feeds": message("POST /user/alice/x\nTransfer-Encoding: chunked", b"0\n\n" + SMUGGLED),
    "NUL": message("GET /user/alice/x\nA: \0") + SMUGGLED,
    "no host": b"GET /user/alice/x HTTP/1.1\r\n\r\n" + SMUGGLED,
    "HTTP/0.9": b"GET /user/alice/x\r\n\r\n" + SMUGGLED,
}


async def test_smugglers_are_refused(world: World) -> None:
    for name, smuggler in SMUGGLERS.items():
        wire = await world.wire()
        await wire.send(smuggler)
        status, _, _ = await wire.reply()
        assert status in (400, 501), name
        assert await wire.rest() == b"", name
    assert not any(b"smuggled" in head for head in world.server.heads)


async def test_what_follows_a_chunked_body_is_not_answered_but_never_forwarded_as_body(world: World) -> None:
    wire = await world.wire()
    await wire.send(
        message("POST /user/alice/x\nTransfer-Encoding: chunked", b"1\r\na\r\n0\r\n\r\n" + SMUGGLED)
    )
    status, _, body = await wire.reply()
    assert status == 200
    assert body.endswith(b"\r\n\r\na")
    assert await wire.rest() == b""
    assert not any(b"smuggled" in head for head in world.server.heads)


async def test_too_much_is_refused(world: World) -> None:
    wire = await world.wire()
    await wire.send(b"GET /" + b"a" * 40_000)
    assert (await wire.reply())[0] == 414
    wire = await world.wire()
    await wire.send(b"GET / HTTP/1.1\r\nHost: h\r\nA: " + b"a" * 70_000)
    assert (await wire.reply())[0] == 431
    assert (await world.ask("GET /user/alice/x\nA: " + "a" * 60_000))[0] == 200


@pytest.mark.slow
async def test_those_who_dawdle_are_shown_out(idle_world: World) -> None:
    world = idle_world
    await world.start_proxy(limits={"head_timeout": 0.2, "idle_timeout": 0.3})
    slow, idle, waiting = await world.wire(), await world.wire(), await world.wire()
    await slow.send(b"GET / HT")
    await idle.send(message("GET /user/alice/x"))
    await idle.reply()
    await waiting.send(message("GET /user/alice/silent"))
    with trio.fail_after(4):
        assert (await slow.reply())[0] == 408
        assert await idle.rest() == b""
    with trio.move_on_after(0.3):
        await waiting.rest()
        raise AssertionError("a request that waits for its server has all the time it wants")


async def test_more_connections_than_allowed_are_turned_away(idle_world: World) -> None:
    world = idle_world
    await world.start_proxy("--max-connections", "3")
    wires = [await world.wire() for _ in range(3)]
    assert (await (await world.wire()).reply())[0] == 503
    await wires[0].stream.aclose()
    await trio.sleep(0.1)
    assert (await world.ask("GET /user/alice/x"))[0] == 200


async def upgraded(world: World, early: bytes = b"") -> Wire:
    wire = await world.wire()
    await wire.send(message("GET /user/alice/ws\nConnection: Upgrade\nUpgrade: websocket") + early)
    head = await wire.until(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 ")
    assert b"Sec-A: b\r\n" in head
    return wire


async def test_websockets_pass_both_ways(world: World) -> None:
    wire = await upgraded(world, b"early")
    assert await wire.exactly(5) == b"early"
    await wire.send(b"hello")
    assert await wire.exactly(5) == b"hello"
    large = os.urandom(4 * MIB)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(wire.send, large)
        assert await wire.exactly(len(large)) == large
    await wire.stream.send_eof()  # type: ignore[attr-defined]
    assert await wire.rest() == b"bye"
    await eventually(lambda: world.server.open == 0, 2)


async def test_an_upgrade_that_is_refused_is_a_reply_like_others(world: World) -> None:
    wire = await world.wire()
    await wire.send(message("GET /user/alice/x\nConnection: Upgrade\nUpgrade: websocket"))
    assert (await wire.reply())[0] == 200
    await wire.send(
        message("GET /user/alice/x\nConnection: Upgrade, HTTP2-Settings\nUpgrade: h2c\nHTTP2-Settings: x")
    )
    _, _, body = await wire.reply()
    assert b"h2c" not in body


@pytest.mark.slow
async def test_a_thousand_abandoned_websockets_leave_nothing(idle_world: World) -> None:
    world = idle_world
    process = await world.start_proxy(limits={"tunnel_grace": 0.5})
    proxy = psutil.Process(process.pid)
    await world.ask("GET /user/alice/x")
    before = proxy.num_fds()
    for _ in range(10):
        wires = [await upgraded(world) for _ in range(100)]
        for number, wire in enumerate(wires):
            assert isinstance(wire.stream, trio.SocketStream)
            if number % 3 == 0:
                wire.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            if number % 3 == 1:
                await wire.send(b"nobody reads the echo" * 100)
            await wire.stream.aclose()
    await eventually(lambda: world.server.open <= 1, 10)
    await eventually(lambda: proxy.num_fds() <= before, 10)


@pytest.mark.slow
async def test_the_hub_may_be_away(world: World) -> None:
    world.hub.stop()
    await eventually(lambda: not world.hub._streams)
    assert (await world.ask("GET /user/alice/x"))[0] == 200
    status, head, _ = await world.ask("GET /hub/home")
    assert status == 503
    assert b"Retry-After: " in head
    assert (await world.ask("GET /user/alice/x"))[0] == 200
    world.hub.applied.clear()
    world.hub.joins.clear()
    await world.nursery.start(world.hub.run)
    back = time.monotonic()
    await eventually(lambda: bool(world.hub.applied))  # the position it had, without a new event
    assert time.monotonic() - back < 1
    assert world.hub.applied == [5]
    assert b"Last-Event-ID: 5\r\n" in world.hub.joins[0]
    assert (await world.ask("GET /hub/home"))[2] == b"hub /hub/home"


async def test_a_lost_table_heals_in_under_a_second(world: World) -> None:
    world.hub.stop()
    await trio.sleep(0.3)
    world.hub.position = 9
    world.hub.table["/user/bob/"] = world.hub.table.pop("/user/alice/")
    await world.nursery.start(world.hub.run)
    back = time.monotonic()
    await eventually(lambda: 9 in world.hub.applied)
    assert time.monotonic() - back < 1
    assert (await world.ask("GET /user/bob/x"))[2].startswith(b"GET /user/bob/x")
    assert (await world.ask("GET /user/alice/x"))[2] == b"hub /user/alice/x"


@pytest.mark.slow
async def test_activity_is_told(idle_world: World) -> None:
    world = idle_world
    await world.start_proxy("--activity-interval", "0.2")
    await world.ask("GET /user/alice/x")
    await eventually(lambda: bool(world.hub.activity))
    told = world.hub.activity[0]
    assert list(told) == ["/user/alice/"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", told["/user/alice/"])
    await trio.sleep(0.5)
    assert len(world.hub.activity) == 1  # nothing new, nothing told
    wire = await upgraded(world)
    await eventually(lambda: len(world.hub.activity) == 2)
    await wire.send(b"x")
    await eventually(lambda: len(world.hub.activity) == 3)


@pytest.mark.slow
async def test_a_stalled_reader_costs_little_memory(idle_world: World) -> None:
    world = idle_world
    process = await world.start_proxy()
    proxy = psutil.Process(process.pid)
    await world.ask(f"GET /user/alice/large?{MIB}")
    before = proxy.memory_info().rss
    wires = [await world.wire() for _ in range(10)]
    for wire in wires:
        await wire.send(message(f"GET /user/alice/large?{64 * MIB}"))
    await trio.sleep(0.5)
    assert proxy.memory_info().rss - before < 8 * MIB
    head = await wires[0].until(b"\r\n\r\n")
    left = 64 * MIB
    assert b"Content-Length: %d\r\n" % left in head
    while left:
        left -= len(wires[0].buffer or await wires[0].exactly(0))
        wires[0].buffer = b""
        assert not left or await wires[0].more()


@pytest.mark.slow
async def test_ending_in_good_order(world: World) -> None:
    process = psutil.Process(json.loads(world.pid_file.read_bytes())["pid"])
    idle, busy, tunnel = await world.wire(), await world.wire(), await upgraded(world)
    await busy.send(message("GET /user/alice/slow"))
    await eventually(lambda: any(b"/slow" in head for head in world.server.heads))
    process.send_signal(signal.SIGTERM)
    assert await idle.rest() == b""
    assert await tunnel.rest() == b""
    status, head, _ = await busy.reply()
    assert status == 200
    assert b"Connection: close\r\n" in head
    with pytest.raises(OSError):
        await world.wire()
    await eventually(lambda: world._processes[0].poll() is not None)
    assert world._processes[0].returncode == 0
    assert not world.pid_file.exists()


@pytest.mark.slow
async def test_a_next_proxy_takes_over_without_a_gap(world: World) -> None:
    first = world._processes[0]
    port = world.port
    pid_file = json.loads(world.pid_file.read_bytes())
    assert pid_file["protocol"] == 1
    assert pid_file["boot_id"] == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert pid_file["start_time"] == int(
        Path(f"/proc/{first.pid}/stat").read_text().rpartition(")")[2].split()[19]
    )
    await world.start_proxy(bind=f"http://127.0.0.1:{port}")
    first.terminate()
    while first.poll() is None:
        assert (await world.ask("GET /user/alice/x"))[0] == 200
    assert json.loads(world.pid_file.read_bytes())["pid"] == world._processes[1].pid
    assert (await world.ask("GET /user/alice/x"))[0] == 200


async def test_a_taken_port_is_one_line(idle_world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        command = [
            sys.executable,
            "-m",
            "web.proxy",
            "--bind-url",
            f"http://127.0.0.1:{taken.getsockname()[1]}",
        ]
        environment = os.environ | {"CALLBOARD_PROXY_TOKEN": TOKEN}
        ended = await trio.run_process(
            command, cwd=REPOSITORY, env=environment, check=False, capture_stderr=True
        )
    assert ended.returncode == 1
    assert ended.stderr.count(b"\n") == 1
    assert b"cannot listen" in ended.stderr


async def test_unix_sockets(idle_world: World) -> None:
    world = idle_world
    path = world.path / "public.sock"
    process = await world.start_proxy(bind=f"http+unix://{str(path).replace('/', '%2F')}")
    wire = world.opened(await trio.open_unix_socket(path))
    await wire.send(message("GET /user/alice/x"))
    assert (await wire.reply())[0] == 200
    process.terminate()
    await eventually(lambda: process.poll() is not None)
    assert not path.exists()


def certificate(path: Path, name: str) -> None:
    """Into path/cert.pem and path/key.pem, as a renewal would put them there."""
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
    ]
    command += ["-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
    command += ["-keyout", str(path / "new-key.pem"), "-out", str(path / "new-cert.pem")]
    subprocess.run(command, check=True, capture_output=True)
    (path / "new-key.pem").rename(path / "key.pem")
    (path / "new-cert.pem").rename(path / "cert.pem")


async def test_plain_http_is_sent_on_to_https(idle_world: World) -> None:
    world = idle_world
    certificate(world.path, "hub.example")
    cert, key = str(world.path / "cert.pem"), str(world.path / "key.pem")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        plain = probe.getsockname()[1]
    process = await world.start_proxy(
        "--ssl-cert", cert, "--ssl-key", key, f"--redirect-port={plain}", "--redirect-to=443"
    )
    wire = world.opened(await trio.open_tcp_stream("127.0.0.1", plain))
    for path in ("/user/alice/lab?a=b", "/_chp_healthz", "/hub/login"):
        await wire.send(message(f"GET {path}\nCookie: secret=1"))
        status, head, _ = await wire.reply()
        assert status == 301
        assert f"\r\nLocation: https://hub.example{path}\r\n".encode() in head
    await wire.send(message("POST /hub/login", b"password=x"))
    status, head, _ = await wire.reply()
    assert status == 308
    assert b"Connection: close\r\n" in head
    assert world.server.heads == []
    smuggler = world.opened(await trio.open_tcp_stream("127.0.0.1", plain))
    await smuggler.send(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
    assert (await smuggler.reply())[0] == 400
    waiting = world.opened(await trio.open_tcp_stream("127.0.0.1", plain))
    process.terminate()
    assert await waiting.rest() == b""
    await eventually(lambda: process.poll() is not None)
    with pytest.raises(OSError):
        await trio.open_tcp_stream("127.0.0.1", plain)


async def test_tls_and_a_new_certificate(idle_world: World) -> None:
    world = idle_world
    certificate(world.path, "first.example")
    cert, key = str(world.path / "cert.pem"), str(world.path / "key.pem")
    process = await world.start_proxy("--ssl-cert", cert, "--ssl-key", key)

    async def connect(name: str) -> Wire:
        context = ssl.create_default_context(cafile=cert)
        plain = await trio.open_tcp_stream("127.0.0.1", world.port)
        return world.opened(trio.SSLStream(plain, context, server_hostname=name, https_compatible=True))

    first = await connect("first.example")
    large = os.urandom(MIB)
    await first.send(message("POST /user/alice/x", large))
    status, _, body = await first.reply()
    assert status == 200
    assert b"X-Forwarded-Proto: https\r\n" in body
    assert b"X-Forwarded-Port: 443\r\n" in body
    assert body.endswith(large)
    certificate(world.path, "second.example")
    process.send_signal(signal.SIGHUP)
    await trio.sleep(0.2)
    second = await connect("second.example")
    for wire in (first, second):
        await wire.send(message("GET /user/alice/x"))
        assert (await wire.reply())[0] == 200
    await second.send(message("GET /user/alice/ws\nConnection: Upgrade\nUpgrade: websocket"))
    assert (await second.until(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(second.send, large)
        assert await second.exactly(len(large)) == large
    wire = await world.wire()
    await wire.send(message("GET /user/alice/x"))  # plain, where TLS is spoken
    assert b"HTTP/1.1" not in await wire.rest()
    assert process.poll() is None
