"""Talking to the hub: a small HTTP client for two POSTs and one stream of events."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from urllib.parse import urlsplit

import msgspec
import trio

from web.http1.body import BadBodyError
from web.http1.stream import Stream
from web.proxy.relay.reply import BadReplyError, Reply, open_body
from web.proxy.relay.upstreams import UnreachableError, Upstream, Upstreams
from web.proxy.target import Target, parse_target

_ANSWER_TIME = 10.0


class HubError(OSError):
    """The hub is away, refused, or spoke nonsense; all three are answered by trying again."""


class HubClient:
    """`stream_url` is where the hub tells routes; `applied` and `activity` are its neighbours."""

    def __init__(self, stream_url: str, token: str) -> None:
        parts = urlsplit(stream_url)
        self._target: Target = parse_target(f"{parts.scheme}://{parts.netloc}")
        self._stream_path = parts.path
        self._directory = parts.path.rpartition("/")[0]
        self._token = token
        self._connections = Upstreams(_ANSWER_TIME)

    async def post(self, name: str, message: dict[str, Any]) -> None:
        """Returns once the hub has answered 2xx; raises HubError else."""
        content = msgspec.json.encode(message)
        head = self._head("POST", f"{self._directory}/{name}", f"Content-Length: {len(content)}\r\n")
        with trio.move_on_after(_ANSWER_TIME), _as_hub_errors():
            # Not an idle connection that broke: told twice does no harm, told not at all does.
            return await self._exchange(head + b"Content-Type: application/json\r\n\r\n" + content)
        raise HubError("the hub did not answer in time")

    @asynccontextmanager
    async def stream(self, query: str, headers: str) -> AsyncIterator["HubStream"]:
        with _as_hub_errors():
            upstream = await self._connections.connect(self._target, fresh=True)
            try:
                accept = "Accept: text/event-stream\r\nCache-Control: no-cache\r\n"
                await upstream.send(
                    self._head("GET", f"{self._stream_path}?{query}", accept + headers) + b"\r\n"
                )
                with trio.move_on_after(_ANSWER_TIME) as limit:
                    reply, early = await upstream.read_reply()
                if limit.cancelled_caught:
                    raise HubError("the hub did not answer in time")
                _check(reply)
                yield HubStream(upstream, reply, early)
            finally:
                upstream.close()

    async def _exchange(self, request: bytes) -> None:
        for fresh in (False, True):
            upstream = await self._connections.connect(self._target, fresh=fresh)
            try:
                status, reusable = await _ask(upstream, request)
            except (OSError, BadReplyError):
                upstream.close()
                if fresh or not upstream.is_reused:
                    raise
                continue
            except BaseException:
                upstream.close()
                raise
            if reusable:
                self._connections.release(upstream)
            else:
                upstream.close()
            _check(status)
            return

    def _head(self, method: str, path: str, headers: str) -> bytes:
        host = self._target.authority.decode()
        return (
            f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: token {self._token}\r\n{headers}"
        ).encode()


class HubStream:
    def __init__(self, stream: Stream, reply: Reply, early: bytes) -> None:
        self._stream = stream
        self._body = open_body(reply, b"GET", chunked_out=False)
        self._early = early

    async def receive(self) -> bytes:
        """Some content, possibly none; raises at the end, for this stream has none."""
        data, self._early = self._early or await self._stream.receive(), b""
        if not data or self._body is None or self._body.done:
            raise HubError("the hub ended the stream")
        return self._body.feed(data)


async def _ask(upstream: Upstream, request: bytes) -> tuple[Reply, bool]:
    await upstream.send(request)
    reply, data = await upstream.read_reply()
    body = open_body(reply, b"POST", chunked_out=False)
    while body is not None and not body.done:
        data = data or await upstream.receive()
        if data:
            body.feed(data)
        else:
            body.end()
        data = b""
    clean = not data if body is None else not (body.excess or body.overrun)
    return reply, reply.keep_alive and clean


def _check(reply: Reply) -> None:
    if not 200 <= reply.status < 300:
        raise HubError(f"the hub answered {reply.status}")


@contextmanager
def _as_hub_errors() -> Iterator[None]:
    try:
        yield
    except (UnreachableError, BadReplyError, BadBodyError) as error:
        raise HubError(str(error)) from error
