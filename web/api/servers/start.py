"""Jupyter4NFDI's start API: one call makes and starts a server, which the hub names after the option `name`."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from quart import Response

from core.errors import (
    AlreadyExistsError,
    ForbiddenError,
    InvalidError,
    LimitError,
    SpawnError,
)
from core.events.file.writer import Outcome
from core.naming.names import escape, slug
from core.plugins.profiles import profile_of
from core.plugins.spawner import Progress
from core.scopes import Answer, Server, check
from core.server import Ready
from projections import users
from projections.servers import servers
from projections.servers.servers import ServerRow
from projections.users import UserRow
from web.request.access import IDENTIFIED, needs
from web.request.answers import Refusal, reply
from web.request.context import asked, by, caller, database, hub, raw_body
from web.request.declared import ANY_STATUS
from web.request.facts import request_facts, time_to_wait
from web.request.idempotency import idempotency_record
from web.request.known import known_server, known_user
from web.request.routing import RouteGroup
from web.servers.named import StartRequest
from web.site.public_url import origin
from web.starts.output import last_lines

endpoints = RouteGroup("start")


class RunningModel(Struct, tag_field="status", tag="running"):
    next_url: str
    status_url: str
    delete_url: str


class PendingModel(Struct, tag_field="status", tag="pending"):
    status_url: str
    delete_url: str


class StoppedModel(Struct, tag_field="status", tag="stopped"):
    """What is kept of the last attempt. `exit_code`: null if it cannot be known."""

    exit_code: int | None
    logs: list[str]


class FailedModel(Struct, tag_field="status", tag="failed"):
    message: str
    status_url: str
    delete_url: str
    exit_code: int | None
    logs: list[str]


@endpoints.post(
    "/start",
    access=IDENTIFIED,
    takes=dict[str, Any] | None,
    answers={200: RunningModel, 202: PendingModel, 400: (Refusal, FailedModel), 500: (Refusal, FailedModel)},
    refusals=(429, ANY_STATUS),
)
async def start(**_: str) -> Response:
    """Start a server of the caller's: 200 if it runs, 202 if it is on its way.

    The body holds the options. The hub makes the server's name from the option `name`: the same name again means the
    same server.
    """
    owner = _myself()
    given = await raw_body()
    if given is not None and not isinstance(given, dict):
        raise InvalidError("The body of a start is a JSON object of options.")
    options = merged(given or {}, hub().settings.start_api.default_user_options)
    _check_honoured(given or {})
    name, title = _name_of(options)
    _check_may_start(owner, name)
    server = await _server_called(owner, name, title)
    if server.state == "ready":
        return _running(owner, server)
    if server.is_active:
        return _pending(owner, server)
    return await _start(owner, server, options, _ineffective(given or {}, options))


@endpoints.get(
    "/start/<user>/<maybe:server>",
    access=needs("read:servers"),
    answers={200: RunningModel | StoppedModel | FailedModel, 202: PendingModel},
)
async def status(user: str, server: str) -> Response:
    """How a server is: running, pending, failed or stopped."""
    owner = known_user(user)
    found = known_server(owner, server)
    if found.state == "ready":
        return _running(owner, found)
    if found.is_active:
        return _pending(owner, found)
    failure = found.failed()
    if failure is not None:
        return await _failed(owner, found, failure.reason)
    return reply(StoppedModel(**await _remains(found)))


# --- options ---


def merged(given: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    """What was given on top of the defaults; those that belong to another `option` stay away."""
    kept = dict(defaults)
    if given.get("option", kept.get("option")) != kept.get("option"):
        kept.pop(str(kept.get("option")), None)
    return {**kept, **given}


def _check_honoured(given: dict[str, Any]) -> None:
    """What is asked for explicitly and cannot be had is refused, not ignored."""
    unsupported = sorted(_unsupported(given))
    if unsupported:
        raise InvalidError(f"The servers of this hub cannot honour these options: {', '.join(unsupported)}.")


def _ineffective(given: dict[str, Any], options: dict[str, Any]) -> list[str]:
    return sorted(_unsupported(options) - given.keys())


def _unsupported(options: dict[str, Any]) -> frozenset[str]:
    """What the spawner that they mean cannot honour."""
    profile = profile_of(hub().settings, options)
    engine = hub().spawner.named("" if profile is None else profile.spawner)
    return engine.spawner.unsupported_options(options)


def _name_of(options: dict[str, Any]) -> tuple[str, str]:
    """The server's name, and the text it is made from."""
    text = options.get("name", "")
    if not isinstance(text, str) or not text.strip():
        raise InvalidError("The option name is a text that says what to call the server.")
    return slug(text), " ".join(text.split())


