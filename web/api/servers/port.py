"""Where a server listens: what servers that pick their port themselves tell the hub."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct
from quart import Response

from core.errors import ForbiddenError
from web.request.access import IDENTIFIED
from web.request.answers import empty
from web.request.context import body, caller, hub
from web.request.routing import RouteGroup

endpoints = RouteGroup("port")


class PortBody(Struct, frozen=True, forbid_unknown_fields=True):
    port: Annotated[int, Meta(ge=1024, le=65535)]


@endpoints.post("/port", access=IDENTIFIED, takes=PortBody, answers={204: None}, refusals=(404, 409))
async def report(**_: str) -> Response:
    """The server whose own token this is listens on this port, of the machine that its engine has put it on.

    It is said once for each start: another port than the first is refused.
    """
    told = await body(PortBody)
    me = caller()
    if not me.server:
        raise ForbiddenError("Only a server's own token may say where that server listens.")
    await hub().spawner.port_reported(me.token_id, told.port)
    return empty(204)
