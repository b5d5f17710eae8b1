"""The public port: sockets that a next proxy may share, and taking connections off them."""

import contextlib
import errno
import logging
import os
import resource
import socket
from collections.abc import Callable
from urllib.parse import unquote, urlsplit

import trio

from core.machine.bind_port import port_of

log = logging.getLogger("callboard.proxy")

_BACKLOG = 4096
_STALLED = 75_000  # milliseconds in which a client must acknowledge something
_KEEPALIVE_IDLE = 60
_OUT_OF_ROOM = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))
_MOST_FILES = 1 << 20
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - what a bind URL without a host asks for
_OPTIONS = (  # taken over by the sockets accepted
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _STALLED),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _KEEPALIVE_IDLE),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.SOL_SOCKET, socket.SO_REUSEADDR, 1),
    (socket.SOL_SOCKET, socket.SO_REUSEPORT, 1),
)


class Listeners:
    """Open sockets for one `http://HOST:PORT`, `http://:PORT` (everywhere) or `http+unix://%2Fpath`.

    Raises OSError or ValueError, worded for people, if that cannot be had.
    """

    def __init__(self, bind_url: str) -> None:
        parts = urlsplit(bind_url)
        self._unix_path = unquote(parts.netloc) if parts.scheme == "http+unix" else ""
        try:
            self.sockets = (
                [_listen_unix(self._unix_path)]
                if self._unix_path
                else _listen_tcp(parts.hostname, port_of(parts))
            )
            self._unix_inode = os.stat(self._unix_path).st_ino if self._unix_path else 0
        except OSError as error:
            raise OSError(f"cannot listen on {bind_url}: {error.strerror or error}") from error

    @property
    def port(self) -> int:
        """Where it listens indeed; 0 on a unix socket."""
        return 0 if self._unix_path else int(self.sockets[0].getsockname()[1])

    @property
    def address(self) -> str:
        """Of the first: `127.0.0.1:8000`, `[::]:8000`, or a path."""
        if self._unix_path:
            return self._unix_path
        host, port = self.sockets[0].getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def close(self) -> None:
        for listener in self.sockets:
            listener.close()
        with contextlib.suppress(OSError):
            if self._unix_path and os.stat(self._unix_path).st_ino == self._unix_inode:
                os.unlink(self._unix_path)  # else a next proxy has it


def _listen_tcp(host: str | None, port: int) -> list[socket.socket]:
    hosts = (
        [host]
        if host and host != "*"
        else [host for host in _EVERYWHERE if ":" not in host or socket.has_ipv6]
    )
    opened: list[socket.socket] = []
    for family, _, _, _, address in (
        found for host in hosts for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    ):
        try:
            opened.append(_listen(family, (address[0], port)))
        except OSError as error:
            if opened and error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                continue  # no IPv6 here
            for listener in opened:
                listener.close()
            raise
        port = opened[0].getsockname()[1]  # with port 0, the same for all
    return opened


def _listen(family: int, address: tuple[object, int]) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        for option in _OPTIONS:
            listener.setsockopt(*option)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener


def _listen_unix(path: str) -> socket.socket:
    """Bound beside and moved into place, so that a next proxy takes over without a gap."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    beside = f"{path}.{os.getpid()}"
    try:
        listener.bind(beside)
        listener.listen(_BACKLOG)
        os.rename(beside, path)
    except BaseException:
        listener.close()
        raise
    return listener


async def accept(listener: socket.socket, take: Callable[[socket.socket, str], None]) -> None:
    """Gives every connection, with the address it came from ("" on unix sockets), to `take`, for ever."""
    while True:
        try:
            accept_waiting(listener, take)
        except OSError as error:
            if error.errno in _OUT_OF_ROOM:
                log.warning("no room for more connections: %s", error.strerror)
                await trio.sleep(0.1)
                continue
            if error.errno != errno.ECONNABORTED:
                raise
        await trio.lowlevel.wait_readable(listener)


def accept_waiting(listener: socket.socket, take: Callable[[socket.socket, str], None]) -> None:
    while True:
        try:
            sock, address = listener.accept()
        except BlockingIOError:
            return
        sock.setblocking(False)
        take(sock, _plain(address[0]) if isinstance(address, tuple) else "")


def _plain(address: str) -> str:
    return address.removeprefix("::ffff:").partition("%")[0]


def raise_file_limit() -> int:
    """As far as we may; how many files that is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    return _MOST_FILES if soft == resource.RLIM_INFINITY else min(soft, _MOST_FILES)
