"""What others read in the same bytes: h11, llhttp, and tornado, which is behind JupyterHub and its servers.

Each gives the messages it has read to their end, up to the first that it refuses.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Any, NamedTuple

import h11
import httptools
from tornado.http1connection import HTTP1ConnectionParameters, HTTP1ServerConnection
from tornado.httputil import (
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerConnectionDelegate,
    RequestStartLine,
    ResponseStartLine,
)
from tornado.iostream import IOStream


class Message(NamedTuple):
    """`first`: method and target of a request, the status of a reply."""

    first: tuple[bytes, ...]
    body: bytes


# --- h11 ---


def requests_of_h11(data: bytes) -> list[Message]:
    connection = h11.Connection(h11.SERVER)
    found: list[Message] = []
    try:
        connection.receive_data(data)
        connection.receive_data(b"")
        while (message := _next_of_h11(connection)) is not None:
            found.append(message)
            connection.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
            connection.send(h11.EndOfMessage())
            connection.start_next_cycle()
    except (h11.RemoteProtocolError, h11.LocalProtocolError):
        pass
    return found


def reply_of_h11(data: bytes, method: bytes) -> Message | None:
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method=method, target=b"/", headers=[("host", "h")]))
    connection.send(h11.EndOfMessage())
    try:
        connection.receive_data(data)
        connection.receive_data(b"")
        return _next_of_h11(connection)
    except h11.RemoteProtocolError:
        return None


def _next_of_h11(connection: h11.Connection) -> Message | None:
    first: tuple[bytes, ...] = ()
    body = b""
    while True:
        match connection.next_event():
            case h11.Request(method=method, target=target):
                first = (method, target)
            case h11.InformationalResponse():
                pass
            case h11.Response(status_code=status):
                first = (b"%d" % status,)
            case h11.Data(data=piece):
                body += bytes(piece)
            case h11.EndOfMessage():
                return Message(first, body)
            case _:
                return None


# --- llhttp ---


class _Heard:
    def __init__(self) -> None:
        self.found: list[Message] = []
        self.url = b""
        self.body = b""
        self.parser: Any = None
        self.is_upgraded = False

    def on_message_begin(self) -> None:
        self.url = self.body = b""

    def on_url(self, part: bytes) -> None:
        self.url += part

    def on_body(self, piece: bytes) -> None:
        self.body += piece

    def on_message_complete(self) -> None:
        is_request = isinstance(self.parser, httptools.HttpRequestParser)
        first = (
            (self.parser.get_method(), self.url) if is_request else (b"%d" % self.parser.get_status_code(),)
        )
        self.found.append(Message(first, self.body))


def _heard(parser_class: type, data: bytes) -> _Heard:
    heard = _Heard()
    heard.parser = parser_class(heard)
    with contextlib.suppress(httptools.HttpParserError):
        try:
            heard.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            heard.is_upgraded = True
    return heard


def requests_of_llhttp(data: bytes, *, with_upgrade: bool = False) -> list[Message]:
    """Without one that asks for another protocol: to this reader all that follows its head is that protocol's."""
    heard = _heard(httptools.HttpRequestParser, data)
    return heard.found[:-1] if heard.is_upgraded and not with_upgrade else heard.found


def replies_of_llhttp(data: bytes) -> list[Message]:
    """Those that end before the connection does."""
    return [one for one in _heard(httptools.HttpResponseParser, data).found if one.first >= (b"200",)]


# --- tornado ---


class _Delegate(HTTPMessageDelegate):
    def __init__(self, found: list[Message], connection: Any) -> None:
        self._found = found
        self._connection = connection
        self._first: tuple[bytes, ...] = ()
        self._body = b""

    def headers_received(self, start_line: Any, headers: Any) -> None:
        assert isinstance(start_line, RequestStartLine)
        self._first = (start_line.method.encode("latin-1"), start_line.path.encode("latin-1"))

    def data_received(self, chunk: bytes) -> None:
        self._body += chunk

    def finish(self) -> None:
        self._found.append(Message(self._first, self._body))
        self._connection.write_headers(
            ResponseStartLine("HTTP/1.1", 200, "OK"), HTTPHeaders({"Content-Length": "0"})
        )
        self._connection.finish()


class _Server(HTTPServerConnectionDelegate):
    def __init__(self) -> None:
        self.found: list[Message] = []
        self.closed = asyncio.Event()

    def start_request(self, server_conn: object, request_conn: Any) -> HTTPMessageDelegate:
        return _Delegate(self.found, request_conn)

    def on_close(self, server_conn: object) -> None:
        self.closed.set()


async def requests_of_tornado(data: bytes) -> list[Message]:
    ours, theirs = socket.socketpair()
    ours.sendall(data)
    ours.shutdown(socket.SHUT_WR)
    theirs.setblocking(False)
    server = _Server()
    connection = HTTP1ServerConnection(IOStream(theirs), HTTP1ConnectionParameters(no_keep_alive=False))
    connection.start_serving(server)
    await asyncio.wait_for(server.closed.wait(), 10)
    ours.close()
    return server.found
