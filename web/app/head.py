"""The head of an answer as bytes."""

from __future__ import annotations

import time
from email.utils import formatdate
from http import HTTPStatus

from quart.typing import ResponseTypes

from web.http1.request import Request

SAME_AGAIN = 500  # lines that are remembered

_status_lines: dict[str, bytes] = {}
_lines: dict[tuple[str, str], bytes] = {}
_CHANGING = frozenset(
    ("content-length", "etag", "location", "set-cookie", "x-request-id", "content-security-policy")
)
_OURS = frozenset(("connection", "transfer-encoding", "date"))


class Clock:
    """The line that says what time it is, made once a second."""

    def __init__(self) -> None:
        self._second = 0
        self._line = b""

    def line(self) -> bytes:
        now = int(time.time())
        if now != self._second:
            self._second = now
            self._line = b"Date: %b\r\n" % formatdate(now, usegmt=True).encode()
        return self._line


_clock = Clock()


def head_of(response: ResponseTypes, request: Request, *, length: int | None, keep: bool) -> bytes:
    """`length`: of the body; None: it is streamed. Raises ValueError for a header with a line break in it."""
    lines = [_status_line(response.status, response.status_code)]
    has_length = False
    for pair in response.headers:
        line = _lines.get(pair)
        if line is None:
            name = pair[0].lower()
            if name in _OURS or (name == "content-length" and length is None):
                continue  # its end is told otherwise
            has_length = has_length or name == "content-length"
            line = _line(name, pair)
        lines.append(line)
    if length is None:
        if not request.is_http10:
            lines.append(b"Transfer-Encoding: chunked\r\n")
    elif not has_length and response.status_code not in (204, 304):
        lines.append(b"Content-Length: %d\r\n" % length)
    lines.append(_clock.line())
    if not keep:
        lines.append(b"Connection: close\r\n")
    elif request.is_http10:
        lines.append(b"Connection: keep-alive\r\n")
    lines.append(b"\r\n")
    return b"".join(lines)


def body_chunk(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece)


def _status_line(status: str, code: int) -> bytes:
    """`status` as werkzeug has it: the standard phrase in capitals, or a reason of somebody's own."""
    known = _status_lines.get(status)
    if known is None:
        known = b"HTTP/1.1 %d %b\r\n" % (code, _reason(status, code).encode("latin-1", "replace"))
        if known.count(b"\n") != 1 or b"\r" in known[:-2]:
            raise ValueError("a reason phrase is one line")
        if len(_status_lines) < SAME_AGAIN:
            _status_lines[status] = known
    return known


def _reason(status: str, code: int) -> str:
    try:
        phrase = HTTPStatus(code).phrase
    except ValueError:
        phrase = "Unknown"
    given = status.partition(" ")[2]
    return phrase if given.upper() in (phrase.upper(), "", "UNKNOWN") else given


def _line(name: str, pair: tuple[str, str]) -> bytes:
    line = f"{pair[0]}: {pair[1]}\r\n".encode("latin-1")
    if line.count(b"\n") != 1 or line.count(b"\r") != 1:
        raise ValueError(f"the header {pair[0]} has a line break in it")
    if name not in _CHANGING and len(_lines) < SAME_AGAIN:
        _lines[pair] = line
    return line
