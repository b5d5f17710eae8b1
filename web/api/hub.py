"""The hub itself, and who one is to it."""

from __future__ import annotations

import sys

from msgspec import UNSET
from quart import Response

from core.scopes import Owner, expand, identify_scopes, with_members
from projections import servers, users
from web import version
from web.access import IDENTIFIED, OPEN, needs
from web.answers import empty, reply
from web.context import caller, database, hub
from web.routing import Noun

noun = Noun("hub")


@noun.get("", "/", access=OPEN)
async def root() -> Response:
    """The version of JupyterHub's API that this hub speaks."""
    return reply({"version": version.COMPATIBLE}, headers={"Access-Control-Allow-Origin": "*"})


@noun.get("/health", access=OPEN)
async def health() -> Response:
    return empty(200, "text/html")


@noun.get("/info", access=needs("read:hub"))
async def info() -> Response:
    """What runs here: versions, spawner, authenticator."""
    the_hub = hub()
    spawner = type(the_hub.spawner)
    return reply(
        {
            "version": version.COMPATIBLE,
            "callboard_version": version.OWN,
            "python": sys.version,
            "sys_executable": sys.executable,
            "spawner": {"class": f"{spawner.__module__}.{spawner.__qualname__}", "version": version.OWN},
            "authenticator": {"class": the_hub.settings.hub.authenticator_class, "version": version.OWN},
        }
    )


@noun.get("/user", access=IDENTIFIED)
async def me() -> Response:
    """The model of the caller, what it may do, and by which token. What a server asks about its visitors."""
    identity, the_hub = caller(), hub()
    owner = Owner(**{identity.kind: identity.name})
    visible = identity.scopes | expand(identify_scopes(owner), owner)
    model: object
    if identity.kind == "user":
        row = users.by_id(database(), identity.id)
        assert row is not None, "an identity's user is in the log"
        model = the_hub.models.user(row, servers.of_user(database(), row.id), visible)
    else:
        service = the_hub.services.get(identity.name)
        assert service is not None, "an identity's service is in the configuration"
        model = the_hub.models.service(service, visible)
    assert model is not None, "everybody may see themselves"
    fields = {name: value for name in model.__struct_fields__ if (value := getattr(model, name)) is not UNSET}
    held = with_members(identity.scopes, the_hub.rights.memberships)
    return reply(
        {
            **fields,
            "token_id": identity.token_id or None,
            "session_id": identity.session_id,
            "scopes": held.as_strings(),
        }
    )
