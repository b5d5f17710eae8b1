"""What monitors ask for, below /hub as well as below the API: whether the hub is there, and how it does."""

from __future__ import annotations

from quart import Response

from core.scopes import Answer, check
from web.hub.health import troubles
from web.request.access import OPEN
from web.request.answers import empty
from web.request.context import hub, kept
from web.request.declared import Text
from web.request.routing import RouteGroup
from web.rights.identity import Identity

endpoints = RouteGroup("monitoring")

CONTENT_TYPE = "text/plain; version=1.0.0; charset=utf-8"
FORBIDDEN = b"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>403 Forbidden</title></head>
<body><h1>403 Forbidden</h1><p>Metrics are shown to holders of the scope read:metrics.</p></body></html>
"""


@endpoints.get("/health", access=OPEN, answers={200: (Text("text/html"), Text("text/plain"))})
async def health() -> Response:
    """The hub is there. What is not well stands in the body, a line each; services by name to who may list them.

    The status is 200 all the same: starting the hub anew would mend none of that.
    """
    lines = troubles(hub(), kept().identity)
    if not lines:
        return empty(200, "text/html")
    return Response("".join(f"{line}\n" for line in lines), 200, content_type="text/plain; charset=utf-8")


@endpoints.route("HEAD", "/health", access=OPEN, answers={200: None})
async def health_alone() -> Response:
    """The hub is there."""
    return empty(200, "text/html")


@endpoints.get("/metrics", access=OPEN, answers={200: Text("text/plain"), 403: Text("text/html")})
async def metrics() -> Response:
    """How the hub does, in Prometheus' text format.

    Needs the scope `read:metrics`. Open to all where `authenticate_prometheus` is off; a refusal is a page.
    """
    if hub().settings.hub.authenticate_prometheus and not _may_read(kept().identity):
        return Response(FORBIDDEN, 403, content_type="text/html")
    return Response(hub().metrics.as_text(), content_type=CONTENT_TYPE)


def _may_read(identity: Identity | None) -> bool:
    if identity is None or identity.kind == "proxy":
        return False
    return check(identity.scopes, "read:metrics", None, hub().rights.memberships) is Answer.ALLOWED
