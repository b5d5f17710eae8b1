"""Whether a server answers: a small HTTP client that asks one question and hangs up."""

from __future__ import annotations

import socket
import ssl
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

import h11
import trio
from msgspec import Struct

from core.backoff import Backoff
from core.errors import SpawnError

_RETRY = Backoff(0.002, 0.5, growth=1.5)
_FIRST_TIMEOUT = 1.0  # a connection may be lost in a backlog, and a server may be slow at first
_LAST_TIMEOUT = 10.0
_MOST_INTERIM = 100  # answers of 1xx before the one that counts


class Answer(Struct, frozen=True):
    """The head of an answer; header names are in lower case."""

    status: int
    headers: dict[str, str]


class Target(Struct, frozen=True):
    """Where a URL leads. `socket_path`: of a unix socket; else empty."""

    host: str
    port: int
    path: str
    tls: bool = False
    socket_path: str = ""

    @property
    def host_header(self) -> str:
        if self.socket_path:
            return "localhost"
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == (443 if self.tls else 80) else f"{name}:{self.port}"


async def wait_server_up(url: str, *, ssl_context: ssl.SSLContext | None = None) -> str | None:
    """Return once the server at `url` has answered with a status below 500 (404 is up).

    Redirects are answers like others. The value is the answer's `X-JupyterHub-Version`, if any. Whatever
    else happens is tried again, after 2 ms at most at first and 0.5 s at last; a try without an answer is given up
    after 1 s at first and 10 s at last. It waits for ever: the caller sets the deadline.
    Raises SpawnError if `url` is not http(s) or http+unix.
    Source of "below 500": JupyterHub, utils.wait_for_http_server.
    """
    target = parse_url(url)
    timeout = _FIRST_TIMEOUT
    for delay in _RETRY.delays():
        try:
            with trio.move_on_after(timeout) as this_try:
                answer = await get(target, ssl_context=ssl_context)
                if answer.status < 500:
                    return answer.headers.get("x-jupyterhub-version")
        except ConnectionError:
            pass
        if this_try.cancelled_caught:
            timeout = min(2 * timeout, _LAST_TIMEOUT)
        await trio.sleep(delay)
    raise AssertionError("delays never end")


def parse_url(url: str) -> Target:
    """Raises SpawnError if `url` is not http, https or http+unix."""
    try:
        parts = urlsplit(url)
        path = parts.path or "/"
        if parts.query:
            path = f"{path}?{parts.query}"
        if not path.isascii() or any(char <= " " or char == "\x7f" for char in path):
            raise SpawnError(f"The URL of the server is not usable: {url!r}.")
        if parts.scheme == "http+unix" and parts.netloc:
            return Target("", 0, path, socket_path=unquote(parts.netloc))
        if parts.scheme in ("http", "https") and parts.hostname:
            tls = parts.scheme == "https"
            return Target(parts.hostname, parts.port or (443 if tls else 80), path, tls)
    except ValueError as error:
        raise SpawnError(f"The URL of the server is not usable: {url!r} ({error}).") from error
    raise SpawnError(f"The URL of the server is neither http nor https: {url!r}.")


async def get(target: Target, *, ssl_context: ssl.SSLContext | None = None) -> Answer:
    """The head of the answer to one GET without credentials. Raises ConnectionError if there is none."""
    try:
        stream = await _connect(target)
        try:
            if target.tls:
                context = ssl_context or ssl.create_default_context()
                tls = trio.SSLStream(stream, context, server_hostname=target.host, https_compatible=True)
                return await _ask(tls, target)
            return await _ask(stream, target)
        finally:
            stream.socket.close()  # at once: a probe owes its server no orderly close
    except (OSError, trio.BrokenResourceError, trio.ClosedResourceError, h11.ProtocolError) as error:
        raise ConnectionError(f"no answer from {target.host_header}: {error}") from error


async def _connect(target: Target) -> trio.SocketStream:
    if target.socket_path:
        return await _connect_socket(socket.AF_UNIX, target.socket_path)
    try:
        version = ip_address(target.host).version
    except ValueError:
        return await trio.open_tcp_stream(target.host, target.port)
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    return await _connect_socket(family, (target.host, target.port))


async def _connect_socket(family: int, address: str | tuple[str, int]) -> trio.SocketStream:
    sock = trio.socket.socket(family, socket.SOCK_STREAM)
    try:
        await sock.connect(address)
    except BaseException:
        sock.close()
        raise
    return trio.SocketStream(sock)


async def _ask(stream: trio.abc.Stream, target: Target) -> Answer:
    connection = h11.Connection(h11.CLIENT)
    request = h11.Request(
        method="GET", target=target.path, headers=[("Host", target.host_header), ("Connection", "close")]
    )
    head = connection.send(request)
    assert head is not None
    await stream.send_all(head)
    interim = 0
    while interim < _MOST_INTERIM:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(bytes(await stream.receive_some(16384)))
        elif isinstance(event, h11.Response):
            return Answer(
                event.status_code,
                {name.decode("ascii"): value.decode("latin-1") for name, value in event.headers},
            )
        elif isinstance(event, h11.InformationalResponse):
            interim += 1
        else:
            raise ConnectionError("the connection was closed before an answer came")
    raise ConnectionError("no answer is at the end of its interim ones")