# --- the server ---


def _myself() -> UserRow:
    identity = caller()
    row = users.by_id(database(), identity.id) if identity.kind == "user" else None
    if row is None:
        raise ForbiddenError("Only users have servers to start.")
    return row


def _check_may_start(owner: UserRow, name: str) -> None:
    held = caller().scopes
    answer = check(held, "start:servers", Server(owner.name, name), hub().rights.memberships)
    if answer is not Answer.ALLOWED:
        raise ForbiddenError("This needs the scope start:servers on yourself.")


async def _server_called(owner: UserRow, name: str, title: str) -> ServerRow:
    row = servers.by_name(database(), owner.id, name)
    if row is not None:
        return row
    limit = hub().settings.start_api.server_limit
    try:
        return await hub().acts.named.add(owner, name, StartRequest(display_name=title), by=by(), limit=limit)
    except AlreadyExistsError:
        return known_server(owner, name)
    except LimitError:
        named = [row.name for row in servers.of_user(database(), owner.id) if row.name]
        raise LimitError(
            f"You may have {limit} servers, and have: {', '.join(named)}. Delete one of them first."
        ) from None


async def _start(
    owner: UserRow, server: ServerRow, options: dict[str, Any], ineffective: list[str]
) -> Response:
    starting = hub().acts.starting
    started = await starting.begin(
        owner,
        server,
        options,
        by=by(),
        idempotency=idempotency_record(lambda _: Outcome(202)),
        request=request_facts(),
    )
    if ineffective:
        text = f"These default options mean nothing here: {', '.join(ineffective)}"
        started.actor.add_message(Progress(text))
    try:
        state = await starting.wait_settled(started, time_to_wait(starting.usual_wait))
    except SpawnError as error:
        return await _failed(
            owner, servers.by_id(database(), server.id) or server, error.message, error.status
        )
    return _running(owner, server) if isinstance(state, Ready) else _pending(owner, server)


# --- answers ---


def _urls(owner: UserRow, server: ServerRow) -> dict[str, Any]:
    api = f"{origin(asked(), hub().settings)}{hub().base_url}hub/api"
    user, name = escape(owner.name), escape(server.name)
    return {
        "status_url": f"{api}/start/{user}/{name}",
        "delete_url": f"{api}/users/{user}/servers/{name}",
    }


def _running(owner: UserRow, server: ServerRow) -> Response:
    path = server.prefix or f"{hub().base_url}user/{escape(owner.name)}/{escape(server.name)}/"
    next_url = hub().hosts.full_url(path) or f"{origin(asked(), hub().settings)}{path}"
    return reply(RunningModel(next_url=next_url, **_urls(owner, server)))


def _pending(owner: UserRow, server: ServerRow) -> Response:
    return reply(PendingModel(**_urls(owner, server)), 202)


async def _failed(owner: UserRow, server: ServerRow, message: str, status: int = 200) -> Response:
    model = FailedModel(message=message, **_urls(owner, server), **await _remains(server))
    return reply(model, status)


async def _remains(server: ServerRow) -> dict[str, Any]:
    """What is kept of the last attempt: its exit status, null if it cannot be known, and its last lines."""
    lines = await last_lines(hub().spawner, server.spawn_id)
    return {"exit_code": server.exit_status, "logs": lines}
