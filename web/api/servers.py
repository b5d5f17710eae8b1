"""Servers: start, stop, read."""

from __future__ import annotations

import contextlib
import random
from typing import Any

import trio
from msgspec import Struct
from quart import Response

from core.actors.server import ServerActor
from core.errors import AlreadyExistsError, InvalidError, NotFoundError, SpawnError
from core.events.server import SpawnFailed
from core.events.writer import Outcome
from core.ids import new_id
from core.names import check_any_server_name, check_display_name, check_server_name
from core.server import Server, Spawning, Stop, Stopped, Stopping
from core.user import AddServer, RemoveServer
from projections import servers
from projections.servers import ServerRow
from projections.users import UserRow
from web.access import needs
from web.answers import empty, reply
from web.api.users import known_user
from web.context import by, database, hub, raw_body, scopes
from web.idempotency import claim
from web.routing import Noun

noun = Noun("servers")

PATHS = ("/users/<user>/servers/<server>", "/users/<user>/server")


class Asked(Struct, frozen=True):
    """What the body of a start says. None: nothing."""

    user_options: dict[str, Any] | None = None
    display_name: str | None = None


@noun.get(*PATHS, access=needs("read:servers"))
async def read(user: str, server: str = "") -> Response:
    """The server's model, with itself below `servers` while it is active."""
    row = known_user(user)
    found = known_server(row, server)
    model = hub().models.server(row.name, found, scopes())
    if model is None:
        raise NotFoundError("")
    inner = hub().models.server(row.name, found, scopes())
    model.servers = {found.name: inner} if found.is_active and inner is not None else {}
    return reply(model)


@noun.post(*PATHS, access=needs("start:servers"), statuses=(201, 202))
async def start(user: str, server: str = "") -> Response:
    """201 if the server is ready in time, 202 if it is on its way."""
    owner = known_user(user)
    asked = parse_start(await raw_body())
    found = await _existing_or_new(owner, server, asked)
    actor, spawn_id = await begin(owner, found, asked)
    if spawn_id is None:
        return empty(202)
    return await _wait_ready(actor, spawn_id)


@noun.delete(*PATHS, access=needs("delete:servers"), statuses=(202, 204))
async def stop(user: str, server: str = "") -> Response:
    """204 if it is stopped in time, 202 if it is on its way."""
    owner = known_user(user)
    remove = _parse_stop(await raw_body())
    if server:
        _check_named_servers_allowed()
    elif remove:
        raise InvalidError("The default server cannot be removed.")
    found = known_server(owner, server)
    the_hub = hub()
    actor = the_hub.servers.actor(found.id)
    await actor.ask(Stop(), by=by(), claim=claim(lambda _: Outcome(202)))
    with trio.move_on_after(the_hub.settings.hub.tornado_settings.slow_stop_timeout) as patience:
        await actor.wait_until(lambda state: isinstance(state, Stopped))
    if patience.cancelled_caught:
        return empty(202)
    if remove:
        await the_hub.users.ask(owner.id, RemoveServer(found.id), by=by())
    return empty(204)


# --- finding and adding ---


def known_server(owner: UserRow, name: str) -> ServerRow:
    row = servers.by_name(database(), owner.id, name)
    if row is None:
        raise NotFoundError(f"{owner.name} has no server named {name!r}.")
    return row


def _check_named_servers_allowed() -> None:
    if not hub().settings.hub.allow_named_servers:
        raise InvalidError("Named servers are not enabled.")


async def _existing_or_new(owner: UserRow, name: str, asked: Asked) -> ServerRow:
    row = servers.by_name(database(), owner.id, name)
    if row is not None and not name:
        return row
    _check_named_servers_allowed()
    if row is not None:
        return row
    settings = hub().settings
    check = check_any_server_name if settings.callboard.allow_any_server_name else check_server_name
    command = AddServer(
        new_id("v"),
        check(name),
        check_display_name(asked.display_name) if asked.display_name else "",
        limit=settings.hub.named_server_limit_per_user,
    )
    with contextlib.suppress(AlreadyExistsError):  # another request may have added it meanwhile
        await hub().users.ask(owner.id, command, by=by())
    return known_server(owner, name)


# --- starting ---


def parse_start(value: Any) -> Asked:
    """Raises InvalidError. An object with neither key is the options; an empty one says nothing."""
    if value is None or value == {}:
        return Asked()
    if not isinstance(value, dict):
        raise InvalidError("The body of a start is a JSON object.")
    if "user_options" not in value and "display_name" not in value:
        return Asked(value)
    options, display_name = value.get("user_options"), value.get("display_name")
    if options is not None and not isinstance(options, dict):
        raise InvalidError("user_options is an object or null.")
    if "display_name" in value and not isinstance(display_name, str):
        raise InvalidError("display_name is a string.")
    return Asked(options, display_name)


def _parse_stop(value: Any) -> bool:
    """Whether to remove the server too."""
    if value is None:
        return False
    if not isinstance(value, dict) or not isinstance(value.get("remove", False), bool):
        raise InvalidError('The body of a stop is a JSON object such as {"remove": true}.')
    return bool(value.get("remove", False))


async def begin(owner: UserRow, server: ServerRow, asked: Asked) -> tuple[ServerActor, str | None]:
    """Ask for a start; the spawn id is None where one is already under way."""
    the_hub = hub()
    await the_hub.servers.look(server.id)  # as in JupyterHub, a start notices that a server has died
    command = the_hub.launch.command(owner, server, asked.user_options)
    low, high = the_hub.settings.hub.spawn_throttle_retry_range
    actor = the_hub.servers.actor(server.id)
    with the_hub.limits.admit(actor.state, random.randint(low, high)):  # noqa: S311
        state = await actor.ask(command, by=by(), claim=claim(lambda _: Outcome(202)))
    assert isinstance(state, Spawning)
    return actor, state.spawn_id if state.spawn_id == command.spawn_id else None


async def _wait_ready(actor: ServerActor, spawn_id: str) -> Response:
    def is_settled(state: Server) -> bool:
        return not isinstance(state, Spawning) or state.spawn_id != spawn_id

    with trio.move_on_after(hub().settings.hub.tornado_settings.slow_spawn_timeout) as patience:
        await actor.wait_until(is_settled)
    if patience.cancelled_caught:
        return empty(202)
    state = actor.state
    if isinstance(state, Stopped) and state.failure is not None and state.failure.spawn_id == spawn_id:
        raise _as_error(state.failure)
    if isinstance(state, Stopped | Stopping):
        raise SpawnError("The start was cancelled.", status=500)
    return empty(201)


def _as_error(failure: SpawnFailed) -> SpawnError:
    return SpawnError(failure.reason, status=failure.status)
