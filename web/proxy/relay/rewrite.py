"""The heads we send on: hop-by-hop headers replaced by ours, X-Forwarded-* appended."""

from web.http1.request import Request
from web.proxy.relay.reply import Reply
from web.proxy.target import Target


class Visitor:
    """Where a connection comes from, as X-Forwarded-* tells it. `address` is empty behind a unix socket."""

    __slots__ = ("_address", "_host", "_lines", "_scheme")

    def __init__(self, address: bytes, scheme: bytes) -> None:
        self._address = address
        self._scheme = scheme
        self._host: bytes | None = None
        self._lines = b""

    def lines(self, request: Request) -> bytes:
        """The four headers; existing values stay in front of ours, as configurable-http-proxy leaves them."""
        host = request.host or b""
        if host != self._host:  # a browser's connection asks for one host all its life
            self._host = host
            self._lines = b"".join(_line(name, value) for name, value in self._values(host))
        if not _is_forwarded(request):
            return self._lines
        return b"".join(
            _line(name, b",".join([*request.forwarded.get(name.lower(), ()), *([value] if value else ())]))
            for name, value in self._values(host)
        )

    def _values(self, host: bytes) -> tuple[tuple[bytes, bytes], ...]:
        port = host.rpartition(b":")[2]
        if not port.isdigit():
            port = b"443" if self._scheme == b"https" else b"80"
        return (
            (b"X-Forwarded-For", self._address),
            (b"X-Forwarded-Port", port),
            (b"X-Forwarded-Proto", self._scheme),
            (b"X-Forwarded-Host", host),
        )


def _line(name: bytes, value: bytes) -> bytes:
    return b"%b: %b\r\n" % (name, value) if value else b""


def _is_forwarded(request: Request) -> bool:
    return any(name.startswith(b"x-forwarded-") for name in request.forwarded)


def request_head(request: Request, target: Target, visitor: Visitor) -> bytes:
    return b"".join(
        (
            request.method,
            b" ",
            target.prefix,
            request.target,
            b" HTTP/1.1\r\nHost: ",
            target.authority if request.host is None else request.host,
            b"\r\n",
            *request.lines,
            visitor.lines(request),
            _request_framing(request),
            b"\r\n",
        )
    )


def _request_framing(request: Request) -> bytes:
    if request.upgrade:
        return b"Connection: Upgrade\r\nUpgrade: %b\r\n" % request.upgrade
    expect = b"Expect: 100-continue\r\n" if request.expects_continue and request.has_body else b""
    if request.chunked:
        return expect + b"Transfer-Encoding: chunked\r\n"
    if request.length is not None:
        return expect + b"Content-Length: %d\r\n" % request.length
    return b""


def reply_head(reply: Reply, request: Request, *, keep_alive: bool) -> bytes:
    return b"".join(
        (
            b"HTTP/1.1 %d %b\r\n" % (reply.status, reply.reason),
            *reply.lines,
            _reply_framing(reply, request),
            _connection(request, keep_alive),
            b"\r\n",
        )
    )


def _reply_framing(reply: Reply, request: Request) -> bytes:
    if reply.length is not None and reply.status != 204:
        return b"Content-Length: %d\r\n" % reply.length
    if not reply.has_body(request.method) or request.is_http10:
        return b""
    return b"Transfer-Encoding: chunked\r\n"


def _connection(request: Request, keep_alive: bool) -> bytes:
    if not keep_alive:
        return b"Connection: close\r\n"
    return b"Connection: keep-alive\r\n" if request.is_http10 else b""


def interim_head(reply: Reply) -> bytes:
    """100 Continue, 103 Early Hints."""
    return b"HTTP/1.1 %d %b\r\n%b\r\n" % (reply.status, reply.reason, b"".join(reply.lines))


def switching_head(reply: Reply) -> bytes:
    """101: from here on the bytes are the two ends' own business."""
    lines = b"".join(reply.lines)
    return b"HTTP/1.1 101 %b\r\n%bConnection: Upgrade\r\nUpgrade: %b\r\n\r\n" % (
        reply.reason,
        lines,
        reply.upgrade,
    )
