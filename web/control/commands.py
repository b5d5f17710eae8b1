"""What can be asked of a running hub through its control socket."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import trio

from core.errors import NotFoundError, UnavailableError
from core.events.record import By
from core.events.user import user_stream
from core.naming.ids import new_id
from core.token import new_token
from projections import users
from web.control.offline import blocked, full_token
from web.control.server import Answerer
from web.hub.hub import Hub
from web.models.engines import engine_models, stray_models


def commands(hub: Hub) -> dict[str, Answerer]:
    return {
        "token": partial(issue_token, hub),
        "operator": partial(admit_operator, hub),
        "reload": partial(reload, hub),
        "strays": partial(strays, hub),
    }


async def issue_token(hub: Hub, arguments: Mapping[str, Any], by: By) -> str:
    """`name`: of the user it is for. The token may do all that the user may, and does not expire."""
    name = hub.user_names.stored(str(arguments.get("name")))
    row = users.by_name(hub.store.db, name)
    if row is None:
        raise NotFoundError(f"There is no user named {name!r}.")
    if name in hub.rights.blocked:
        raise blocked(name)
    token = new_token()
    await hub.entities.tokens.ask(new_id("t"), full_token(user_stream(row.id), token), by=by)
    return token


async def admit_operator(hub: Hub, _: Mapping[str, Any], by: By) -> dict[str, str]:
    """Where the API is, where people come in, and a token for whoever asks.

    It is good for an hour, for all that administrators may, and in no log.
    """
    await trio.lowlevel.checkpoint()
    token = hub.operators.admit(by.via.removeprefix("command-line/"))
    public = hub.settings.hub.public_url or hub.settings.hub.bind_url
    return {"url": f"{hub.address}{hub.base_url}hub/api", "token": token, "public": public}


async def strays(hub: Hub, _: Mapping[str, Any], __: By) -> object:
    """What runs in the hub's engines although no server knows it, and how the engines are."""
    await trio.lowlevel.checkpoint()
    return {"engines": engine_models(hub.reconcilers), "strays": stray_models(hub.reconcilers)}


async def reload(hub: Hub, _: Mapping[str, Any], __: By) -> object:
    """The configuration read anew: what has changed, what waits for a restart, what was said in vain."""
    if hub.reload is None:
        raise UnavailableError("There is no configuration to read anew.")
    return await hub.reload()
