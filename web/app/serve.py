"""Serving the application with hypercorn under trio, on sockets of our own making."""

from __future__ import annotations

import logging
import socket
from collections.abc import Awaitable, Callable
from urllib.parse import unquote, urlsplit

import trio
from hypercorn.config import Config, Sockets
from hypercorn.trio import run as hypercorn_run
from hypercorn.trio.run import worker_serve
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.utils import wrap_app
from quart_trio import QuartTrio

BACKLOG = 2048
KEEP_ALIVE = 75.0  # seconds an idle connection is kept
GRACE = 5.0  # seconds that requests have to finish when the hub stops
STALLED = 30_000  # milliseconds a client may leave what it was sent unacknowledged


logger = logging.getLogger("callboard.http")


class Connection(TCPServer):
    """One connection, of which what goes wrong is its own affair.

    From hypercorn's own it ends the whole server, before anybody is known: bytes behind the handshake of a WebSocket
    suffice. There is no other way to tell hypercorn which class to take than by its name.
    """

    async def run(self) -> None:
        try:
            await super().run()
        except* Exception as broken:
            logger.warning("a connection broke: %s", type(_innermost(broken)).__name__)


def _innermost(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


hypercorn_run.TCPServer = Connection  # type: ignore[attr-defined]


class BindError(Exception):
    """The address cannot be listened on; one line that says which."""


def listen(url: str) -> socket.socket:
    """A listening socket for `http://host:port` or `http+unix://%2Fpath`, the hub's own. Raises BindError."""
    parts = urlsplit(url)
    try:
        if parts.scheme == "http+unix":
            return _listen_unix(unquote(parts.netloc or parts.path))
        return _listen_tcp(parts.hostname or "", parts.port or 80)
    except (OSError, ValueError) as error:
        why = (isinstance(error, OSError) and error.strerror) or error
        raise BindError(f"Cannot listen on {url} (c.JupyterHub.hub_bind_url): {why}.") from None


def _listen_tcp(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # a reader that has stalled would else keep a response, and so a shutdown, waiting for ever
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALLED)
        listener.bind((host, port))
        listener.setblocking(False)
        listener.listen(BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener


def _listen_unix(path: str) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(path)
        listener.setblocking(False)
        listener.listen(BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener


async def serve(
    app: QuartTrio,
    listener: socket.socket,
    until: Callable[[], Awaitable[None]],
    task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until `until` returns; then let requests finish for a while."""
    config = Config()
    config.errorlog = logging.getLogger("callboard.http.server")
    config.errorlog.setLevel(logging.WARNING)  # what else it says is how to end it, and that is not true
    config.accesslog = None
    config.include_server_header = False
    config.keep_alive_timeout = KEEP_ALIVE
    config.keep_alive_max_requests = 1_000_000
    config.graceful_timeout = GRACE
    config.h11_max_incomplete_size = 64 * 1024
    await worker_serve(
        wrap_app(app, 2**20, "asgi"),
        config,
        sockets=Sockets([], [listener], []),
        shutdown_trigger=until,
        task_status=task_status,
    )
