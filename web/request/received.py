"""A request's body as it comes: whole if it is small, else piece by piece, and never more of it than somebody takes.

Quart's own keeps all that has come, and decides about its size before anybody knows whose request it is.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from typing import Any

import trio
from quart_trio.wrappers.request import TrioBody, TrioRequest
from werkzeug.exceptions import RequestEntityTooLarge


class Body(TrioBody):
    """`most`: bytes that it may have as a whole, and that are held of it in any case."""

    def __init__(self, expected: int | None, most: int | None) -> None:
        super().__init__(None, None)
        self._expected = expected
        self._most = most
        self._is_refused = False
        self._news = trio.Event()
        self._room = trio.Event()

    def append(self, data: bytes) -> None:
        if not self._is_refused:
            self._data.extend(data)
            self._tell()

    def set_complete(self) -> None:
        super().set_complete()
        self._tell()

    async def wait_room(self) -> None:
        """Until what is held is no more than it may be. Whoever reads it as a whole refuses what is more."""
        while self._most is not None and len(self._data) > self._most and not self._complete.is_set():
            await self._room.wait()

    def throw_away(self) -> None:
        """With all that still comes: nobody will read it."""
        self._is_refused = True
        self._data.clear()
        self._make_room()

    def __await__(self) -> Generator[Any, None, Any]:
        return self._whole().__await__()

    async def _whole(self) -> bytes:
        """Raises RequestEntityTooLarge."""
        self._check(len(self._data), self._most)
        while not self._complete.is_set():
            await self._news.wait()
            self._check(len(self._data), self._most)
        return bytes(self._data)

    async def pieces(self, most: int) -> AsyncGenerator[bytes, None]:
        """All of it, as long as it has no more than so many bytes. Raises RequestEntityTooLarge."""
        came = 0
        self._check(0, most)
        while True:
            if not self._data and not self._complete.is_set():
                await self._news.wait()
            data = bytes(self._data)
            self._data.clear()
            self._make_room()
            if not data and self._complete.is_set():
                return
            came += len(data)
            self._check(came, most)
            yield data

    def _check(self, came: int, most: int | None) -> None:
        if self._is_refused or (most is not None and max(came, self._expected or 0) > most):
            self.throw_away()
            raise RequestEntityTooLarge

    def _make_room(self) -> None:
        self._room.set()
        self._room = trio.Event()

    def _tell(self) -> None:
        self._news.set()
        self._news = trio.Event()


class Request(TrioRequest):
    body: Body
    body_class = Body  # type: ignore[assignment]
