"""One request to an engine and its answer, on a connection of its own: HTTP/1.1 by h11, on trio's streams."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager

import h11
import trio

from core.errors import UnreachableError
from spawners.docker.engine.place import Place

CONNECTING = 5.0  # seconds
_AT_ONCE = 65536  # bytes
_HEADERS = {"Connection": "close", "Accept": "*/*"}


class Body:
    """What an answer consists of, piece by piece. `silence`: the longest wait for one, in seconds."""

    def __init__(self, exchange: Exchange, silence: float) -> None:
        self._exchange = exchange
        self._silence = silence

    def __aiter__(self) -> Body:
        return self

    async def __anext__(self) -> bytes:
        with self._exchange.asking(self._silence):
            if piece := await self._exchange.read():
                return piece
        raise StopAsyncIteration

    async def whole(self) -> bytes:
        return b"".join([piece async for piece in self])


class Exchange:
    """`status`: of the answer, once there is one."""

    def __init__(self, place: Place, stream: trio.abc.Stream) -> None:
        self.status = 0
        self._place = place
        self._stream = stream
        self._http = h11.Connection(h11.CLIENT)

    @contextmanager
    def asking(self, timeout: float) -> Iterator[None]:
        with asking(self._place, timeout):
            yield

    async def ask(
        self, method: str, target: str, content: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> None:
        """Return once the head of the answer is here."""
        headers = {"Host": self._place.authority, **_HEADERS, **(headers or {})}
        headers["Content-Length"] = str(len(content))
        if content:
            headers["Content-Type"] = "application/json"
        request = h11.Request(method=method, target=target, headers=list(headers.items()))
        for part in (request, h11.Data(data=content), h11.EndOfMessage()):
            await self._stream.send_all(self._http.send(part) or b"")
        while not isinstance(event := await self._next(), h11.Response):
            if not isinstance(event, h11.InformationalResponse):
                raise h11.RemoteProtocolError("the connection was closed")
        self.status = event.status_code

    async def read(self) -> bytes:
        """Some of the body; b"" at its end."""
        while isinstance(event := await self._next(), h11.Data):
            if event.data:
                return bytes(event.data)
        return b""

    async def _next(self) -> object:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data(bytes(await self._stream.receive_some(_AT_ONCE)))
        return event


@contextmanager
def asking(place: Place, timeout: float) -> Iterator[None]:
    """Raises UnreachableError for whatever keeps an answer from coming, and after so many seconds."""
    try:
        with trio.fail_after(timeout):
            yield
    except trio.TooSlowError:
        raise UnreachableError(
            f"the container engine at {place} cannot be asked: no answer in time"
        ) from None
    except (OSError, trio.BrokenResourceError, trio.ClosedResourceError, h11.RemoteProtocolError) as error:
        why = str(error.__cause__ or error) or type(error).__name__
        raise UnreachableError(f"the container engine at {place} cannot be asked: {why}") from error


@asynccontextmanager
async def exchange(place: Place, tls: ssl.SSLContext | None) -> AsyncIterator[Exchange]:
    """It ends with the block, at once: an engine is owed no orderly close."""
    with asking(place, CONNECTING):
        sock = await _connected(place)
    try:
        stream: trio.abc.Stream = sock
        if tls is not None:
            stream = trio.SSLStream(sock, tls, server_hostname=place.host, https_compatible=True)
        yield Exchange(place, stream)
    finally:
        sock.socket.close()


async def _connected(place: Place) -> trio.SocketStream:
    if place.socket:
        return await trio.open_unix_socket(place.socket)
    return await trio.open_tcp_stream(place.host, place.port)
