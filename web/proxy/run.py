"""The proxy's process: builds everything, serves, and ends in good order."""

import contextlib
import gc
import logging
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Protocol

import trio

from web.http1.listen import Listeners, accept, accept_waiting, raise_file_limit
from web.http1.stream import Stream, TlsStream
from web.http1.watch import Watch
from web.proxy import answers, pid_file
from web.proxy.activity import Activity
from web.proxy.away import AwayPage
from web.proxy.doors import Door, open_doors
from web.proxy.driven.error_pages import ErrorPages
from web.proxy.driven.source import DrivingHub
from web.proxy.following.source import FollowedHub
from web.proxy.log_lines import JSONLine, TerminalLine
from web.proxy.parts import Parts
from web.proxy.relay.rewrite import Visitor
from web.proxy.relay.upgrade import Tunnels
from web.proxy.relay.upstreams import Upstreams
from web.proxy.routes import Route, Routes
from web.proxy.settings import ProxySettings
from web.proxy.target import parse_target
from web.proxy.tls import Certificate

log = logging.getLogger("callboard.proxy")

Take = Callable[[socket.socket, str], None]

_SPARE_FILES = 100
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}
_LOOK_EVERY = 1.0
_TICK = 0.05
_GC_THRESHOLDS = (50_000, 50, 100)


def run(settings: ProxySettings) -> None:
    """Serves until SIGTERM. Exits 1 with one line if it cannot begin."""
    _log_to_stderr(settings.log_level)
    signal.signal(signal.SIGTERM, _end_early)
    files = raise_file_limit()
    try:
        certificate = Certificate(settings.ssl_key, settings.ssl_cert) if settings.ssl_cert else None
        doors = open_doors(settings, certificate)
        proxy = Proxy(settings, doors, (files - _SPARE_FILES) // 2)
        ourselves = pid_file.write(settings.pid_file, proxy.address)
    except (OSError, ValueError) as error:
        sys.exit(f"callboard proxy: {error}")
    # What is there now stays for ever, and little of what comes makes circles: collecting seldom halves the
    # slowest hundredth of replies.
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)
    try:
        trio.run(proxy.serve)
    finally:
        pid_file.remove(settings.pid_file, ourselves)


def _end_early(number: int, frame: object) -> None:
    """Until trio takes over the signals."""
    sys.exit(0)


def _log_to_stderr(level: str) -> None:
    logging.raiseExceptions = False  # the hub that held the other end of stderr may be gone
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(TerminalLine() if sys.stderr.isatty() else JSONLine())
    logging.basicConfig(level=_LEVELS[level], handlers=[handler])


class Source(Protocol):
    """Where the routes come from: a hub that is followed, or one that sends them."""

    async def run(self) -> None:
        """As long as the proxy serves."""

    async def end(self) -> None:
        """The last words, once nothing is served."""


class Proxy:
    """`room`: how many connections there are files for."""

    def __init__(self, settings: ProxySettings, doors: list[Door], room: int) -> None:
        self._settings = settings
        self._doors = doors
        self._certificate = doors[0].certificate
        self._most = settings.limits.connections or room
        self._parts = _parts(settings)
        self._source = self._open_source()

    def _open_source(self) -> Source:
        settings = self._settings
        if settings.api is None:
            return FollowedHub(settings, self._parts, self.address)
        driving = DrivingHub(settings.api, settings.token, self._parts)
        self._doors.append(Door(Listeners(settings.api.bind_url), None, driving.connect, is_public=False))
        return driving

    @property
    def address(self) -> str:
        return self._doors[0].listeners.address

    async def serve(self) -> None:
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
            async with trio.open_nursery() as serving:
                serving.start_soon(self._parts.watch.run)
                serving.start_soon(self._look_at_the_clock)
                serving.start_soon(self._source.run)
                if self._certificate:
                    serving.start_soon(self._certificate.follow_files)
                async with trio.open_nursery() as porters:
                    for listener, take in self._listening(serving):
                        porters.start_soon(accept, listener, take)
                    log.info("listening on %s, %s", self.address, _about_hub(self._settings))
                    await self._wait_stop(signals)
                    porters.cancel_scope.cancel()
                for listener, take in self._listening(serving):
                    accept_waiting(listener, take)  # those who wait in front of the closed doors
                await self._drain()
                serving.cancel_scope.cancel()

    async def _wait_stop(self, signals: AsyncIterator[int]) -> None:
        async for number in signals:
            if number != signal.SIGHUP:
                return
            if self._certificate:
                self._certificate.reload()

    def _listening(self, serving: trio.Nursery) -> Iterator[tuple[socket.socket, Take]]:
        for door in self._doors:
            for listener in door.listeners.sockets:
                yield listener, partial(self._take, serving, door)

    def _take(self, serving: trio.Nursery, door: Door, sock: socket.socket, address: str) -> None:
        is_full = len(self._parts.connections) + len(self._parts.tunnels) >= self._most
        if is_full and door.is_public:
            self._turn_away(door, sock)
            return
        timeout = self._settings.limits.idle_timeout
        try:
            context = door.certificate.context if door.certificate else None
            stream = TlsStream(sock, context, timeout) if context else Stream(sock, timeout)
        except OSError:  # gone already
            sock.close()
            return
        visitor = Visitor(address.encode(), self._settings.scheme)
        serving.start_soon(door.connect(self._parts, stream, visitor).run)

    def _turn_away(self, door: Door, sock: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if not door.certificate:
                sock.send(answers.too_many(self._most))
        sock.close()

    async def _look_at_the_clock(self) -> None:
        """One look a second at every deadline costs less than a timer for every wait."""
        while True:
            await trio.sleep(_LOOK_EVERY)
            now = time.monotonic()
            for connection in list(self._parts.connections):
                connection.close_expired(now)
            self._parts.tunnels.close_expired(now)
            self._parts.upstreams.close_idle(now)

    async def _drain(self) -> None:
        """Running requests may end."""
        log.info("ending: %d connections, %d tunnels", len(self._parts.connections), len(self._parts.tunnels))
        for door in self._doors:
            door.listeners.close()
        self._parts.is_draining = True
        self._parts.tunnels.close()
        deadline = trio.current_time() + self._settings.limits.shutdown_grace
        await trio.sleep(_TICK)  # so that what has been let in is no longer idle
        while self._parts.connections and trio.current_time() < deadline:
            for connection in list(self._parts.connections):
                connection.close_idle()
            await trio.sleep(_TICK)
        await self._source.end()


def _parts(settings: ProxySettings) -> Parts:
    watch, activity, api = Watch(), Activity(), settings.api
    # Until a hub that is followed has told its routes, all goes to it.
    hub = Route(settings.base_url, parse_target(settings.hub_url), is_hub=True)
    return Parts(
        limits=settings.limits,
        routes=Routes([] if api else [hub]),
        upstreams=Upstreams(settings.limits.connect_timeout),
        activity=activity,
        watch=watch,
        away=AwayPage(settings.away_page),
        tunnels=Tunnels(watch, activity, settings.limits.tunnel_grace),
        error_pages=ErrorPages(api.error_target) if api and api.error_target else None,
        adds_slash=api is None,
    )


def _about_hub(settings: ProxySettings) -> str:
    return f"driven at {settings.api.bind_url}" if settings.api else f"hub at {settings.hub_url}"
