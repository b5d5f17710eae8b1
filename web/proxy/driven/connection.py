"""One connection of whoever drives us: requests with small bodies, answered one after the other."""

from __future__ import annotations

import http
from datetime import UTC, datetime

from web.http1.body import BadBodyError, Body, ChunkedBody, LengthBody
from web.http1.connection import Connection, Server
from web.http1.request import BadRequestError, Request
from web.http1.stream import Stream
from web.proxy.driven.api import Answered, RoutesAPI

LARGEST_BODY = 1024 * 1024


class ApiConnection(Connection):
    def __init__(self, server: Server, stream: Stream, api: RoutesAPI) -> None:
        super().__init__(server, stream)
        self._api = api

    async def answer(self, request: Request) -> bool:
        refused = self._api.refusal(request.method, request.path, request.header(b"authorization"))
        if refused is not None:
            return await self._send(request, refused, closes=request.has_body or not request.keep_alive)
        body = await self._body(request) if request.has_body else b""
        query = request.target.partition(b"?")[2]
        found = self._api.answer(request.method, request.path, query, body, datetime.now(UTC))
        return await self._send(request, found, closes=not request.keep_alive)

    async def _send(self, request: Request, found: Answered, *, closes: bool) -> bool:
        await self.stream.send(_reply(found, closes=closes))
        if closes and request.has_body:
            await self.linger()
        return not closes

    async def _body(self, request: Request) -> bytes:
        """Raises BadRequestError, or OSError where it ends too early."""
        if request.expects_continue:
            await self.stream.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        body: Body = ChunkedBody(chunked_out=False) if request.chunked else LengthBody(request.length or 0)
        found = _fed(body, self.take_buffer())
        while not body.done:
            if len(found) > LARGEST_BODY:
                raise BadRequestError(413, "the body is too large")
            data = await self.stream.receive()
            if not data:
                raise OSError("the request is shorter than it said")
            found += _fed(body, data)
        self.buffer = body.excess
        return found


def _fed(body: Body, data: bytes) -> bytes:
    try:
        return body.feed(data)
    except BadBodyError as error:
        raise BadRequestError(400, str(error)) from error


def _reply(found: Answered, *, closes: bool) -> bytes:
    phrase = http.HTTPStatus(found.status).phrase.encode()
    lines = [b"HTTP/1.1 %d %b" % (found.status, phrase)]
    if found.status != http.HTTPStatus.NO_CONTENT:
        lines.append(b"Content-Length: %d" % len(found.content))
    if found.content:
        lines.append(b"Content-Type: %b" % found.content_type)
    if closes:
        lines.append(b"Connection: close")
    return b"\r\n".join([*lines, b"", found.content])
