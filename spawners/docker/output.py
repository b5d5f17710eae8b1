"""What a container has written: the engine's frames, lines with their moments, and what is kept of them.

Source of the frames: the Docker Engine API, "Stream format" of attaching to a container.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from spawners.output_file import LAST_LINES, LINE_LENGTH

KEPT = 2**20  # bytes
_HEADER = 8
_SECOND = 10**9
_FAR_TOO_LONG = 2**24


class Piece(NamedTuple):
    """`at`: when it was written, in nanoseconds since 1970. `data`: a line as a rule, with its end."""

    at: int
    data: bytes


class Frames:
    """Takes what has come, however it is cut, and gives the pieces that are whole.

    `is_terminal`: the container has one, and its output no frames; pieces are lines then.
    """

    def __init__(self, *, is_terminal: bool = False) -> None:
        self._rest = bytearray()
        self._is_terminal = is_terminal

    def take(self, data: bytes) -> Iterator[Piece]:
        self._rest += data
        while (frame := self._next()) is not None:
            yield _piece(frame)

    def _next(self) -> bytes | None:
        return self._next_line() if self._is_terminal else self._next_frame()

    def _next_line(self) -> bytes | None:
        end = self._rest.find(b"\n") + 1
        return self._cut(0, end) if end else None

    def _next_frame(self) -> bytes | None:
        if len(self._rest) < _HEADER:
            return None
        end = _HEADER + int.from_bytes(self._rest[4:_HEADER], "big")
        if end > _FAR_TOO_LONG:
            raise ValueError("not the output of a container")
        return self._cut(_HEADER, end) if len(self._rest) >= end else None

    def _cut(self, begin: int, end: int) -> bytes:
        frame = bytes(self._rest[begin:end])
        del self._rest[:end]
        return frame


def _piece(frame: bytes) -> Piece:
    """`2026-01-02T03:04:05.123456789Z text`, as the engine writes moments."""
    moment, _, text = frame.partition(b" ")
    try:
        return Piece(nanoseconds(moment.decode("ascii")), text)
    except ValueError:
        return Piece(0, frame)


def nanoseconds(moment: str) -> int:
    """Since 1970. Raises ValueError for what is no moment of UTC."""
    whole, _, fraction = moment.removesuffix("Z").partition(".")
    seconds = int(datetime.strptime(whole, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC).timestamp())
    return seconds * _SECOND + int(fraction[:9].ljust(9, "0") or 0)


def since(moment: int) -> str:
    """As a parameter of the engine's."""
    return f"{moment // _SECOND}.{moment % _SECOND:09d}"


def last_lines(pieces: Iterable[Piece]) -> list[str]:
    """At most 100, each of at most 1000 characters."""
    text = b"".join(piece.data for piece in pieces).decode("utf-8", "replace")
    lines = text.split("\n")
    if not lines[-1]:
        del lines[-1]
    return [line.rstrip("\r")[:LINE_LENGTH] for line in lines[-LAST_LINES:]]


async def tail(frames: Frames, data: AsyncIterator[bytes]) -> list[Piece]:
    """The last pieces, a megabyte of them at most."""
    kept: deque[Piece] = deque()
    size = 0
    async for chunk in data:
        for piece in frames.take(chunk):
            kept.append(piece)
            size += len(piece.data)
            while size > KEPT and len(kept) > 1:
                size -= len(kept.popleft().data)
    return list(kept)
