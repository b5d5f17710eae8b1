"""Requests and replies as they come, and as somebody sends them who wants two readers to disagree."""

from __future__ import annotations

import itertools
import random

HOST = b"Host: h\r\n"

REQUESTS = (
    b"GET / HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET /a?b=c HTTP/1.1\r\n" + HOST + b"Accept: */*\r\nCookie: a=b\r\n\r\n",
    b"GET /old HTTP/1.0\r\n\r\n",
    b"GET /kept HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    b"POST /p HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n\r\nhello",
    b"POST /none HTTP/1.1\r\n" + HOST + b"Content-Length: 0\r\n\r\n",
    b"PUT /c HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3\r\nabc\r\n0\r\n\r\n",
    b"POST /x HTTP/1.1\r\n"
    + HOST
    + b"Transfer-Encoding: chunked\r\n\r\nA;x=y\r\n0123456789\r\n0\r\nT: u\r\n\r\n",
    b"DELETE /d HTTP/1.1\r\n" + HOST + b"Content-Length: 30\r\n\r\nGET /inner HTTP/1.1\r\nHost: h\r\n\r\n",
    b"POST /e HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\nhi",
    b"GET /w HTTP/1.1\r\n" + HOST + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    b"GET http://h/abs HTTP/1.1\r\n" + HOST + b"\r\n",
    b"OPTIONS /o HTTP/1.1\r\n" + HOST + b"Connection: close, X-A\r\nX-A: b\r\n\r\n",
)
REPLIES = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a\r\nhello\r\n1\r\nx\r\n0\r\nA: b\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n\r\nuntil the end",
    b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nEtag: x\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\nx",
    b"HTTP/1.1 302 Found\r\nLocation: /x\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 500 \r\nConnection: close\r\nContent-Length: 3\r\n\r\nbad",
)
LINES = (
    *(
        b"Content-Length: 5\r\n",
        b"Content-Length: 0\r\n",
        b"Content-Length: 5, 5\r\n",
        b"Content-Length: +5\r\n",
    ),
    *(
        b"Content-Length : 5\r\n",
        b"content-length:5\r\n",
        b"Content-Length: 05\r\n",
        b"Content_Length: 5\r\n",
    ),
    *(
        b"Transfer-Encoding: chunked\r\n",
        b"transfer-encoding:\tchunked\r\n",
        b"Transfer-Encoding: gzip, chunked\r\n",
    ),
    *(
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding: \r\n",
    ),
    *(
        b"Transfer-Encoding\r\n: chunked\r\n",
        b"Transfer-Encoding: chun\r\n ked\r\n",
        b"X: a\nContent-Length: 5\r\n",
    ),
    *(
        b"Host: other\r\n",
        b"Host: h\r\n",
        b"Connection: close\r\n",
        b"Connection: Content-Length\r\n",
        b"\r\n",
    ),
    *(b"X: " + b"y" * 300 + b"\r\n", b": v\r\n", b"N\r\n", b" folded\r\n", b"X:\0\r\n", b"X: \xff\xfe\r\n"),
    *(b"Upgrade: h2c\r\n", b"Trailer: X\r\n", b"Expect: 100-continue\r\n", b"0\r\n\r\n", b"5\r\nhello\r\n"),
)
BYTES = b"\r\n\t\0 :;,0159afxAZ/?#%\"'\x0b\x0c\x7f\x80\xa0\xff-+_."


def request(rng: random.Random) -> bytes:
    """Some, one behind the other."""
    whole = b"".join(rng.choices(REQUESTS, k=rng.choice((1, 1, 2, 3))))
    return _mutated(rng, whole)


def reply(rng: random.Random) -> bytes:
    return _mutated(rng, rng.choice(REPLIES))


def pieces(rng: random.Random, data: bytes) -> list[bytes]:
    """The same, cut anywhere."""
    places = sorted(rng.randrange(len(data) + 1) for _ in range(rng.choice((0, 0, 1, 3, 10))))
    borders = [0, *places, len(data)]
    cut = [data[begin:end] for begin, end in itertools.pairwise(borders)]
    return [piece for piece in cut if piece]


def _mutated(rng: random.Random, data: bytes) -> bytes:
    for _ in range(rng.choice((0, 1, 1, 2, 3, 5))):
        data = rng.choice((_set, _insert, _drop, _add_line, _double_line, _drop_line, _splice, _truncate))(
            rng, data
        )
    return data


def _set(rng: random.Random, data: bytes) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + bytes([rng.choice(BYTES)]) + data[at + 1 :]


def _insert(rng: random.Random, data: bytes) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + bytes(rng.choices(BYTES, k=rng.choice((1, 1, 2)))) + data[at:]


def _drop(rng: random.Random, data: bytes) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + data[at + rng.choice((1, 1, 2, 5)) :]


def _add_line(rng: random.Random, data: bytes) -> bytes:
    lines = data.split(b"\r\n")
    lines.insert(rng.randrange(1, len(lines) + 1), rng.choice(LINES).removesuffix(b"\r\n"))
    return b"\r\n".join(lines)


def _double_line(rng: random.Random, data: bytes) -> bytes:
    lines = data.split(b"\r\n")
    at = rng.randrange(len(lines))
    return b"\r\n".join([*lines[: at + 1], *lines[at:]])


def _drop_line(rng: random.Random, data: bytes) -> bytes:
    lines = data.split(b"\r\n")
    del lines[rng.randrange(len(lines))]
    return b"\r\n".join(lines)


def _splice(rng: random.Random, data: bytes) -> bytes:
    other = rng.choice(REQUESTS + REPLIES)
    return data[: rng.randrange(len(data) + 1)] + other[rng.randrange(len(other)) :]


def _truncate(rng: random.Random, data: bytes) -> bytes:
    return data[: rng.randrange(len(data) + 1)]
