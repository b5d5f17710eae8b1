"""Server-sent events: the response, and what keeps it alive."""

from __future__ import annotations

from collections.abc import AsyncIterator

from quart import Response

KEEP_ALIVE = b"\n\n"
KEEP_ALIVE_INTERVAL = 8.0  # seconds; JupyterHub's


def event_stream(events: AsyncIterator[bytes]) -> Response:
    response = Response(events, content_type="text/event-stream")
    response.headers["Cache-Control"] = "no-cache"
    response.headers["X-Accel-Buffering"] = "no"  # nginx would keep it to itself until it is over
    response.timeout = None  # it may last for hours
    return response
