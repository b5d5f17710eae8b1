"""Connections to the servers behind us, kept for the next request."""

import contextlib
import errno
import os
import socket
import time

import trio

from web.http1.fields import HEAD_END
from web.http1.stream import Stream
from web.proxy.relay.reply import BadReplyError, Reply, parse_reply
from web.proxy.target import Target

_IDLE = 3.0  # seconds; looked at once a second, and common servers close an idle connection after 5
_LARGEST_HEAD = 256 * 1024
_KEPT = 64  # per generation


class UnreachableError(Exception):
    """Nobody answers there."""


class NoReplyError(OSError):
    """The connection ended before a reply began: the server is gone, or had closed an idle connection."""


class Upstream(Stream):
    __slots__ = ("generation", "idle_since", "is_reused")

    def __init__(self, sock: socket.socket, generation: int) -> None:
        super().__init__(sock)
        self.generation = generation
        self.is_reused = False
        self.idle_since = 0.0

    async def read_reply(self, data: bytes = b"") -> tuple[Reply, bytes]:
        """The next head, and the bytes behind it; `data` has been read before.

        Raises BadReplyError, or OSError if the connection ends.
        """
        while (end := data.find(HEAD_END)) < 0:
            if len(data) > _LARGEST_HEAD:
                raise BadReplyError("the headers are too large")
            await self.readable()  # nobody answers in no time: waiting first saves a call in vain
            more = await self.receive()
            if not more:
                raise (
                    BadReplyError("the head ends too early")
                    if data
                    else NoReplyError("closed without a reply")
                )
            data += more
        end += len(HEAD_END)
        return parse_reply(data[:end]), data[end:]


class Upstreams:
    """A connection belongs to a route's generation, not to an address: what accepted it may outlive its server,
    while another's server gets the port.
    """

    def __init__(self, connect_timeout: float) -> None:
        self._connect_timeout = connect_timeout
        self._idle: dict[int, list[Upstream]] = {}

    async def connect(self, target: Target, generation: int = 0, *, fresh: bool = False) -> Upstream:
        """An idle connection if there is one. Raises UnreachableError."""
        if not fresh and (kept := self._take(generation)) is not None:
            return kept
        with trio.move_on_after(self._connect_timeout):
            try:
                return Upstream(await _connect(target), generation)
            except OSError as error:
                raise UnreachableError(str(error)) from None
        raise UnreachableError("timed out")

    def release(self, upstream: Upstream) -> None:
        """After a reply that was read to its end, with nothing behind it, of a route that is still there."""
        kept = self._idle.setdefault(upstream.generation, [])
        if len(kept) >= _KEPT:
            upstream.close()
            return
        upstream.is_reused = True
        upstream.idle_since = time.monotonic()
        kept.append(upstream)

    def end(self, generation: int) -> None:
        """Close what is idle of it."""
        for upstream in self._idle.pop(generation, ()):
            upstream.close()

    def close_idle(self, now: float) -> None:
        for generation, kept in list(self._idle.items()):
            while kept and now - kept[0].idle_since > _IDLE:  # the newest is last, and taken first
                kept.pop(0).close()
            if not kept:
                del self._idle[generation]

    def _take(self, generation: int) -> Upstream | None:
        kept = self._idle.get(generation)
        while kept:
            upstream = kept.pop()
            if _is_quiet(upstream.sock):
                return upstream
            upstream.close()
        return None


def _is_quiet(sock: socket.socket) -> bool:
    """Neither closed nor holding bytes nobody asked for, which would be taken for the next reply."""
    try:
        sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


async def _connect(target: Target) -> socket.socket:
    if target.is_unix:
        return await _connect_to(socket.AF_UNIX, target.host)
    failure = OSError(f"no address for {target.host}")
    for family, address in await _addresses(target):
        try:
            return await _connect_to(family, address)
        except OSError as error:
            failure = error
    raise failure


async def _addresses(target: Target) -> list[tuple[int, tuple[str, int]]]:
    for family in (socket.AF_INET, socket.AF_INET6):
        with contextlib.suppress(OSError):
            socket.inet_pton(family, target.host)
            return [(family, (target.host, target.port))]
    found = await trio.socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    return [(family, (str(address[0]), target.port)) for family, _, _, _, address in found]


async def _connect_to(family: int, address: tuple[str, int] | str) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        code = sock.connect_ex(address)
        if code == errno.EINPROGRESS:
            await trio.lowlevel.wait_writable(sock)
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        _check(code)
        if family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        sock.close()
        raise
    return sock


def _check(code: int) -> None:
    if code:
        raise OSError(code, os.strerror(code))
