"""One connection of a client: its requests, one after the other. Whoever serves says how each is answered.

A connection is one task. It reads a head, answers, and reads the next: no task, timer or queue for a request. Deadlines
are moments that are looked at once a second for all connections, and a client that leaves while nobody reads from it
is noticed by one epoll for all (web/http1/watch.py).
"""

import contextlib
import logging
import math
import time
from abc import ABC, abstractmethod
from typing import Literal, Protocol

import trio

from web.http1.fields import CRLF, HEAD_END, Fields
from web.http1.heads import Heads
from web.http1.refusal import refusal
from web.http1.request import SPECIAL, BadRequestError, Request, check_size, check_unfinished
from web.http1.stream import Stream
from web.http1.watch import BROKEN, HANGUP, Watch

log = logging.getLogger("callboard.http1")

HALF_CLOSED = 0.5  # seconds for a reply to begin, or go on, once the client has said that it sends no more
SILENCE = 1.0  # seconds without a byte after which a refused client is taken to have read the refusal
LINGER = 30.0  # seconds that one who goes on sending has for it


class HeadLimits(Protocol):
    """Bounds on heads. Times are seconds, sizes bytes."""

    @property
    def head_size(self) -> int: ...
    @property
    def request_line(self) -> int: ...
    @property
    def head_timeout(self) -> float: ...
    @property
    def idle_timeout(self) -> float: ...


class Server(Protocol):
    """What all connections of one server share."""

    @property
    def limits(self) -> HeadLimits: ...
    @property
    def watch(self) -> Watch: ...
    @property
    def connections(self) -> "set[Connection]": ...
    @property
    def is_draining(self) -> bool: ...


class Connection(ABC):
    """`buffer` is what has been received and not yet used."""

    def __init__(self, server: Server, stream: Stream) -> None:
        self.stream = stream
        self.buffer = b""
        self.heads = Heads()
        self._server = server
        self._scope = trio.CancelScope()
        self._doing: Literal["nothing", "head", "exchange", "linger"] = "nothing"
        self._wait = server.limits.head_timeout  # for the first byte; later it is idle_timeout
        self._is_half_closed = False
        self.is_detached = False
        server.connections.add(self)

    @abstractmethod
    async def answer(self, request: Request) -> bool:
        """Whether the connection can take another request. Raises BadRequestError, or OSError where it is broken."""

    def new_fields(self) -> Fields:
        """What is to keep the headers of a request: if nobody says otherwise, as lines to pass on."""
        return Fields(SPECIAL)

    async def run(self) -> None:
        try:
            self._server.watch.add(self.stream.sock, HANGUP, self._hung_up)
            with self._scope:
                await self._serve_all()
        except OSError as error:
            log.debug("a connection broke: %s", error)
        except Exception:
            log.exception("a connection met a bug")  # the others go on
        finally:
            self._server.connections.discard(self)
            if not self.is_detached:
                self._server.watch.remove(self.stream.sock)
                self.stream.close()

    async def _serve_all(self) -> None:
        self.stream.read_by = time.monotonic() + self._wait
        await self.stream.handshake()
        while await self._serve_one():
            self.made_progress()
            if self.buffer:  # whoever sends many requests at once takes turns with the others
                await self.stream.give_way()

    def close_expired(self, now: float) -> None:
        """Called about once a second, for all connections: nothing is raised here."""
        if now < self.stream.read_by and now < self.stream.write_by:
            return
        if self._doing == "head":
            with contextlib.suppress(OSError):  # it may be broken, and its task not know yet
                self.stream.send_now(refusal(408, "the request took too long to arrive"))
        self._scope.cancel()

    def close_idle(self) -> None:
        if self._doing == "nothing":
            self._scope.cancel()

    @property
    def waits_for_client(self) -> bool:
        """Whether it is for the client to go on, in the middle of a request."""
        return self._doing == "head"

    def close_waiting(self) -> None:
        """The server ends, and the client has had its time."""
        if self.waits_for_client:
            with contextlib.suppress(OSError):
                self.stream.send_now(refusal(503, "this server is being shut down"))
        if self.waits_for_client or self._doing == "linger":
            self._scope.cancel()

    def abandon(self) -> None:
        """Nobody is there any more: whatever is under way is cancelled."""
        self._scope.cancel()

    def made_progress(self) -> None:
        if self._is_half_closed:
            self._scope.deadline = trio.current_time() + HALF_CLOSED

    def take_buffer(self) -> bytes:
        taken, self.buffer = self.buffer, b""
        return taken

    def detach(self) -> None:
        """The socket is somebody else's from now on."""
        self.is_detached = True
        self._server.watch.remove(self.stream.sock)

    def _hung_up(self, events: int) -> None:
        """Nobody would notice a client leaving while nothing is read from it.

        A client that only closed its sending half looks the same as one that closed, until we write.
        """
        if events & BROKEN:
            self._scope.cancel()
        else:
            self._is_half_closed = True
            self.made_progress()

    async def _serve_one(self) -> bool:
        """Whether there may be another."""
        try:
            request = await self._read_request()
            if request is None:
                return False
            keep = await self.answer(request)
        except BadRequestError as error:
            await self.stream.send(refusal(error.status, error.reason))
            await self.linger()
            return False
        if request.upgrade and self.buffer:
            return False  # sent for the other protocol, which was refused
        return keep and not self._server.is_draining

    async def _read_request(self) -> Request | None:
        """None if the client has no more."""
        limits = self._server.limits
        if not self.buffer:
            self.buffer = await self._first_bytes()
        self._doing = "head"
        if (end := self._head_end()) < 0:
            self.stream.read_by = time.monotonic() + limits.head_timeout
            end = await self._rest_of_head()
        self._doing = "exchange"
        self.stream.read_by = math.inf
        if end < 0:
            return None
        head, self.buffer = self.buffer[:end], self.buffer[end:]
        check_size(head, limits.head_size, limits.request_line)
        return self.heads.parse(head, self.new_fields)

    async def _first_bytes(self) -> bytes:
        self._doing = "nothing"
        self.stream.read_by = time.monotonic() + self._wait
        self._wait = self._server.limits.idle_timeout
        if not self.stream.pending():  # seldom is it there already: waiting first saves a call in vain
            await trio.lowlevel.wait_readable(self.stream.sock)
        return await self._receive()

    async def _rest_of_head(self) -> int:
        limits = self._server.limits
        while (end := self._head_end()) < 0:
            check_unfinished(self.buffer, limits.head_size, limits.request_line)
            data = await self._receive()
            if not data:
                return -1
            self.buffer += data
        return end

    async def _receive(self) -> bytes:
        """As the stream does it, but within the time for the whole head."""
        while (data := self.stream.receive_now()) is None:
            await trio.lowlevel.wait_readable(self.stream.sock)
        return data

    def _head_end(self) -> int:
        while self.buffer.startswith(CRLF):  # RFC 9112, 2.2: old clients end a body with one
            self.buffer = self.buffer[2:]
        end = self.buffer.find(HEAD_END)
        return end + len(HEAD_END) if end >= 0 else -1

    async def linger(self) -> None:
        """Closing with bytes unread resets the connection, and may take our last words from the client.

        So what still comes is read and thrown away, until it ends or pauses.
        """
        self._doing = "linger"
        self.stream.end_sending()
        with trio.move_on_after(LINGER), trio.CancelScope() as silence:
            is_over = False
            while not is_over:
                silence.deadline = trio.current_time() + SILENCE
                is_over = not await self.stream.receive()
