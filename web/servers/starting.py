"""A start and a stop as the API's callers know them: found or added, asked for, waited for."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Awaitable
from typing import Any

import trio
from msgspec import Struct
from msgspec.structs import replace
from quart import g, request

from core.actors.server import ServerActor
from core.cancellation import cancelled_when
from core.errors import (
    AlreadyExistsError,
    HubError,
    InvalidError,
    SpawnError,
    UnavailableError,
)
from core.events.server import SpawnFailed
from core.events.stop_reason import reason_of
from core.events.writer import Outcome
from core.naming.ids import new_id
from core.naming.names import check_any_server_name, check_display_name, check_server_name
from core.server import Queued, Server, Spawning, Stop, Stopped, Stopping
from core.user import AddServer, TitleServer
from projections import servers
from projections.servers import ServerRow
from projections.users import UserRow
from web.login.refresh import check_before
from web.request.context import by, caller, database, hub
from web.request.handler_view import handler_view
from web.request.idempotency import claim
from web.request.known import known_server


class StartRequest(Struct, frozen=True):
    """What the body of a start says. None: nothing."""

    user_options: dict[str, Any] | None = None
    display_name: str | None = None


def parse_start(value: Any) -> StartRequest:
    """Raises InvalidError. An object with neither key is the options; an empty one says nothing."""
    if value is None or value == {}:
        return StartRequest()
    if not isinstance(value, dict):
        raise InvalidError("The body of a start is a JSON object.")
    if "user_options" not in value and "display_name" not in value:
        return StartRequest(value)
    options, display_name = value.get("user_options"), value.get("display_name")
    if options is not None and not isinstance(options, dict):
        raise InvalidError("user_options is an object or null.")
    if "display_name" in value and not isinstance(display_name, str):
        raise InvalidError("display_name is a string.")
    return StartRequest(options, display_name)


async def in_time(seconds: float, event: Awaitable[object]) -> bool:
    """Whether `event` comes within so many seconds, and before the hub no longer serves."""
    came = False
    with trio.move_on_after(seconds):
        async with cancelled_when(hub().closed):
            await event
            came = True
    return came


def time_to_wait(seconds: float) -> float:
    """How long this request wants to wait, where others wait so many seconds: with `Prefer: respond-async`, not at all.

    Source: RFC 7240, section 4.1.
    """
    preferences = request.headers.get("Prefer", "").lower().split(",")
    return 0.0 if any(one.strip() == "respond-async" for one in preferences) else seconds


# --- finding and adding ---


def check_named_servers_allowed() -> None:
    if not hub().settings.hub.allow_named_servers:
        raise InvalidError("Named servers are not enabled.")


def check_new_name(name: str) -> str:
    settings = hub().settings.callboard
    return check_any_server_name(name) if settings.allow_any_server_name else check_server_name(name)


async def server_limit() -> int:
    """How many named servers the caller's user may have; 0 for any number."""
    limit = hub().settings.hub.named_server_limit_per_user
    if not callable(limit):
        return int(limit)
    found = None
    with trio.move_on_after(hub().settings.callboard.hook_timeout) as waiting:
        found = await hub().launch.hooks.call(limit, handler_view())
    if waiting.cancelled_caught:
        raise UnavailableError("How many servers you may have could not be found out in time.")
    if not isinstance(found, int):
        raise TypeError(f"named_server_limit_per_user gave a {type(found).__name__}, not a number")
    return found


async def add_server(
    owner: UserRow, name: str, asked: StartRequest, *, limit: int | None = None, final: bool = False
) -> ServerRow:
    """A named server that does not exist yet. Raises AlreadyExistsError, InvalidError, LimitError.

    `limit`: other than the configured one. `final`: adding is all that the request is for.
    """
    most = await server_limit() if limit is None else limit
    command = AddServer(
        new_id("v"),
        check_new_name(name),
        check_display_name(asked.display_name) if asked.display_name else "",
        asked.user_options,
        limit=most,
    )
    outcome = claim(lambda _: Outcome(201)) if final else None
    await hub().entities.users.ask(owner.id, command, by=by(), claim=outcome)
    return known_server(owner, name)


