"""The engines in which servers run, and what runs there although no server knows it."""

from __future__ import annotations

from quart import Response

from web.models.engines import EngineModel, StrayModel, engine_models, stray_models
from web.request.access import needs
from web.request.answers import reply
from web.request.context import hub
from web.request.declared import Paged
from web.request.routing import RouteGroup
from web.request.sent.paging import page, paged

endpoints = RouteGroup("engines")


@endpoints.get("/engines", access=needs("read:hub"), answers={200: list[EngineModel]})
async def engines() -> Response:
    """Where servers run, and whether each place answers."""
    return reply(engine_models(hub().reconcilers))


@endpoints.get("/strays", access=needs("admin:servers"), answers={200: Paged(list[StrayModel])})
async def strays() -> Response:
    """What runs although no server knows it, by the last look at each engine that was answered."""
    asked, found = page(), stray_models(hub().reconcilers)
    return paged(found[asked.offset : asked.offset + asked.limit], asked, len(found))
