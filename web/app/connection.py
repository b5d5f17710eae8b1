"""A connection of the hub's own port: what comes becomes Quart's request, what Quart answers goes out in one write."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Any, Protocol, cast

import trio
from hypercorn.typing import HTTPScope
from quart import Quart
from quart.typing import ResponseTypes
from werkzeug.datastructures import Headers
from werkzeug.exceptions import BadRequest

from web.app.head import body_chunk, head_of
from web.http1.body import BadBodyError, Body, ChunkedBody, LengthBody
from web.http1.connection import Connection, Server
from web.http1.fields import Fields
from web.http1.request import SPECIAL, BadRequestError, Request
from web.http1.stream import Stream
from web.request.received import Body as ReceivedBody
from web.site.bounds import are_too_many_cookies

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"
NOT_WAITED_FOR = (
    64 * 1024
)  # bytes of a body that nobody has read, and that may still be read for the next request
TITLES = 1000  # names of headers that are remembered

logger = logging.getLogger("callboard.http")


class HubServer(Server, Protocol):
    """`streams`: those under way, which end when the hub no longer serves."""

    @property
    def app(self) -> Quart: ...
    @property
    def streams(self) -> set[HubConnection]: ...


class HeaderPairs(Fields):
    """Every header, as Quart wants them."""

    __slots__ = ("cookies", "pairs")

    def __init__(self, remote: str) -> None:
        super().__init__(SPECIAL)
        self.pairs = [("Remote-Addr", remote)]
        self.cookies: list[bytes] = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self.count += 1
        lower = name.lower()
        value = value.strip(b" \t")
        if lower in SPECIAL:
            self.special.setdefault(lower, []).append(value)
        if lower == b"cookie":
            self.cookies.append(value)
        self.pairs.append((_title(name), value.decode("latin-1")))

    def bounded(self) -> list[tuple[str, str]]:
        """Without cookies where there are too many."""
        if not self.cookies or not are_too_many_cookies(self.cookies):
            return self.pairs
        return [pair for pair in self.pairs if pair[0] != "Cookie"]


_titles: dict[bytes, str] = {}


def _title(name: bytes) -> str:
    known = _titles.get(name)
    if known is None:
        known = name.decode("latin-1").title()
        if len(_titles) < TITLES:
            _titles[name] = known
    return known


class HubConnection(Connection):
    """`address`: whom it comes from, "" on a unix socket."""

    def __init__(self, server: HubServer, stream: Stream, address: str) -> None:
        super().__init__(server, stream)
        self._hub = server
        self._address = address
        self._client = (address, 0) if address else None
        self._streaming: trio.CancelScope | None = None
        self._is_sending = False

    def new_fields(self) -> Fields:
        return HeaderPairs(self._address or "<local>")

    def end_stream(self) -> None:
        """The hub no longer serves: what is being streamed ends here."""
        if self._streaming is not None:
            self._streaming.cancel()

    async def answer(self, request: Request) -> bool:
        body = _open_body(request)
        asked = self._as_quarts(request, body)
        response = await self._hub.app.handle_request(asked)
        overrun = body is not None and body.overrun
        keep = (
            request.keep_alive and (body is None or body.done) and not overrun and not self._hub.is_draining
        )
        content = getattr(response.response, "data", None)
        if isinstance(content, bytes):
            head = head_of(response, request, length=len(content), keep=keep)
            await self.stream.send(head + content if request.method != b"HEAD" else head)
        else:
            keep = await self._stream(response, request, keep=keep)
        if body is not None and not body.done:
            await self.linger()
        return keep

    # --- what comes ---

    def _as_quarts(self, request: Request, body: Body | None) -> Any:
        app = self._hub.app
        fields = cast(HeaderPairs, request.fields)
        path, _, query = request.target.partition(b"?")
        headers = Headers()
        headers._list = fields.bounded()  # they were checked by the parser
        text = path.decode("latin-1")
        scope = {
            "type": "http",
            "client": self._client,
            "headers": headers._list,
            "path": text,
            "raw_path": path,
            "query_string": query,
            "method": request.method.decode(),
            "scheme": "http",
            "http_version": "1.0" if request.is_http10 else "1.1",
            "root_path": "",
        }
        asked = app.request_class(
            request.method.decode(),
            "http",
            text,
            query,
            headers,
            "",
            "1.0" if request.is_http10 else "1.1",
            cast(HTTPScope, scope),
            max_content_length=app.config["MAX_CONTENT_LENGTH"],
            body_timeout=app.config["BODY_TIMEOUT"],
            send_push_promise=_no_push,
        )
        received = cast(ReceivedBody, asked.body)
        if body is None:
            received.set_complete()
            return asked
        received.append(_first_of(body, self.take_buffer()))
        if body.done:
            self.buffer = body.excess
            received.set_complete()
        else:
            received.read_from(_Upload(self, body, is_waited_for=request.expects_continue))
        return asked

    # --- what goes ---

    async def _stream(self, response: ResponseTypes, request: Request, *, keep: bool) -> bool:
        """As it comes, until its end, or until the hub no longer serves: then it ends properly wherever it is."""
        chunked = not request.is_http10
        is_whole = False
        with trio.CancelScope() as self._streaming:
            self._hub.streams.add(self)
            try:
                await self._send(head_of(response, request, length=None, keep=keep and chunked))
                if request.method != b"HEAD":
                    async with response.response as pieces:  # type: ignore[union-attr]
                        await self._send_all(cast("AsyncIterator[bytes]", pieces), chunked=chunked)
                is_whole = True
            finally:
                self._hub.streams.discard(self)
                self._streaming = None
        if chunked and request.method != b"HEAD" and not self._is_sending:
            await self.stream.send(LAST_CHUNK)
        return keep and chunked and is_whole

    async def _send_all(self, pieces: AsyncIterator[bytes], *, chunked: bool) -> None:
        async for piece in pieces:
            if piece:
                await self._send(body_chunk(piece) if chunked else piece)
                self.made_progress()

    async def _send(self, data: bytes) -> None:
        self._is_sending = True
        await self.stream.send(data)
        self._is_sending = False


class _Upload:
    """The rest of a body, read when it is asked for."""

    def __init__(self, connection: HubConnection, body: Body, *, is_waited_for: bool) -> None:
        self._connection = connection
        self._body = body
        self._is_waited_for = is_waited_for

    async def receive(self) -> bytes | None:
        """What came next; None behind the end. Raises BadRequest; it is cancelled where the client has left."""
        if self._is_over():
            return None
        data = await self._read()
        self._connection.made_progress()
        try:
            content = self._body.feed(data)
        except BadBodyError as error:
            raise BadRequest(str(error)) from error
        if self._is_over():
            self._connection.buffer = self._body.excess
        return content

    async def _read(self) -> bytes:
        stream, data = self._connection.stream, b""
        with contextlib.suppress(OSError):
            if self._is_waited_for:
                self._is_waited_for = False
                await stream.send(CONTINUE)
            data = await stream.receive()
        if not data:
            self._connection.abandon()
            await trio.lowlevel.checkpoint()
        return data

    def _is_over(self) -> bool:
        return self._body.done


def _open_body(request: Request) -> Body | None:
    if request.chunked:
        return ChunkedBody(chunked_out=False, counted=True)
    return LengthBody(request.length) if request.length else None


def _first_of(body: Body, data: bytes) -> bytes:
    try:
        return body.feed(data)
    except BadBodyError as error:
        raise BadRequestError(400, str(error)) from error


async def _no_push(path: str, headers: Headers) -> None:
    """There is none in HTTP/1.1."""
