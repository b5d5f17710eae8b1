"""The head of a request, checked for everything that two readers might understand differently."""

import re

import httptools

from web.http1.fields import CRLF, HEAD_END, Fields

MOST_LINES = 500  # of a head: each costs whoever reads it behind us more than its bytes do

_HOST = re.compile(rb"[A-Za-z0-9._~%!$&'()*+;=:\[\]-]*")
_ABSOLUTE = re.compile(rb"(?i:https?)://([^/?]*)(.*)")

# About this connection, or about this message's way here. All other headers pass through untouched.
SPECIAL = frozenset(
    (
        b"connection content-length expect host http2-settings keep-alive proxy-authorization "
        b"proxy-connection te trailer transfer-encoding upgrade "
        b"x-forwarded-for x-forwarded-host x-forwarded-port x-forwarded-proto"
    ).split()
)

NO_HEADERS: frozenset[bytes] = frozenset()


class BadRequestError(Exception):
    """What a client sent is refused with `status`, and its connection closed."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Request:
    """A request's head, checked. `length` is None without a Content-Length."""

    __slots__ = (
        "chunked",
        "expects_continue",
        "fields",
        "forwarded",
        "host",
        "is_http10",
        "keep_alive",
        "length",
        "lines",
        "method",
        "path",
        "target",
        "upgrade",
    )

    method: bytes
    target: bytes  # origin form: path and query as sent
    path: bytes
    host: bytes | None  # None: an HTTP/1.0 client that sent none
    is_http10: bool
    lines: list[bytes]
    forwarded: dict[bytes, list[bytes]]
    fields: Fields  # what has kept the headers
    length: int | None
    chunked: bool
    keep_alive: bool
    upgrade: bytes
    expects_continue: bool

    @property
    def has_body(self) -> bool:
        return self.chunked or bool(self.length)

    @property
    def wants_upgrade(self) -> bool:
        """Whether it speaks of another protocol, be it in vain."""
        return b"upgrade" in self.forwarded

    @property
    def is_safe_to_repeat(self) -> bool:
        return self.method in (b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE", b"TRACE", b"PROPFIND")

    def header(self, name: bytes) -> bytes:
        """The first such header of those that pass through; for error pages, so it need not be fast."""
        for line in self.lines:
            found, _, value = line.partition(b":")
            if found.lower() == name:
                return value.strip()
        return b""


def check_size(head: bytes, head_size: int, request_line: int) -> None:
    """Refuses too long a head, or beginning of one."""
    line_end = head.find(CRLF)
    if (line_end if line_end >= 0 else len(head)) > request_line:
        raise BadRequestError(414, "the request line is too long")
    if len(head) > head_size or head.count(b"\n") > MOST_LINES:
        raise BadRequestError(431, "the headers are too large")


def check_unfinished(head: bytes, head_size: int, request_line: int) -> None:
    """Refuses the beginning of what cannot become a good head, so that nobody waits for its end."""
    check_size(head, head_size, request_line)
    if head.count(b"\n") != head.count(CRLF) or not (head[:1].isalpha() or head in (b"", b"\r")):
        raise BadRequestError(400, "this is not HTTP/1.1")


def parse_request(raw: bytes, fields: Fields | None = None) -> Request:
    """`raw` ends with the empty line. `fields`: what is to keep the headers. Raises BadRequestError."""
    if fields is None:
        fields = Fields(SPECIAL)
    request = Request()
    request.method = _fed(fields, raw)
    _read_request_line(request, raw[: raw.find(CRLF)], fields.word)
    _read_host(request, fields.special.get(b"host", []))
    _read_target(request)
    _read_framing(request, fields)
    request.lines = fields.lines
    request.forwarded = fields.special
    request.fields = fields
    return request


def parse_again(raw: bytes, known: Request) -> Request:
    """`raw`: a request line and the empty line. `known`: one of this method and version, with the headers that follow.

    Raises BadRequestError.
    """
    line = Fields(NO_HEADERS)
    request = Request()
    request.method = _fed(line, raw)
    _read_request_line(request, raw[: -len(HEAD_END)], line.word)
    request.host = known.host
    _read_target(request)
    request.lines = known.lines
    request.forwarded = known.forwarded
    request.fields = known.fields
    request.length = known.length
    request.chunked = known.chunked
    request.keep_alive = known.keep_alive
    request.upgrade = known.upgrade
    request.expects_continue = known.expects_continue
    return request


def _fed(fields: Fields, raw: bytes) -> bytes:
    """The method, once llhttp has told `fields` of all the rest."""
    parser = httptools.HttpRequestParser(fields)
    try:
        parser.feed_data(raw)
    except httptools.HttpParserUpgrade:
        pass
    except httptools.HttpParserError as error:
        _refuse_unknown_coding(fields)
        raise BadRequestError(400, str(error)) from None
    if not fields.is_whole(raw):
        raise BadRequestError(400, "lines must end in CR LF and may not be folded")
    method: bytes = parser.get_method()
    return method


def _read_request_line(request: Request, line: bytes, target: bytes) -> None:
    start = b"%b %b HTTP/1." % (request.method, target)
    if line == start + b"1":
        request.is_http10 = False
    elif line == start + b"0":
        request.is_http10 = True
    else:
        raise BadRequestError(400, "the request line is not METHOD TARGET HTTP/1.1")
    if request.method == b"CONNECT":
        raise BadRequestError(405, "this is not a forward proxy")
    if b"#" in target:
        raise BadRequestError(400, "a request target has no fragment")
    request.target = target


def _read_host(request: Request, hosts: list[bytes]) -> None:
    if len(hosts) > 1 or not (hosts or request.is_http10):
        raise BadRequestError(400, "exactly one Host header is needed")
    request.host = hosts[0] if hosts else None
    if request.host is not None and not _HOST.fullmatch(request.host):
        raise BadRequestError(400, "the Host header is malformed")


def _read_target(request: Request) -> None:
    if not request.target.startswith(b"/"):
        request.target = _in_origin_form(request)
    request.path = request.target.partition(b"?")[0]


def _in_origin_form(request: Request) -> bytes:
    absolute = _ABSOLUTE.fullmatch(request.target)
    if not absolute or absolute[1] != request.host:
        raise BadRequestError(400, "the request target must be a path on the host in the Host header")
    return absolute[2] if absolute[2].startswith(b"/") else b"/" + absolute[2]


def _read_framing(request: Request, fields: Fields) -> None:
    _refuse_unknown_coding(fields)
    codings = fields.codings
    if codings and (request.is_http10 or b"content-length" in fields.special):
        raise BadRequestError(400, "a transfer coding excludes a content length and HTTP/1.0")
    request.chunked = codings is not None
    try:
        request.length = fields.length()
    except ValueError:
        raise BadRequestError(400, "the content length is malformed") from None
    request.keep_alive = fields.keeps_alive(is_http10=request.is_http10)
    request.upgrade = _read_upgrade(request, fields)
    request.expects_continue = b"expect" in fields.special and not request.is_http10


def _read_upgrade(request: Request, fields: Fields) -> bytes:
    """An upgrade may be ignored: with a body, and to h2c, whose requests would pass by our routes unseen."""
    upgrade = b", ".join(fields.special.get(b"upgrade", ()))
    if not upgrade or b"upgrade" not in fields.tokens() or request.is_http10 or request.has_body:
        return b""
    return b"" if b"h2c" in upgrade.lower() else upgrade


def _refuse_unknown_coding(fields: Fields) -> None:
    codings = fields.codings
    if codings and b"content-length" not in fields.special and codings != [b"chunked"]:
        raise BadRequestError(501, "the only known transfer coding is chunked")
