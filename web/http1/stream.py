"""A non-blocking socket that is read and written first and waited for only when it must be.

trio's own streams yield to the scheduler around every operation; most of ours need not wait at all.
"""

import contextlib
import math
import socket
import ssl
import time

import trio

CHUNK = 64 * 1024
_ROUNDS = 32  # reads in a row without a wait before others get their turn


class Stream:
    """`read_by` and `write_by` are the moments (monotonic) by which a wait under way must have ended.

    They are looked at about once a second from outside: a cancel scope for every wait would cost as much
    as the wait. `timeout` is how long a peer may stall, inf for ever.
    """

    __slots__ = ("_rounds", "read_by", "sock", "timeout", "write_by")

    def __init__(self, sock: socket.socket, timeout: float = math.inf) -> None:
        self.sock = sock
        self.timeout = timeout
        self.read_by = math.inf
        self.write_by = math.inf
        self._rounds = 0

    async def handshake(self) -> None:
        """Nothing to agree on, without TLS."""

    def receive_now(self, size: int = CHUNK) -> bytes | None:
        """None if that would mean waiting, b"" at the end."""
        try:
            return self.sock.recv(size)
        except BlockingIOError:
            return None

    def send_now(self, data: bytes | memoryview) -> int:
        """How much the kernel took, possibly nothing."""
        try:
            return self.sock.send(data)
        except BlockingIOError:
            return 0

    async def readable(self) -> None:
        self._rounds = 0
        self.read_by = time.monotonic() + self.timeout
        await trio.lowlevel.wait_readable(self.sock)
        self.read_by = math.inf

    async def writable(self) -> None:
        self._rounds = 0
        self.write_by = time.monotonic() + self.timeout
        await trio.lowlevel.wait_writable(self.sock)
        self.write_by = math.inf

    async def receive(self, size: int = CHUNK) -> bytes:
        while (data := self.receive_now(size)) is None:
            await self.readable()
        await self.give_way()
        return data

    async def send(self, data: bytes) -> None:
        sent = self.send_now(data)
        if sent < len(data):
            await self._send_rest(memoryview(data)[sent:])

    async def _send_rest(self, rest: memoryview) -> None:
        while rest:
            await self.writable()
            rest = rest[self.send_now(rest) :]

    async def give_way(self) -> None:
        """Lets others run now and then, when there is always something to read."""
        self._rounds += 1
        if self._rounds >= _ROUNDS:
            self._rounds = 0
            await trio.lowlevel.checkpoint()

    def pending(self) -> bool:
        """Whether bytes are held that the kernel does not know of any more."""
        return False

    def end_sending(self) -> None:
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self.sock.close()


class TlsStream(Stream):
    __slots__ = ("_tls",)

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, timeout: float = math.inf) -> None:
        self._tls = context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        super().__init__(self._tls, timeout)

    async def handshake(self) -> None:
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await trio.lowlevel.wait_readable(self.sock)
            except ssl.SSLWantWriteError:
                await trio.lowlevel.wait_writable(self.sock)
            else:
                return

    def receive_now(self, size: int = CHUNK) -> bytes | None:
        try:
            return self._tls.recv(size)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None

    def send_now(self, data: bytes | memoryview) -> int:
        try:
            return self._tls.send(data)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return 0

    def pending(self) -> bool:
        return self._tls.pending() > 0

    def end_sending(self) -> None:
        """Says goodbye in TLS. The reading half stays open below it, though no peer will use that."""
        with contextlib.suppress(OSError, ValueError):
            self._tls.unwrap()

    def close(self) -> None:
        self.end_sending()
        self._tls.close()
