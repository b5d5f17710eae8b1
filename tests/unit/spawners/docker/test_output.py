"""The engine's frames, however they are cut."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spawners.docker.output import KEPT, Frames, Piece, last_lines, nanoseconds, since, tail

AT = "2026-01-02T03:04:05.000000001Z"
MOMENT = 1_767_323_045_000_000_001


def frame(text: bytes, at: str = AT, stream: int = 1) -> bytes:
    content = at.encode() + b" " + text
    return bytes([stream, 0, 0, 0]) + len(content).to_bytes(4, "big") + content


def test_a_frame_is_a_line_and_its_moment() -> None:
    assert list(Frames().take(frame(b"hello\n") + frame(b"", stream=2))) == [
        Piece(MOMENT, b"hello\n"),
        Piece(MOMENT, b""),
    ]


def test_output_of_a_terminal_has_no_frames() -> None:
    frames = Frames(is_terminal=True)
    assert list(frames.take(f"{AT} one\r\n{AT} tw".encode())) == [Piece(MOMENT, b"one\r\n")]
    assert list(frames.take(b"o\n")) == [Piece(MOMENT, b"two\n")]


def test_what_is_no_moment_is_text() -> None:
    assert list(Frames(is_terminal=True).take(b"hello world\n")) == [Piece(0, b"hello world\n")]


def test_what_is_no_output_of_a_container_is_not_waited_for() -> None:
    with pytest.raises(ValueError, match="not the output of a container"):
        list(Frames().take(b"HTTP/1.1 200 OK"))


@given(texts=st.lists(st.binary(max_size=50)), cuts=st.lists(st.integers(1, 30)))
def test_it_does_not_matter_how_it_is_cut(texts: list[bytes], cuts: list[int]) -> None:
    whole, frames = b"".join(map(frame, texts)), Frames()
    pieces: list[Piece] = []
    for size in cuts:
        pieces += frames.take(whole[:size])
        whole = whole[size:]
    pieces += frames.take(whole)
    assert pieces == [Piece(MOMENT, text) for text in texts]


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (AT, MOMENT),
        ("2026-01-02T03:04:05Z", MOMENT - 1),
        ("2026-01-02T03:04:05.5Z", MOMENT - 1 + 500_000_000),
        ("1970-01-01T00:00:00.000000007Z", 7),
    ],
)
def test_moments_are_exact(moment: str, expected: int) -> None:
    assert nanoseconds(moment) == expected


@given(st.integers(0, 2**62))
def test_a_moment_can_be_asked_for(moment: int) -> None:
    seconds, _, fraction = since(moment).partition(".")
    assert int(seconds) * 10**9 + int(fraction) == moment
    assert len(fraction) == 9


def test_the_last_lines_are_few_and_short() -> None:
    pieces = [Piece(n, f"line {n}\n".encode()) for n in range(200)]
    assert last_lines(pieces) == [f"line {n}" for n in range(100, 200)]
    assert last_lines([Piece(1, b"x" * 5000), Piece(2, b"y\r\n"), Piece(3, b"\xff")]) == [
        "x" * 1000,
        "\ufffd",
    ]
    assert last_lines([Piece(1, b"half "), Piece(2, b"a line\n")]) == ["half a line"]
    assert last_lines([]) == []


async def test_no_more_than_a_megabyte_is_kept() -> None:
    async def much() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield frame(b"x" * 65535 + b"\n")

    kept = await tail(Frames(), much())
    assert sum(len(piece.data) for piece in kept) == KEPT
