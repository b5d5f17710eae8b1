"""Server-sent events: the response, and what keeps it alive."""

from __future__ import annotations

import weakref
from collections.abc import AsyncIterator
from types import TracebackType

from quart import Response
from quart.wrappers.response import IterableBody

from web.request.context import caller, hub
from web.site.stream_places import StreamPlace

KEEP_ALIVE = b"\n\n"
KEEP_ALIVE_INTERVAL = 8.0  # seconds; JupyterHub's


class HeldBody(IterableBody):
    """A stream that has its place until it ends; or is forgotten, where its reader left before it began."""

    def __init__(self, events: AsyncIterator[bytes], place: StreamPlace) -> None:
        super().__init__(events)
        self._place = place
        weakref.finalize(self, place.leave)

    async def __aexit__(self, exc_type: type, exc_value: BaseException, tb: TracebackType) -> None:
        try:
            await super().__aexit__(exc_type, exc_value, tb)
        finally:
            self._place.leave()


def event_stream(events: AsyncIterator[bytes]) -> Response:
    """Raises ThrottledError where there are too many; the proxy's own always has a place."""
    identity = caller()
    is_proxys = identity.kind == "proxy"
    body = events if is_proxys else HeldBody(events, hub().stream_places.take(identity.principal))
    response = Response(body, content_type="text/event-stream")
    response.headers["Cache-Control"] = "no-cache"
    response.headers["X-Accel-Buffering"] = "no"  # nginx would keep it to itself until it is over
    response.timeout = None  # it may last for hours
    return response