async def existing_or_new(owner: UserRow, name: str, asked: StartRequest) -> ServerRow:
    row = servers.by_name(database(), owner.id, name)
    if not name:
        return row or known_server(owner, name)
    check_named_servers_allowed()
    if row is None:
        with contextlib.suppress(AlreadyExistsError):  # another request may have added it meanwhile
            await add_server(owner, name, StartRequest(display_name=asked.display_name))
        return known_server(owner, name)
    if asked.display_name:
        await title(owner, row, asked.display_name)
    return row


async def title(owner: UserRow, server: ServerRow, display_name: str) -> None:
    checked = check_display_name(display_name)
    if checked != server.display_name:
        await hub().entities.users.ask(owner.id, TitleServer(server.id, checked), by=by())


# --- starting ---


async def begin(
    owner: UserRow, server: ServerRow, user_options: dict[str, Any] | None
) -> tuple[ServerActor, str | None]:
    """Ask for a start; the spawn id is None where one is already under way."""
    the_hub = hub()
    if the_hub.closing.is_set() and the_hub.ending.servers:
        raise UnavailableError("The hub is shutting down.")
    if the_hub.settings.authenticator.refresh_pre_spawn:
        await check_before(the_hub, owner, caller(), by_cookie=g.session is not None)
    await the_hub.servers.look(server.id)  # as in JupyterHub, a start notices that a server has died
    command = await the_hub.launch.command(owner, server, user_options)
    low, high = sorted(the_hub.settings.hub.spawn_throttle_retry_range)
    actor = the_hub.servers.actor(server.id)
    with the_hub.turns.acquire_slot(actor.state, random.randint(low, high)) as queued:  # noqa: S311
        the_hub.launch.remember(command.spawn_id, handler_view())
        try:
            state = await actor.ask(
                replace(command, queued=queued), by=by(), claim=claim(lambda _: Outcome(202))
            )
        except HubError:
            the_hub.launch.forget(command.spawn_id)
            raise
    assert isinstance(state, Queued | Spawning)
    if state.spawn_id != command.spawn_id:  # another start is under way
        the_hub.launch.forget(command.spawn_id)
        return actor, None
    return actor, state.spawn_id


async def wait_settled(actor: ServerActor, spawn_id: str, seconds: float | None = None) -> Server | None:
    """The state after the start, None if that takes longer than `seconds`, or than a request should wait.

    Raises SpawnError where the start failed or was cancelled.
    """

    def is_settled(state: Server) -> bool:
        return not isinstance(state, Queued | Spawning) or state.spawn_id != spawn_id

    usual = hub().settings.hub.tornado_settings.slow_spawn_timeout if seconds is None else seconds
    if not await in_time(time_to_wait(usual), actor.wait_until(is_settled)):
        return None
    state = actor.state
    if isinstance(state, Stopped) and state.failure is not None and state.failure.spawn_id == spawn_id:
        raise as_error(state.failure)
    if isinstance(state, Stopped | Stopping):
        raise SpawnError("The start was cancelled.")
    return state


def as_error(failure: SpawnFailed) -> SpawnError:
    return SpawnError(failure.reason, status=failure.status, html_message=failure.html_message)


# --- stopping ---


def parse_stop(value: Any) -> bool:
    """Whether to remove the server too. Raises InvalidError."""
    if value is None:
        return False
    if not isinstance(value, dict) or not isinstance(value.get("remove", False), bool):
        raise InvalidError('The body of a stop is a JSON object such as {"remove": true}.')
    return bool(value.get("remove", False))


async def end(owner: UserRow, server: ServerRow, *, remove: bool) -> bool:
    """Ask for a stop, and for the removal that is to follow it. False where that takes long and goes on."""
    the_hub = hub()
    if the_hub.settings.authenticator.refresh_pre_stop:
        await check_before(the_hub, owner, caller(), by_cookie=g.session is not None)
    outcome = claim(lambda _: Outcome(202))
    actor = the_hub.servers.actor(server.id)
    if remove:
        await the_hub.removals.begin(owner.id, server.id, by=by(), claim=outcome)
    else:
        await actor.ask(Stop(reason=reason_of(by().principal)), by=by(), claim=outcome)
    # only now may patience end: what is acknowledged is in the log
    gone: Awaitable[object] = (
        the_hub.removals.wait_gone(server.id)
        if remove
        else actor.wait_until(lambda state: isinstance(state, Stopped))
    )
    return await in_time(time_to_wait(the_hub.settings.hub.tornado_settings.slow_stop_timeout), gone)
