"""The engines in which servers run, and what runs there although no server knows it."""

from __future__ import annotations

from quart import Response

from web.models.engines import EngineModel, ProfileModel, StrayModel, engine_models, stray_models
from web.request.access import needs
from web.request.answers import reply
from web.request.context import hub
from web.request.declared import Paged
from web.request.known import known_user
from web.request.routing import RouteGroup
from web.request.sent.paging import page, paged

endpoints = RouteGroup("engines")


@endpoints.get("/engines", access=needs("read:hub"), answers={200: list[EngineModel]})
async def engines() -> Response:
    """Where servers run, and whether each place answers."""
    return reply(engine_models(hub().reconcilers))


@endpoints.get("/users/<user>/profiles", access=needs("start:servers"), answers={200: list[ProfileModel]})
async def profiles(user: str) -> Response:
    """What the servers of a user may be started as: `{"profile": NAME}` among the options of a start.

    The first is taken where none is named. Empty where the configuration has no profiles.
    """
    found = hub().launch.profiles.open_to(known_user(user))
    return reply([ProfileModel(one.name, one.title, one.description, one.spawner) for one in found])


@endpoints.get("/strays", access=needs("admin:servers"), answers={200: Paged(list[StrayModel])})
async def strays() -> Response:
    """What runs although no server knows it, by the last look at each engine that was answered."""
    asked, found = page(), stray_models(hub().reconcilers)
    return paged(found[asked.offset : asked.offset + asked.limit], asked, len(found))
