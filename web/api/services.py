"""Services of the configuration."""

from __future__ import annotations

from quart import Response

from core.errors import NotFoundError
from web.access import Lists, needs
from web.answers import reply
from web.context import hub, scopes
from web.routing import Noun

noun = Noun("services")


@noun.get("/services", access=Lists("list:services"))
async def listed() -> Response:
    build = hub().models.service
    models = ((service.name, build(service, scopes())) for service in hub().services.all())
    return reply({name: model for name, model in models if model is not None})


@noun.get("/services/<service>", access=needs("read:services", "read:services:name", "read:roles:services"))
async def read(service: str) -> Response:
    known = hub().services.get(service)
    model = hub().models.service(known, scopes()) if known else None
    if model is None:
        raise NotFoundError(f"There is no service named {service!r}.")
    return reply(model)
