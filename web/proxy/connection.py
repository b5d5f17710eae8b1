"""One connection from outside: request after request, until either side has had enough."""

import logging
import math
import time
from typing import Literal

import trio

from web.http1.fields import CRLF, HEAD_END
from web.http1.request import BadRequestError, Request, check_size, check_unfinished, parse_request
from web.http1.stream import Stream
from web.http1.watch import BROKEN, HANGUP
from web.proxy import answers
from web.proxy.exchange import Exchange
from web.proxy.parts import Parts
from web.proxy.reply import BadReplyError
from web.proxy.rewrite import Visitor
from web.proxy.routes import Route, lacks_final_slash
from web.proxy.upstreams import UnreachableError, Upstream

log = logging.getLogger("callboard.proxy")

_HALF_CLOSED = 0.5  # seconds for a reply to begin, or go on, once the client has said that it sends no more
_LINGER = 1.0  # seconds in which a refused client may read the refusal
_HEALTH = b"/_chp_healthz"


class Connection:
    """`buffer` is what has been received and not yet used. `answer`: what all are told here; None: by their routes."""

    def __init__(
        self, parts: Parts, stream: Stream, visitor: Visitor, answer: answers.Answer | None = None
    ) -> None:
        self.stream = stream
        self.visitor = visitor
        self.buffer = b""
        self._parts = parts
        self._same_answer = answer
        self._scope = trio.CancelScope()
        self._doing: Literal["nothing", "head", "exchange"] = "nothing"
        self._patience = parts.limits.head_timeout  # for the first byte; later it is idle_timeout
        self._is_half_closed = False
        self._is_handed_over = False
        parts.connections.add(self)

    async def run(self) -> None:
        self._parts.watch.add(self.stream.sock, HANGUP, self._hung_up)
        self.stream.read_by = time.monotonic() + self._patience
        try:
            with self._scope:
                await self.stream.handshake()
                while await self._serve_one():
                    pass
        except OSError as error:
            log.debug("a connection broke: %s", error)
        except Exception:
            log.exception("a connection met a bug")  # the others go on
        finally:
            self._parts.connections.discard(self)
            if not self._is_handed_over:
                self._parts.watch.remove(self.stream.sock)
                self.stream.close()

    def close_expired(self, now: float) -> None:
        """Called about once a second."""
        if now < self.stream.read_by and now < self.stream.write_by:
            return
        if self._doing == "head":
            self.stream.send_now(answers.refusal(408, "the request took too long to arrive"))
        self._scope.cancel()

    def close_idle(self) -> None:
        if self._doing == "nothing":
            self._scope.cancel()

    def made_progress(self) -> None:
        if self._is_half_closed:
            self._scope.deadline = trio.current_time() + _HALF_CLOSED

    def take_buffer(self) -> bytes:
        taken, self.buffer = self.buffer, b""
        return taken

    def hand_over(self, upstream: Upstream, spec: str) -> None:
        """The two sockets talk to each other from now on."""
        self._is_handed_over = True
        self._parts.watch.remove(self.stream.sock)
        self._parts.tunnels.join(self.stream, upstream, spec, self.take_buffer())

    def _hung_up(self, events: int) -> None:
        """Nobody would notice a client leaving while the server is silent.

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
            keep = await self._answer(request)
        except BadRequestError as error:
            await self.stream.send(answers.refusal(error.status, error.reason))
            await self._linger()
            return False
        if request.upgrade and self.buffer:
            return False  # sent for the other protocol, which was refused
        return keep and not self._parts.is_draining

    async def _answer(self, request: Request) -> bool:
        if self._same_answer is not None:
            return await self._reply(request, self._same_answer)
        if request.path == _HEALTH:
            return await self._reply(request, answers.healthy)
        route = self._parts.routes.find(request.host or b"", request.path)
        if route is None:
            return await self._reply(request, answers.not_found)
        if request.method in (b"GET", b"HEAD") and lacks_final_slash(route, request.path):
            return await self._reply(request, answers.slash_redirect)
        return await self._relay(request, route)

    async def _relay(self, request: Request, route: Route) -> bool:
        try:
            keep = await Exchange(self._parts, self, request, route).run()
        except UnreachableError as error:
            log.debug("%s: %s", route.spec, error)
            return await self._reply(request, answers.hub_away if route.is_hub else answers.server_away)
        except BadReplyError as error:
            log.warning("%s: %s", route.spec, error)
            return await self._reply(request, answers.bad_reply)
        if not keep and request.has_body and not self._is_handed_over:
            await self._linger()
        return keep

    async def _reply(self, request: Request, answer: answers.Answer) -> bool:
        closes = request.has_body or not request.keep_alive
        await self.stream.send(answer(request, closes=closes))
        if request.has_body:
            await self._linger()
        return not closes

    async def _read_request(self) -> Request | None:
        """None if the client has no more."""
        limits = self._parts.limits
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
        return parse_request(head)

    async def _first_bytes(self) -> bytes:
        self._doing = "nothing"
        self.stream.read_by = time.monotonic() + self._patience
        self._patience = self._parts.limits.idle_timeout
        if not self.stream.pending():  # seldom is it there already: waiting first saves a call in vain
            await trio.lowlevel.wait_readable(self.stream.sock)
        return await self._receive()

    async def _rest_of_head(self) -> int:
        limits = self._parts.limits
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

    async def _linger(self) -> None:
        """Closing with bytes unread resets the connection, and may take our last words from the client."""
        self.stream.end_sending()
        with trio.move_on_after(_LINGER):
            while await self.stream.receive():
                pass
