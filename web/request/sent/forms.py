"""The form that a page of the hub has sent, within bounds that depend on whether anybody is logged in.

It is taken apart in small steps with room for others between them, and files go to disk.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import ExitStack, aclosing, asynccontextmanager
from typing import cast
from urllib.parse import parse_qsl

import trio
from msgspec import Struct
from werkzeug.exceptions import RequestEntityTooLarge, RequestTimeout
from werkzeug.sansio.multipart import (
    SEARCH_EXTRA_LENGTH,
    Data,
    Epilogue,
    Field,
    File,
    MultipartDecoder,
    NeedData,
    State,
)

from core.errors import BusyError
from web.request.context import asked, hub, kept
from web.request.credentials import fetch_of_request, session_of
from web.request.routing import Route
from web.request.sent.form import Form
from web.request.sent.received import Body
from web.sessions.xsrf import is_foreign
from web.site.public_url import own_hosts
from web.starts.uploads import LARGEST, SECONDS, Upload

SIZE_BEFORE_LOGIN = 64 * 1024  # bytes
FIELDS_BEFORE_LOGIN = 100
MOST_FIELDS = 1000
STEP = 8 * 1024  # bytes that are taken apart at a time; so much of it may be the head of a part
LONGEST_BOUNDARY = 200  # characters; RFC 2046 allows 70
URLENCODED = ("application/x-www-form-urlencoded", "application/x-url-encoded")
MULTIPART = "multipart/form-data"


class Bounds(Struct, frozen=True):
    """`size`: bytes of all. `in_memory`: bytes of all but files. `fields`: their number."""

    size: int
    in_memory: int
    fields: int


def form() -> Form:
    """Of this request: a POST to a page."""
    found = kept().form
    assert found is not None, "received before the handler is called"
    return found


@asynccontextmanager
async def received_form(route: Route) -> AsyncIterator[None]:
    """The form is there as long as this lasts. Raises RequestEntityTooLarge, RequestTimeout, BusyError."""
    most = hub().settings.callboard.max_body_size
    session = session_of(hub(), asked())
    timeout = float(asked().body_timeout or SECONDS)
    with ExitStack() as held:
        if session is None:
            size = min(most, SIZE_BEFORE_LOGIN)
            bounds = Bounds(size, size, FIELDS_BEFORE_LOGIN)
        elif _may_be_large(route, most):
            _hold_place(held, session.user)
            bounds, timeout = Bounds(max(LARGEST, most), most, MOST_FIELDS), SECONDS
        else:
            bounds = Bounds(most, most, MOST_FIELDS)
        async with _within(bounds, timeout):
            yield


def _hold_place(held: ExitStack, user_id: str) -> None:
    try:
        held.enter_context(hub().uploads.one_of(user_id))
    except BusyError:
        cast(Body, asked().body).throw_away()
        raise


def _may_be_large(route: Route, most: int) -> bool:
    """Whether to wait for more than other bodies have. Nobody else's page makes a browser send so much."""
    length = asked().content_length
    is_large = asked().mimetype == MULTIPART and (length is None or length > most)
    return (
        is_large and route.uploads and not is_foreign(fetch_of_request(), own_hosts(asked(), hub().settings))
    )


@asynccontextmanager
async def _within(bounds: Bounds, seconds: float) -> AsyncIterator[None]:
    sent = kept().form = Form()
    try:
        with trio.move_on_after(seconds) as waiting:
            await _read(sent, bounds)
        if waiting.cancelled_caught:
            raise RequestTimeout
        kept().form_xsrf = sent.fields.get("_xsrf")
        yield
    finally:
        sent.spool.close()


async def _read(sent: Form, bounds: Bounds) -> None:
    """What is no form has no fields."""
    is_urlencoded = asked().mimetype in URLENCODED
    if not is_urlencoded and asked().mimetype != MULTIPART:
        return
    most = bounds.in_memory if is_urlencoded else bounds.size
    async with aclosing(cast(Body, asked().body).pieces(most)) as pieces:
        if is_urlencoded:
            sent.fields.update(_pairs(b"".join([piece async for piece in pieces]), bounds.fields))
            return
        boundary = asked().mimetype_params.get("boundary", "")[:LONGEST_BOUNDARY]
        try:
            await Parts(sent, boundary.encode("ascii"), bounds).read(pieces)
        except ValueError:
            sent.fields.clear()
            sent.files.clear()


def _pairs(content: bytes, most: int) -> list[tuple[str, str]]:
    if content.count(b"&") >= most:
        raise RequestEntityTooLarge
    return parse_qsl(content.decode(errors="replace"), keep_blank_values=True)


class Decoder(MultipartDecoder):
    """Werkzeug's takes the CR before a boundary for content if the boundary is all that has come."""

    def _last_partial_boundary_index(self, data: bytes | bytearray) -> int:
        """From where on this may be a boundary with the signs behind it."""
        begin = max(0, len(data) - len(b"\r\n--") - len(self.boundary) - SEARCH_EXTRA_LENGTH)
        found = (data.find(sign, begin) for sign in (b"\r", b"\n"))
        return min((at for at in found if at >= 0), default=len(data))


class Parts:
    """The parts of one multipart form, on their way into `sent`."""

    def __init__(self, sent: Form, boundary: bytes, bounds: Bounds) -> None:
        self._sent = sent
        self._bounds = bounds
        self._decoder = Decoder(boundary, max_parts=bounds.fields)
        self._name = ""
        self._field: list[bytes] | None = None
        self._file: Upload | None = None
        self._in_memory = 0

    async def read(self, pieces: AsyncIterator[bytes]) -> None:
        """Raises ValueError for what is malformed."""
        async for piece in pieces:
            for begin in range(0, len(piece), STEP):
                self._decoder.receive_data(piece[begin : begin + STEP])
                await self._take_all()
                await trio.lowlevel.checkpoint()

    async def _take_all(self) -> None:
        while True:
            match self._decoder.next_event():
                case Field(name=name):
                    self._name, self._field, self._file = name or "", [], None
                case File(name=name, filename=filename, headers=headers):
                    kind = headers.get("content-type", "") or "application/octet-stream"
                    self._field, self._file = None, Upload(self._sent.spool, filename, kind)
                    self._sent.files.add(name or "", self._file)
                case Data(data=data, more_data=more):
                    await self._add(data, is_last=not more)
                case NeedData() | Epilogue():
                    break
        if self._decoder.state is State.EPILOGUE:
            self._decoder.buffer.clear()
        if len(self._decoder.buffer) > 2 * STEP:  # the head of a part, or a beginning that never ends
            raise RequestEntityTooLarge

    async def _add(self, data: bytes, *, is_last: bool) -> None:
        if self._file is not None:
            await self._file.write(data)
        if self._field is None:
            return
        self._in_memory += len(data)
        if self._in_memory > self._bounds.in_memory:
            raise RequestEntityTooLarge
        self._field.append(data)
        if is_last:
            self._sent.fields.add(self._name, b"".join(self._field).decode(errors="replace"))
