"""A request's body as it comes: whole if it is small, else piece by piece, and never more of it than somebody takes.

Quart's own keeps all that has come, and decides about its size before anybody knows whose request it is.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Mapping
from typing import Any, Protocol

import trio
from quart_trio.wrappers.request import TrioBody, TrioRequest
from werkzeug.datastructures import Headers, ImmutableMultiDict, MultiDict
from werkzeug.exceptions import BadRequestKeyError, RequestEntityTooLarge
from werkzeug.utils import cached_property

NO_ARGUMENTS: MultiDict[str, str] = ImmutableMultiDict()


class Source(Protocol):
    """Where the rest of a body comes from when somebody reads it."""

    async def receive(self) -> bytes | None:
        """What came next; None behind the end."""


class Bell:
    """Wakes whoever waits just now. Of most bodies nobody ever waits for anything."""

    __slots__ = ("_awaited",)

    def __init__(self) -> None:
        self._awaited: trio.Event | None = None

    async def wait(self) -> None:
        if self._awaited is None:
            self._awaited = trio.Event()
        await self._awaited.wait()

    def ring(self) -> None:
        if self._awaited is not None:
            self._awaited.set()
            self._awaited = None


class Body(TrioBody):
    """Pushed by an ASGI server, or read from its connection when it is asked for (`read_from`).

    `most`: bytes that it may have as a whole, and that are held of it in any case."""

    def __init__(self, expected: int | None, most: int | None) -> None:
        super().__init__(None, None)
        self._expected = expected
        self._most = most
        self._is_refused = False
        self._source: Source | None = None
        self._news = Bell()
        self._room = Bell()

    @property
    def is_there(self) -> bool:
        """Whether all of it has come, and nobody need wait for it."""
        return self._complete.is_set()

    def read_from(self, source: Source) -> None:
        self._source = source

    def append(self, data: bytes) -> None:
        if not self._is_refused:
            self._data.extend(data)
            self._news.ring()

    def set_complete(self) -> None:
        super().set_complete()
        self._news.ring()

    async def wait_room(self) -> None:
        """Until what is held is no more than it may be. Whoever reads it as a whole refuses what is more."""
        while self._most is not None and len(self._data) > self._most and not self._complete.is_set():
            await self._room.wait()

    def throw_away(self) -> None:
        """With all that still comes: nobody will read it."""
        self._is_refused = True
        self._data.clear()
        self._room.ring()

    def __await__(self) -> Generator[Any, None, Any]:
        return self._whole().__await__()

    async def _whole(self) -> bytes:
        """Raises RequestEntityTooLarge."""
        self._check(len(self._data), self._most)
        while not self._complete.is_set():
            await self._wait_news()
            self._check(len(self._data), self._most)
        return bytes(self._data)

    async def pieces(self, most: int) -> AsyncGenerator[bytes, None]:
        """All of it, as long as it has no more than so many bytes. Raises RequestEntityTooLarge."""
        came = 0
        self._check(0, most)
        while True:
            if not self._data and not self._complete.is_set():
                await self._wait_news()
            data = bytes(self._data)
            self._data.clear()
            self._room.ring()
            if not data and self._complete.is_set():
                return
            came += len(data)
            self._check(came, most)
            yield data

    async def _wait_news(self) -> None:
        if self._source is None:
            await self._news.wait()
            return
        data = await self._source.receive()
        if data is None:
            self.set_complete()
        else:
            self.append(data)

    def _check(self, came: int, most: int | None) -> None:
        if self._is_refused or (most is not None and max(came, self._expected or 0) > most):
            self.throw_away()
            raise RequestEntityTooLarge


class ReceivedHeaders(Headers):
    """Those of one request, not to be changed, by name: werkzeug's looks at each for every name that is asked for."""

    def __init__(self, pairs: list[tuple[str, str]], first: Mapping[str, str]) -> None:
        """`first`: of each name, in lower case, the first value. `pairs` were checked by the parser."""
        self._list = pairs
        self._first = first

    def get(self, key: str, default: Any = None, type: Any = None) -> Any:  # type: ignore[override]
        return self._first.get(key.lower(), default) if type is None else super().get(key, default, type)

    def _get_key(self, key: str) -> str:
        try:
            return self._first[key.lower()]
        except KeyError:
            raise BadRequestKeyError(key) from None

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and key.lower() in self._first


class Request(TrioRequest):
    body: Body
    body_class = Body  # type: ignore[assignment]

    @cached_property
    def args(self) -> MultiDict[str, str]:
        """Those of the query."""
        return super().args if self.query_string else NO_ARGUMENTS

    async def get_data(  # type: ignore[override]
        self, cache: bool = True, as_text: bool = False, parse_form_data: bool = False
    ) -> str | bytes:
        """As Quart's, whose deadline is for what is still on its way."""
        if parse_form_data or not self.body.is_there:
            return await super().get_data(cache, as_text, parse_form_data)
        data: bytes = await self.body
        if not cache:
            self.body.clear()
        return data.decode() if as_text else data
