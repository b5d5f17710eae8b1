"""The head of a reply, checked, and which body follows it."""

import re

import httptools

from web.http1.body import Body, BodyToEnd, ChunkedBody, LengthBody
from web.http1.fields import Fields

_SPECIAL = frozenset(
    b"connection content-length keep-alive proxy-connection te trailer transfer-encoding upgrade".split()
)

_CONTROLS = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")  # some readers refuse a reason that has them
# RFC 9110, 15: what else begins with three digits, two readers take for different things
STATUSES = range(100, 600)


class BadReplyError(Exception):
    """What a server answered cannot be passed on safely."""


class Reply:
    """A reply's head, checked."""

    __slots__ = ("chunked", "is_http10", "keep_alive", "length", "lines", "reason", "status", "upgrade")

    status: int
    reason: bytes
    is_http10: bool
    lines: list[bytes]
    length: int | None
    chunked: bool
    keep_alive: bool
    upgrade: bytes

    def has_body(self, method: bytes) -> bool:
        return not (method == b"HEAD" or self.status in (204, 304) or self.status < 200)


def parse_reply(raw: bytes) -> Reply:
    """`raw` ends with the empty line. Raises BadReplyError."""
    fields = Fields(_SPECIAL)
    parser = httptools.HttpResponseParser(fields)
    try:
        parser.feed_data(raw)
    except httptools.HttpParserUpgrade:
        pass
    except httptools.HttpParserError as error:
        raise BadReplyError(str(error)) from None
    if not fields.is_whole(raw) or not raw.startswith((b"HTTP/1.1 ", b"HTTP/1.0 ")):
        raise BadReplyError("the head is malformed")
    reply = Reply()
    reply.status = parser.get_status_code()
    if reply.status not in STATUSES:
        raise BadReplyError("no such status")
    reply.reason = _CONTROLS.sub(b"?", fields.word)
    reply.is_http10 = raw.startswith(b"HTTP/1.0")
    _read_framing(reply, fields)
    reply.lines = fields.lines
    return reply


def _read_framing(reply: Reply, fields: Fields) -> None:
    codings = fields.codings
    if codings and (reply.is_http10 or b"content-length" in fields.special or codings != [b"chunked"]):
        raise BadReplyError("the framing is ambiguous")
    reply.chunked = codings is not None
    try:
        reply.length = fields.length()
    except ValueError:
        raise BadReplyError("the content length is malformed") from None
    reply.keep_alive = fields.keeps_alive(is_http10=reply.is_http10)
    reply.upgrade = b", ".join(fields.special.get(b"upgrade", ()))


def open_body(reply: Reply, method: bytes, *, chunked_out: bool) -> Body | None:
    """RFC 9112, 6.3. None if there can be no body."""
    if not reply.has_body(method):
        return None
    if reply.chunked:
        return ChunkedBody(chunked_out=chunked_out)
    return BodyToEnd(chunked_out=chunked_out) if reply.length is None else LengthBody(reply.length)
