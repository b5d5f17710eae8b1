"""Serving the application on sockets of our own making: by the hub's own HTTP/1.1, or by hypercorn, for comparison."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Awaitable, Callable
from functools import partial

import trio
from hypercorn.config import Config
from hypercorn.trio.lifespan import Lifespan
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState
from hypercorn.utils import wrap_app
from msgspec import Struct
from quart import Quart
from quart_trio import QuartTrio

from core.settings import Engine
from web.app.connection import HubConnection
from web.http1.connection import Connection
from web.http1.listen import accept, accept_waiting
from web.http1.stream import Stream
from web.http1.watch import Watch

KEEP_ALIVE = 75.0  # seconds an idle connection is kept
GRACE = 5.0  # seconds that requests have to finish when the hub stops
PATIENCE = 1.0  # seconds of that in which the rest of a request may still come
LOOK_EVERY = 1.0  # seconds between looks at who has waited too long
TICK = 0.02

logger = logging.getLogger("callboard.http")


class Limits(Struct, frozen=True):
    """As `web.http1.connection.HeadLimits`."""

    head_size: int = 64 * 1024
    request_line: int = 64 * 1024
    head_timeout: float = 75.0
    idle_timeout: float = KEEP_ALIVE


LIMITS = Limits()


class OwnServer:
    """The hub's own HTTP/1.1: a task for each connection, and two for all of them."""

    def __init__(self, app: Quart) -> None:
        self.app = app
        self.limits = LIMITS
        self.watch = Watch()
        self.connections: set[Connection] = set()
        self.streams: set[HubConnection] = set()
        self.is_draining = False

    async def serve(
        self,
        listener: socket.socket,
        until: Callable[[], Awaitable[None]],
        task_status: trio.TaskStatus[None],
    ) -> None:
        async with trio.open_nursery() as serving:
            serving.start_soon(self.watch.run)
            serving.start_soon(self._look_at_the_clock)
            take = partial(self._take, serving)
            async with trio.open_nursery() as doors:
                doors.start_soon(accept, listener, take)
                task_status.started()
                await until()
                doors.cancel_scope.cancel()
            accept_waiting(listener, take)
            listener.close()
            await self._drain()
            serving.cancel_scope.cancel()

    def _take(self, serving: trio.Nursery, sock: socket.socket, address: str) -> None:
        serving.start_soon(HubConnection(self, Stream(sock, KEEP_ALIVE), address).run)

    async def _look_at_the_clock(self) -> None:
        while True:
            await trio.sleep(LOOK_EVERY)
            now = time.monotonic()
            for connection in list(self.connections):
                connection.close_expired(now)

    async def _drain(self) -> None:
        """Streams end, and requests have a moment to finish."""
        self.is_draining = True
        with trio.move_on_after(GRACE):
            await trio.sleep(TICK)  # so that what has been let in is no longer idle
            patience_ends = trio.current_time() + PATIENCE
            while self.connections:
                for stream in list(self.streams):
                    stream.end_stream()
                for connection in list(self.connections):
                    connection.close_idle()
                    if trio.current_time() >= patience_ends:
                        connection.close_waiting()
                await trio.sleep(TICK)


class _GuardedServer(TCPServer):
    """One connection of hypercorn's, of which what goes wrong is its own affair."""

    async def run(self) -> None:
        try:
            await super().run()
        except* Exception as broken:
            logger.warning("a connection broke: %s", type(_root_cause(broken)).__name__)


def _root_cause(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


class HypercornServer:
    def __init__(self, app: QuartTrio, config: Config) -> None:
        self._app = wrap_app(app, 2**20, "asgi")
        self._config = config
        self._context = WorkerContext(None)

    async def serve(
        self,
        listener: socket.socket,
        until: Callable[[], Awaitable[None]],
        task_status: trio.TaskStatus[None],
    ) -> None:
        doors = [trio.SocketListener(trio.socket.from_stdlib_socket(listener))]
        handler = partial(_GuardedServer, self._app, self._config, self._context, ConnectionState({}))
        async with trio.open_nursery() as serving:
            async with trio.open_nursery() as taking:
                taking.start_soon(partial(trio.serve_listeners, handler, doors, handler_nursery=serving))
                task_status.started()
                await until()
                taking.cancel_scope.cancel()
            await self._context.terminated.set()
            serving.cancel_scope.deadline = trio.current_time() + GRACE


def _config() -> Config:
    config = Config()
    config.errorlog = logging.getLogger("callboard.http.server")
    config.errorlog.setLevel(logging.WARNING)  # what else it says is how to end it, and that is not true
    config.accesslog = None
    config.include_server_header = False
    config.keep_alive_timeout = KEEP_ALIVE
    config.keep_alive_max_requests = 1_000_000
    config.graceful_timeout = GRACE
    config.h11_max_incomplete_size = 64 * 1024
    return config


async def serve(
    app: QuartTrio,
    listener: socket.socket,
    until: Callable[[], Awaitable[None]],
    *,
    engine: Engine = "own",
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until `until` returns; then let requests finish for a while."""
    config = _config()
    lifespan = Lifespan(wrap_app(app, 2**20, "asgi"), config, {})
    server = HypercornServer(app, config) if engine == "hypercorn" else OwnServer(app)
    async with trio.open_nursery() as nursery:
        await nursery.start(lifespan.handle_lifespan)
        await lifespan.wait_for_startup()
        await server.serve(listener, until, task_status)
        await lifespan.wait_for_shutdown()
        nursery.cancel_scope.cancel()
