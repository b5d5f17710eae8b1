"""Where browsers report what a page's Content-Security-Policy has kept out. Only what can be believed counts."""

from __future__ import annotations

import logging

from quart import Response

from web.request.access import IDENTIFIED
from web.request.answers import empty
from web.request.context import asked, hub
from web.request.routing import RouteGroup

endpoints = RouteGroup("security", page=True)

logger = logging.getLogger("callboard.pages")

LONGEST = 2000  # bytes of a report that are worth a line in the log


@endpoints.post("/security/csp-report", access=IDENTIFIED, statuses=(200,))
async def report() -> Response:
    said = await asked().get_data(as_text=False)
    logger.warning("a browser reports a violation of the policy: %r", said[:LONGEST])
    hub().metrics.csp_reported()
    return empty(200, "text/html; charset=utf-8")
