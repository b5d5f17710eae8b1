"""Heads that are read one after the other mean what each of them means by itself."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from web.http1.fields import Fields
from web.http1.heads import LONGEST, Heads
from web.http1.request import SPECIAL, BadRequestError, Request, parse_request

METHODS = ["GET", "POST", "HEAD", "CONNECT", "PRI", "SOURCE", "DESCRIBE", "get", "G\0T", ""]
TARGETS = [
    "/",
    "/hub/api?a=b",
    "http://h/x",
    "http://other/x",
    "*",
    "/a b",
    "/a\rb",
    "/a\nb",
    "/\0",
    "/#f",
    "/\xff",
]
VERSIONS = ["HTTP/1.1", "HTTP/1.0", "HTTP/0.1", "HTTP/2.0", "HTTP/1.11", "ICE/1.1", "RTSP/1.1", ""]
HEADERS = [
    "Host: h",
    "host: H:1",
    "Host: other",
    "Connection: close",
    "Connection: keep-alive, X-Mine",
    "X-Mine: 1",
    "Upgrade: websocket",
    "Connection: upgrade",
    "Content-Length: 3",
    "Content-Length: x",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: gzip, chunked",
    "Expect: 100-continue",
    "X-Forwarded-For: 192.0.2.1",
    "Cookie: a=b",
    f"X-Long: {'x' * LONGEST}",
    "Bad header",
    "X-Folded: a\r\n b",
    "X-Bare: a\nb",
]
WHAT = [name for name in Request.__slots__ if name != "fields"]

lines = st.builds(
    lambda *words: " ".join(words),
    st.sampled_from(METHODS),
    st.sampled_from(TARGETS),
    st.sampled_from(VERSIONS),
)
good_lines = st.sampled_from(
    ["GET / HTTP/1.1", "POST /hub?x HTTP/1.1", "GET http://h/ HTTP/1.1", "GET / HTTP/1.0"]
)
headers = st.lists(st.sampled_from(HEADERS), max_size=4).map(lambda some: ["Host: h", *some]) | st.lists(
    st.sampled_from(HEADERS), max_size=3
)


def fields() -> Fields:
    return Fields(SPECIAL)


def found(request: Request) -> Any:
    return {name: getattr(request, name) for name in WHAT}


def read_alone(raw: bytes) -> Any:
    try:
        return found(parse_request(raw, fields()))
    except BadRequestError as error:
        return error.status, error.reason


def read_by(heads: Heads, raw: bytes) -> Any:
    try:
        return found(heads.parse(raw, fields))
    except BadRequestError as error:
        return error.status, error.reason


@given(st.lists(headers, min_size=1, max_size=2), st.data())
def test_what_was_read_before_changes_nothing(blocks: list[list[str]], data: st.DataObject) -> None:
    heads = Heads()
    for _ in range(5):
        line = data.draw(good_lines | lines)
        block = data.draw(st.sampled_from(blocks))
        raw = "".join(f"{one}\r\n" for one in [line, *block, ""]).encode("latin-1")
        assert read_by(heads, raw) == read_alone(raw)


def test_the_same_headers_are_read_once() -> None:
    heads, made = Heads(), []

    def counted() -> Fields:
        made.append(fields())
        return made[-1]

    for path in ("/a", "/b", "/c"):
        read = heads.parse(f"GET {path} HTTP/1.1\r\nHost: h\r\n\r\n".encode(), counted)
        assert (read.path, read.fields) == (path.encode(), made[0])
    heads.parse(b"GET / HTTP/1.1\r\nHost: h\r\nCookie: a=b\r\n\r\n", counted)
    assert len(made) == 2
