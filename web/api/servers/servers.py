"""Servers: create, read, start, change, stop."""

from __future__ import annotations

from msgspec import UnsetType
from quart import Response
from werkzeug.exceptions import MethodNotAllowed

from core.errors import AlreadyExistsError, InvalidError, NotFoundError, PendingError
from core.events.file.writer import Outcome
from core.server import StoreOptions
from projections.servers import servers
from projections.servers.servers import ServerRow
from projections.users import UserRow
from web.api.servers.bodies import Changes, StartBody, StopBody, parse_start, parse_stop
from web.models.models import ServerModel
from web.request.access import needs
from web.request.answers import empty, reply
from web.request.context import asked, body, by, database, hub, raw_body, scopes
from web.request.declared import ANY_STATUS, Text
from web.request.facts import request_facts, time_to_wait
from web.request.idempotency import idempotency_record
from web.request.known import known_server, known_user
from web.request.routing import RouteGroup
from web.servers.named import StartRequest

endpoints = RouteGroup("servers")

# What stands behind a user's name in a path without being a server of theirs.
NOT_SERVERS = frozenset({"server", "servers", "tokens", "activity", "shared", "admin-access", "events"})

STARTED = (Text(), ServerModel)

PATHS = ("/users/<user>/servers/<maybe:server>", "/users/<user>/server")


@endpoints.get(*PATHS, access=needs("read:servers"), answers={200: ServerModel})
async def read(user: str, server: str = "") -> Response:
    """The model of a server, with itself below `servers` while it is active."""
    row = known_user(user)
    found = known_server(row, server)
    model = visible_model(row, found)
    model.servers = {found.name: visible_model(row, found)} if found.is_active else {}
    return reply(model)


@endpoints.put(
    *PATHS,
    access=needs("start:servers"),
    takes=StartBody | None,
    answers={201: ServerModel},
    refusals=(409,),
)
async def create(user: str, server: str = "") -> Response:
    """Create a named server without starting it."""
    owner = known_user(user)
    asked = parse_start(await raw_body())
    if not server:
        raise AlreadyExistsError("The default server is there from the start.")
    named, new = hub().acts.named, StartRequest(asked.user_options or {}, asked.display_name)
    named.check_allowed()
    outcome = idempotency_record(lambda _: Outcome(201))
    added = await named.add(owner, server, new, by=by(), idempotency=outcome, request=request_facts())
    return reply(visible_model(owner, added), 201)


@endpoints.post(
    *PATHS,
    access=needs("start:servers"),
    takes=StartBody | None,
    answers={201: STARTED, 202: STARTED},
    refusals=(429, ANY_STATUS),
)
async def start(user: str, server: str = "") -> Response:
    """Start a server: 201 if it is ready in time, 202 if it is on its way; at once with `Prefer: respond-async`.

    The body of the answer is empty text; with `Accept: application/json` it is the model of the server.
    """
    owner = known_user(user)
    asked = parse_start(await raw_body())
    acts, facts = hub().acts, request_facts()
    found = await acts.named.find_or_add(owner, server, asked.display_name, by=by(), request=facts)
    outcome = idempotency_record(lambda _: Outcome(202))
    started = await acts.starting.begin(
        owner, found, asked.user_options, by=by(), idempotency=outcome, request=facts
    )
    state = await acts.starting.wait_settled(started, time_to_wait(acts.starting.usual_wait))
    return _answer_to_start(owner, found, 202 if state is None else 201)


@endpoints.patch(
    *PATHS, access=needs("start:servers"), takes=Changes, answers={200: ServerModel}, refusals=(409,)
)
async def change(user: str, server: str = "") -> Response:
    """Rename a stopped server, or change its display name or the options of its next start."""
    owner = known_user(user)
    changes = await body(Changes)
    if changes == Changes():
        raise InvalidError("Give at least one of name, display_name and user_options.")
    found = known_server(owner, server)
    if found.is_active:
        raise PendingError("A server can be changed only while it is stopped.")
    named = hub().acts.named
    if not isinstance(changes.name, UnsetType):
        outcome = idempotency_record(lambda _: Outcome(200))
        await named.rename(owner, found, changes.name, by=by(), idempotency=outcome, request=request_facts())
    if not isinstance(changes.display_name, UnsetType):
        named.check_allowed()
        if not server and isinstance(changes.name, UnsetType):
            raise InvalidError("The default server has no display name.")
        await named.title(owner, found, changes.display_name, by=by())
    if not isinstance(changes.user_options, UnsetType):
        await hub().servers.ask(found.id, StoreOptions(changes.user_options), by=by())
    renamed = servers.by_id(database(), found.id)
    assert renamed is not None, "a server that was changed is there"
    return reply(visible_model(owner, renamed), headers={"Content-Type": "application/json; charset=UTF-8"})


@endpoints.delete(
    *PATHS, access=needs("delete:servers"), takes=StopBody | None, answers={202: None, 204: None}
)
async def stop(user: str, server: str = "") -> Response:
    """Stop a server: 204 if it is stopped (and removed) in time, 202 if it is on its way (`Prefer: respond-async`)."""
    owner = known_user(user)
    remove = parse_stop(await raw_body())
    return await stop_named(owner, server, remove=remove)


@endpoints.delete(
    "/users/<user>/<server>",
    access=needs("delete:servers"),
    takes=StopBody | None,
    answers={202: None, 204: None},
    refusals=(405,),
)
async def stop_by_short_path(user: str, server: str) -> Response:
    """Stop a server: the same, as Jupyter4NFDI's users write it."""
    if server in NOT_SERVERS:
        raise MethodNotAllowed
    owner = known_user(user)
    return await stop_named(owner, server, remove=parse_stop(await raw_body()))


async def stop_named(owner: UserRow, name: str, *, remove: bool) -> Response:
    if not name and remove:
        raise InvalidError("The default server cannot be removed.")
    if servers.by_name(database(), owner.id, name) is None:
        hub().acts.named.check_allowed()
    stopping, outcome = hub().acts.stopping, idempotency_record(lambda _: Outcome(202))
    has_ended = await (stopping.remove if remove else stopping.stop)(
        owner,
        known_server(owner, name),
        by=by(),
        wait=time_to_wait(stopping.usual_wait),
        idempotency=outcome,
        request=request_facts(),
    )
    return empty(204 if has_ended else 202)


def visible_model(owner: UserRow, server: ServerRow) -> ServerModel:
    """Raises NotFoundError where the caller may not see this server."""
    model = hub().models.server(owner.name, server, scopes())
    if model is None:
        raise NotFoundError("")
    return model


def _answer_to_start(owner: UserRow, server: ServerRow, status: int) -> Response:
    """Empty text as in JupyterHub; the model for callers without `/hub` in their path, or who ask for JSON."""
    wants_json = "application/json" in asked().headers.get("Accept", "")
    if not wants_json and "/hub/api/" in asked().path:
        return empty(status)
    row = servers.by_id(database(), server.id)
    model = None if row is None else hub().models.server(owner.name, row, scopes())
    return empty(status) if model is None else reply(model, status)
