"""Pages for what nothing behind us answers, asked of the hub: `--error-target`. Source: configurable-http-proxy."""

from __future__ import annotations

import logging
from urllib.parse import quote, urlsplit

import trio

from web.http1.body import BadBodyError
from web.http1.request import Request
from web.proxy.relay.reply import BadReplyError, Reply, open_body
from web.proxy.relay.upstreams import UnreachableError, Upstream, Upstreams
from web.proxy.target import Target, parse_target

log = logging.getLogger("callboard.proxy")

TIMEOUT = 5.0  # seconds that a visitor waits for a page instead of a line
LARGEST = 1024 * 1024


class ErrorPages:
    """`url`: without the status, such as `http://127.0.0.1:8081/hub/error`."""

    def __init__(self, url: str) -> None:
        self._target: Target = parse_target(f"{urlsplit(url).scheme}://{urlsplit(url).netloc}")
        self._path = urlsplit(url).path.rstrip("/")
        self._connections = Upstreams(TIMEOUT)

    async def page(self, status: int, request: Request) -> tuple[bytes, bytes] | None:
        """Its type and text; None where there is none in time."""
        place = f"{self._path}/{status}?url={quote(request.target, safe='')}"
        head = f"GET {place} HTTP/1.1\r\nHost: {self._target.authority.decode()}\r\nConnection: close\r\n"
        accept = request.header(b"accept") or b"text/html"
        with trio.move_on_after(TIMEOUT):
            try:
                return await self._ask(head.encode() + b"Accept: %b\r\n\r\n" % accept)
            except (OSError, UnreachableError, BadReplyError, BadBodyError, ValueError) as error:
                log.debug("no page for an error: %s", error)
        return None

    async def _ask(self, request: bytes) -> tuple[bytes, bytes]:
        upstream = await self._connections.connect(self._target, fresh=True)
        try:
            await upstream.send(request)
            reply, data = await upstream.read_reply()
            return _content_type(reply), await _content(upstream, reply, data)
        finally:
            upstream.close()


def _content_type(reply: Reply) -> bytes:
    for line in reply.lines:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-type":
            return value.strip()
    return b"text/html"


async def _content(upstream: Upstream, reply: Reply, data: bytes) -> bytes:
    """Raises ValueError for what is too large, BadBodyError for what is malformed."""
    body = open_body(reply, b"GET", chunked_out=False)
    found = b""
    while body is not None and not body.done:
        data = data or await upstream.receive()
        found += body.feed(data) if data else body.end()
        data = b""
        if len(found) > LARGEST:
            raise ValueError("the page is too large")
    return found
