"""Bodies on their way through: how many bytes belong to one, and how they are framed for the other side.

A chunked body is decoded and chunked anew, so that nothing a sender hides in chunk sizes, extensions or
trailers reaches the other side. llhttp decodes.
"""

from typing import Protocol

import httptools

_CHUNKED_HEAD = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
_LAST_CHUNK = b"0\r\n\r\n"
_FRUITLESS = 64 * 1024  # bytes of chunk extensions and trailers in a row
_SMALL_CHUNKS = 16 * 1024  # of a body whose chunks are counted: so many, and one more for each 16 bytes
_SMALL = 16


class BadBodyError(Exception):
    """The framing is wrong, or the sender ended early: what follows cannot be trusted."""


class Body(Protocol):
    """`feed` takes bytes as received, and gives those to send on.

    `excess` is what came after the body's end and belongs to the next message; `overrun` that something
    came there which cannot be given back, so the connection must not be used again.
    """

    done: bool
    excess: bytes
    overrun: bool

    def feed(self, data: bytes) -> bytes: ...

    def end(self) -> bytes:
        """The sender has closed; raises BadBodyError if that is not how this body ends."""
        ...


class LengthBody:
    __slots__ = ("done", "excess", "overrun", "remaining")

    def __init__(self, length: int) -> None:
        self.remaining = length
        self.done = not length
        self.excess = b""
        self.overrun = False

    def feed(self, data: bytes) -> bytes:
        wanted, self.excess = data[: self.remaining], data[self.remaining :]
        self.remaining -= len(wanted)
        self.done = not self.remaining
        return wanted

    def end(self) -> bytes:
        raise BadBodyError("the body is shorter than its length")


class ChunkedBody:
    """`chunked_out` is False towards HTTP/1.0, which knows the end by the connection's end.

    `counted`: many chunks with little in them are refused, where the body is to be kept and not passed on as it comes.
    """

    __slots__ = (
        "_chunked_out",
        "_chunks",
        "_counted",
        "_fruitless",
        "_length",
        "_parser",
        "_pieces",
        "done",
        "excess",
        "overrun",
    )

    def __init__(self, *, chunked_out: bool = True, counted: bool = False) -> None:
        self._chunked_out = chunked_out
        self._counted = counted
        self._chunks = 0
        self._length = 0
        self._pieces: list[bytes] = []
        self._fruitless = 0
        self.done = False
        self.excess = b""
        self.overrun = False
        self._parser = httptools.HttpRequestParser(self)
        self._parser.feed_data(_CHUNKED_HEAD)

    def feed(self, data: bytes) -> bytes:
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not self.done:
                raise BadBodyError(str(error)) from None
            self.overrun = True
        if self._counted:
            self._count()
        wire = self._frame(b"".join(self._pieces))
        self._pieces.clear()
        self._fruitless = 0 if wire else self._fruitless + len(data)
        if self._fruitless > _FRUITLESS:
            raise BadBodyError("the chunk extensions or trailers are too large")
        if self.done:
            del self._parser  # it refers back to us: a circle the collector would have to find
        return wire

    def end(self) -> bytes:
        raise BadBodyError("the last chunk is missing")

    def _count(self) -> None:
        self._chunks += len(self._pieces)
        self._length += sum(map(len, self._pieces))
        if self._chunks > _SMALL_CHUNKS + self._length // _SMALL:
            raise BadBodyError("there are too many chunks with too little in them")

    def _frame(self, content: bytes) -> bytes:
        if not self._chunked_out:
            return content
        wire = b"%x\r\n%b\r\n" % (len(content), content) if content else b""
        return wire + _LAST_CHUNK if self.done else wire

    def on_message_begin(self) -> None:
        self.overrun = self.done

    def on_body(self, piece: bytes) -> None:
        if not self.done:
            self._pieces.append(piece)

    def on_message_complete(self) -> None:
        self.done = True


class BodyToEnd:
    """A reply that ends with its connection: chunked on the way out, so that ours can go on."""

    __slots__ = ("_chunked_out", "done", "excess", "overrun")

    def __init__(self, *, chunked_out: bool = True) -> None:
        self._chunked_out = chunked_out
        self.done = False
        self.excess = b""
        self.overrun = True

    def feed(self, data: bytes) -> bytes:
        return b"%x\r\n%b\r\n" % (len(data), data) if self._chunked_out and data else data

    def end(self) -> bytes:
        self.done = True
        return _LAST_CHUNK if self._chunked_out else b""
