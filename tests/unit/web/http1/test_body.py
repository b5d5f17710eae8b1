"""Bodies on their way through, however they are cut."""

from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from web.http1.body import BadBodyError, Body, BodyToEnd, ChunkedBody, LengthBody


def feed_all(body: Body, pieces: list[bytes]) -> bytes:
    return b"".join(body.feed(piece) for piece in pieces if not body.done)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    borders = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in pairwise(borders)]


places = st.lists(st.integers(0, 10_000), max_size=20)


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=8), places)
def test_a_chunked_body_arrives_as_it_was_sent(chunks: list[bytes], places: list[int]) -> None:
    assume(b"ext" not in b"".join(chunks))  # what extensions are made of here
    wire = (
        b"".join(b"%X;ext=1\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\nTrailer: x\r\n\r\n"
    )
    plain = ChunkedBody(chunked_out=False)
    assert feed_all(plain, cut(wire, places)) == b"".join(chunks)
    assert plain.done
    again = ChunkedBody()
    rechunked = feed_all(again, cut(wire, places))
    assert rechunked.endswith(b"0\r\n\r\n")
    assert b"ext" not in rechunked.replace(b"".join(chunks), b"")
    decoded = ChunkedBody(chunked_out=False)
    assert decoded.feed(rechunked) == b"".join(chunks)
    assert decoded.done
    assert not decoded.overrun


@given(st.binary(max_size=50), st.binary(max_size=50), places)
def test_a_body_of_known_length_gives_back_what_follows(
    content: bytes, rest: bytes, places: list[int]
) -> None:
    body = LengthBody(len(content))
    taken, excess = b"", b""
    for piece in cut(content + rest, places):
        if body.done:
            excess += piece
        else:
            taken += body.feed(piece)
            excess += body.excess
    assert (taken, excess, body.done) == (content, rest, True)


@pytest.mark.parametrize(
    "wire",
    [
        b"zz\r\n",
        b"-1\r\na\r\n",
        b"+1\r\na\r\n",
        b"0x1\r\na\r\n",
        b"1 \r\na\r\n",
        b" 1\r\na\r\n",
        b"\r\n1\r\na\r\n",
        b"1\na\r\n",
        b"1\r\na\n0\r\n\r\n",
        b"1\r\nab\r\n",
        b"fffffffffffffffff\r\na",
        b"1;a=\nb\r\na\r\n",
        b"1;a=\rb\r\na\r\n",
        b"1;\0\r\na\r\n",
        b"0\r\nContent-Length: 5\r\n\r\n",
        b"0\r\n folded\r\n\r\n",
        b"0\r\nA: b\n\r\n",
    ],
)
def test_malformed_chunks_are_refused(wire: bytes) -> None:
    body = ChunkedBody()
    with pytest.raises(BadBodyError):
        body.feed(wire)


@pytest.mark.parametrize("filler", [b"1;" + b"a" * 1000, b"0\r\nA: " + b"a" * 1000])
def test_endless_extensions_and_trailers_are_refused(filler: bytes) -> None:
    body = ChunkedBody()
    body.feed(filler)
    with pytest.raises(BadBodyError):
        feed_all(body, [b"a" * 1000] * 100)


@pytest.mark.parametrize(
    "behind",
    [b"G", b"GET / HTTP/1.1\r\n\r\n", b"\x00", b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nsmuggled"],
)
def test_what_follows_a_chunked_body_is_noticed_and_never_part_of_it(behind: bytes) -> None:
    body = ChunkedBody()
    assert body.feed(b"1\r\na\r\n0\r\n\r\n" + behind) == b"1\r\na\r\n0\r\n\r\n"
    assert body.done
    assert body.overrun


def test_bodies_that_break_off_are_no_bodies() -> None:
    for body in (LengthBody(3), ChunkedBody()):
        with pytest.raises(BadBodyError):
            body.end()


def test_a_body_may_end_with_its_connection() -> None:
    body = BodyToEnd()
    assert body.feed(b"abc") + body.end() == b"3\r\nabc\r\n0\r\n\r\n"
    assert body.done
    plain = BodyToEnd(chunked_out=False)
    assert plain.feed(b"abc") + plain.end() == b"abc"


def test_nothing_is_done_at_once() -> None:
    assert LengthBody(0).done
