"""The OpenAPI document of this API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from quart import Response

from web.openapi.document import document
from web.request.access import OPEN
from web.request.answers import encode, raw_json
from web.request.context import extensions, hub
from web.request.routing import RouteGroup

endpoints = RouteGroup("openapi")

GROUPS = "callboard.groups"  # where an application keeps the groups of routes of its API
_DOCUMENT = "callboard.openapi"


@endpoints.get("/openapi.json", access=OPEN, answers={200: dict[str, Any]})
async def read() -> Response:
    """This document."""
    kept = extensions()
    if _DOCUMENT not in kept:
        groups = cast(Sequence[RouteGroup], kept[GROUPS])
        kept[_DOCUMENT] = encode(document(groups, hub().base_url))
    return raw_json(cast(Mapping[str, bytes], kept)[_DOCUMENT])
