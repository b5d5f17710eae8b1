"""The OpenAPI document of this API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from quart import Response, current_app

from web.openapi.document import document
from web.request.access import OPEN
from web.request.answers import encode, raw_json
from web.request.context import hub
from web.request.routing import Noun

noun = Noun("openapi")

NOUNS = "callboard.nouns"  # where an application keeps the nouns of its API
_DOCUMENT = "callboard.openapi"


@noun.get("/openapi.json", access=OPEN, answers={200: dict[str, Any]})
async def read() -> Response:
    """This document."""
    kept = current_app.extensions
    if _DOCUMENT not in kept:
        nouns = cast(Sequence[Noun], kept[NOUNS])
        kept[_DOCUMENT] = encode(document(nouns, hub().base_url))
    return raw_json(cast(Mapping[str, bytes], kept)[_DOCUMENT])
