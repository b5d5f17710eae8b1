"""One request handed to tornado without a socket, and the answer collected. In the thread of plug-ins."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, NamedTuple

from tornado.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPServerRequest,
    RequestStartLine,
    ResponseStartLine,
)
from tornado.web import Application

from core.plugins.sent_request import SentRequest
from web.authenticators.jupyterhub.asking import Answered, Asking


class Context(NamedTuple):
    """Where tornado looks for these two."""

    remote_ip: str
    protocol: str


class Exchange(HTTPConnection):
    """What tornado takes for the connection. `login`, `logout`, `told`: noted by handlers, for the hub to carry out."""

    def __init__(self, asking: Asking) -> None:
        self.asking = asking
        self.context = Context(asking.request.address or "127.0.0.1", asking.request.protocol)
        self.login = ""
        self.logout = False
        self.told: dict[str, Any] = {}
        self.finished = asyncio.Event()
        self._status = ResponseStartLine("HTTP/1.1", 500, "")
        self._headers = HTTPHeaders()
        self._body = bytearray()
        self._on_close: Callable[[], None] | None = None

    # --- what tornado calls ---

    def set_close_callback(self, callback: Callable[[], None] | None) -> None:
        self._on_close = callback

    def write_headers(
        self,
        start_line: RequestStartLine | ResponseStartLine,
        headers: HTTPHeaders,
        chunk: bytes | None = None,
    ) -> asyncio.Future[None]:
        assert isinstance(start_line, ResponseStartLine)
        self._status, self._headers = start_line, headers
        return self.write(chunk or b"")

    def write(self, chunk: bytes) -> asyncio.Future[None]:
        self._body += chunk
        written = asyncio.get_running_loop().create_future()
        written.set_result(None)
        return written

    def finish(self) -> None:
        self.finished.set()

    # --- what we call ---

    async def answer(self, application: Application) -> Answered:
        """Raises HTTPInputError for a request that tornado does not take. Cancelled, it cancels the handler."""
        _PRESENT.set(self)
        task = self._begin(application)
        try:
            await self.finished.wait()
        except asyncio.CancelledError:
            if self._on_close is not None:
                self._on_close()
            if task is not None:
                task.cancel()
            raise
        headers = tuple(self._headers.get_all())
        status, reason = self._status.code, self._status.reason
        body = bytes(self._body)
        return Answered(status, reason, headers, body, self.login, self.logout, self.told)

    def _begin(self, application: Application) -> asyncio.Task[object] | None:
        """The task in which the handler runs, which tornado would leave to itself."""
        before = asyncio.all_tasks()
        delegate = application.start_request(self, self)
        request = self.asking.request
        delegate.headers_received(_start_line(request), _headers(request))
        delegate.data_received(request.body)
        delegate.finish()
        return next(iter(asyncio.all_tasks() - before), None)


_PRESENT: ContextVar[Exchange] = ContextVar("exchange")


def present_exchange() -> Exchange | None:
    """That of the handler which runs here."""
    return _PRESENT.get(None)


def request_of(exchange: Exchange) -> HTTPServerRequest:
    """For code that wants the request of a handler, and no answer."""
    sent = exchange.asking.request
    request = HTTPServerRequest(
        headers=_headers(sent), body=sent.body, connection=exchange, start_line=_start_line(sent)
    )
    request._parse_body()
    return request


def _start_line(request: SentRequest) -> RequestStartLine:
    return RequestStartLine(request.method, request.target, "HTTP/1.1")


def _headers(request: SentRequest) -> HTTPHeaders:
    headers = HTTPHeaders()
    for name, value in request.headers:
        if name.lower() != "host":
            headers.add(name, value)
    headers["Host"] = request.host or "localhost"
    return headers
