"""The body of a request to the hub: as much as came with its head at once, the rest when somebody asks for it."""

from __future__ import annotations

import contextlib

import trio
from werkzeug.exceptions import BadRequest

from web.http1.body import BadBodyError, Body, ChunkedBody, LengthBody
from web.http1.connection import Connection
from web.http1.request import BadRequestError, Request

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
SKIPPED = (
    64 * 1024
)  # bytes of a body that nobody asked for, and that are still waited for so that more may follow


class Upload:
    """`is_awaited`: the handler can go on once the client has sent more."""

    def __init__(self, connection: Connection, request: Request) -> None:
        self._connection = connection
        self._body: Body = (
            ChunkedBody(chunked_out=False, counted=True)
            if request.chunked
            else LengthBody(request.length or 0)
        )
        self._is_waited_for = request.expects_continue
        self.is_awaited = False

    @property
    def is_over(self) -> bool:
        return self._body.done

    @property
    def can_be_followed(self) -> bool:
        """Whether another request may come behind it: it is over, or what is missing is little and sure to come."""
        if self._body.done:
            return not self._body.overrun
        rest = self._body.remaining if isinstance(self._body, LengthBody) else SKIPPED + 1
        return rest <= SKIPPED and not self._is_waited_for

    def begin(self) -> bytes:
        """What came with the head. Raises BadRequestError."""
        try:
            return self._feed(self._connection.take_buffer())
        except BadBodyError as error:
            raise BadRequestError(400, str(error)) from error

    async def receive(self) -> bytes | None:
        """What came next; None behind the end. Raises BadRequest, or is cancelled, where the client has left."""
        if self._body.done:
            return None
        data = await self._read()
        self._connection.made_progress()
        try:
            return self._feed(data)
        except BadBodyError as error:
            raise BadRequest(str(error)) from error

    async def skip(self) -> bool:
        """The rest, for nobody; whether the client has sent it."""
        while not self._body.done:
            data = await self._connection.stream.receive()
            if not data:
                return False
            self._feed(data)
        return True

    def _feed(self, data: bytes) -> bytes:
        content = self._body.feed(data)
        if self._body.done:
            self._connection.buffer = self._body.excess
        return content

    async def _read(self) -> bytes:
        stream, data = self._connection.stream, b""
        with contextlib.suppress(OSError):
            if self._is_waited_for:
                await stream.send(CONTINUE)
                self._is_waited_for = False
            self.is_awaited = True
            data = await stream.receive()
        self.is_awaited = False
        if not data:
            self._connection.abandon()
            await trio.lowlevel.checkpoint()
            raise BadRequest("The client has left.")
        return data
