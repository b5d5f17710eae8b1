"""A connection of the hub's own port: what comes becomes Quart's request, what Quart answers goes out in one write."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterable
from typing import Any, Protocol, cast

import trio
from hypercorn.typing import HTTPScope
from quart import Quart
from quart.typing import ResponseTypes
from quart.wrappers.response import ResponseBody
from werkzeug.datastructures import Headers

from web.app.head import body_chunk, head_of
from web.app.upload import Upload
from web.http1.connection import Connection, Server
from web.http1.fields import Fields
from web.http1.request import SPECIAL, BadRequestError, Request
from web.http1.stream import Stream
from web.request.sent.received import Body as ReceivedBody
from web.request.sent.received import ReceivedHeaders
from web.site.bounds import are_too_many_cookies

LAST_CHUNK = b"0\r\n\r\n"
NAMES = 1000  # names of headers that are remembered

logger = logging.getLogger("callboard.http")


class HubServer(Server, Protocol):
    """`streams`: those under way, which end when the hub no longer serves."""

    @property
    def app(self) -> Quart: ...
    @property
    def streams(self) -> set[HubConnection]: ...


class HeaderPairs(Fields):
    """Every header, as Quart wants them."""

    __slots__ = ("_headers", "cookies", "first", "pairs")

    def __init__(self, remote: str) -> None:
        super().__init__(SPECIAL)
        self.pairs = [("Remote-Addr", remote)]
        self.first = {"remote-addr": remote}
        self.cookies: list[bytes] = []
        self._headers: ReceivedHeaders | None = None

    def on_header(self, name: bytes, value: bytes) -> None:
        self.count += 1
        lower = name.lower()
        value = value.strip(b" \t")
        if lower in SPECIAL:
            self.special.setdefault(lower, []).append(value)
        if lower == b"cookie":
            self.cookies.append(value)
        title, key = _names.get(name) or _named(name)
        text = value.decode("latin-1")
        self.pairs.append((title, text))
        self.first.setdefault(key, text)

    def headers(self) -> ReceivedHeaders:
        """Without cookies where there are too many. The same for all requests that these are the headers of."""
        if self._headers is None:
            if self.cookies and are_too_many_cookies(self.cookies):
                self.pairs = [pair for pair in self.pairs if pair[0] != "Cookie"]
                del self.first["cookie"]
            self._headers = ReceivedHeaders(self.pairs, self.first)
        return self._headers


_names: dict[bytes, tuple[str, str]] = {}


def _named(name: bytes) -> tuple[str, str]:
    """As Quart has a header's name, and in lower case."""
    text = name.decode("latin-1")
    named = text.title(), text.lower()
    if len(_names) < NAMES:
        _names[name] = named
    return named


class HubConnection(Connection):
    """`address`: whom it comes from, "" on a unix socket."""

    def __init__(self, server: HubServer, stream: Stream, address: str) -> None:
        super().__init__(server, stream)
        self._hub = server
        self._address = address
        self._client = (address, 0) if address else None
        self._streaming: trio.CancelScope | None = None
        self._is_sending = False
        self._upload: Upload | None = None

    def new_fields(self) -> Fields:
        return HeaderPairs(self._address or "<local>")

    def end_stream(self) -> None:
        """The hub no longer serves: what is being streamed ends here."""
        if self._streaming is not None:
            self._streaming.cancel()

    @property
    def waits_for_client(self) -> bool:
        return super().waits_for_client or (self._upload is not None and self._upload.is_awaited)

    async def answer(self, request: Request) -> bool:
        upload = self._upload = Upload(self, request) if request.has_body else None
        response = await self._hub.app.handle_request(self._as_quarts(request, upload))
        keep = request.keep_alive and not self._hub.is_draining
        if upload is not None:
            keep = keep and upload.can_be_followed
        keep = await self._send_answer(response, request, keep=keep)
        if upload is None or upload.is_over:
            return keep
        if keep:
            return await upload.skip()
        await self.linger()
        return False

    # --- what comes ---

    def _as_quarts(self, request: Request, upload: Upload | None) -> Any:
        app = self._hub.app
        fields = cast(HeaderPairs, request.fields)
        path, _, query = request.target.partition(b"?")
        headers = fields.headers()
        text = path.decode("latin-1")
        scope = {
            "type": "http",
            "client": self._client,
            "headers": fields.pairs,
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
        if upload is None:
            received.set_complete()
            return asked
        received.append(upload.begin())
        if upload.is_over:
            received.set_complete()
        else:
            received.read_from(upload)
        return asked

    # --- what goes ---

    async def _send_answer(self, response: ResponseTypes, request: Request, *, keep: bool) -> bool:
        """Whether another may follow."""
        content = getattr(response.response, "data", None)
        if isinstance(content, bytes):
            head = _head_of(response, request, length=len(content), keep=keep)
            await self.stream.send(head + content if request.method != b"HEAD" else head)
            return keep
        keep = keep and not request.is_http10
        body = cast(ResponseBody, response.response)
        return await self._stream(_head_of(response, request, length=None, keep=keep), body, request) and keep

    async def _stream(self, head: bytes, body: ResponseBody, request: Request) -> bool:
        """As it comes, until its end, or until the hub no longer serves: then it ends properly wherever it is.

        The body is entered before anything is sent, so it is left however this ends. Whether it was sent as a whole.
        """
        is_whole, self._is_sending = False, True
        self.heads.forget()  # a stream may last for hours
        with trio.CancelScope() as self._streaming:
            self._hub.streams.add(self)
            try:
                async with body as pieces:
                    await self._send(head)
                    del head
                    if request.method != b"HEAD":
                        await self._send_all(pieces, chunked=not request.is_http10)
                is_whole = True
            finally:
                self._hub.streams.discard(self)
                self._streaming = None
        if not (request.is_http10 or request.method == b"HEAD" or self._is_sending):
            await self.stream.send(LAST_CHUNK)
        return is_whole

    async def _send_all(self, pieces: AsyncIterable[Any], *, chunked: bool) -> None:
        async for piece in pieces:
            if piece:
                await self._send(body_chunk(piece) if chunked else piece)
                self.made_progress()
            del piece  # the next may be long in coming

    async def _send(self, data: bytes) -> None:
        self._is_sending = True
        await self.stream.send(data)
        self._is_sending = False


def _head_of(response: ResponseTypes, request: Request, *, length: int | None, keep: bool) -> bytes:
    """Raises BadRequestError where the configuration, say, has set a header that cannot be sent."""
    try:
        return head_of(response, request, length=length, keep=keep)
    except ValueError:
        logger.exception("an answer cannot be sent")
        raise BadRequestError(500, "the answer has a header that cannot be sent") from None


async def _no_push(path: str, headers: Headers) -> None:
    """There is none in HTTP/1.1."""
