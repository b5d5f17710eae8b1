"""Starting a server from a page: at once, with what the URL says, or by the form of the configuration."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode

from quart import Response

from core.errors import (
    AlreadyRunningError,
    FormError,
    HubError,
    InvalidError,
    PendingError,
    SpawnError,
    ToldError,
)
from core.events.file.writer import Outcome
from core.naming.names import escape
from core.secrets.scrubbing import scrubbed
from projections.servers import servers
from projections.servers.servers import ServerRow
from projections.users import UserRow
from web.pages.home import myself
from web.pages.parts.destination import destination
from web.pages.parts.filled_form import filled_in
from web.pages.parts.options import form_fields, query_options, storable
from web.pages.parts.render import html_of_configuration, page
from web.pages.parts.server_rows import shown_server, state_text
from web.pages.spawn_pending import not_running
from web.request.access import IDENTIFIED, check_access, needs
from web.request.answers import redirect
from web.request.context import asked, by, caller, database, hub
from web.request.credentials import xsrf_token
from web.request.errors import headers_of, status_of
from web.request.facts import request_facts, time_to_wait
from web.request.handler_view import NOT_OF_THE_FORM, handler_view
from web.request.idempotency import FORM_KEY, idempotency_record, new_form_key
from web.request.known import known_user
from web.request.routing import RouteGroup
from web.starts.spawn_hooks import FormData
from web.starts.start_form import StartForm
from web.texts.translate import _

endpoints = RouteGroup("spawn", page=True)

MAY = needs("servers")
AT_ONCE = 1.0  # second: a start that fails within it is told of at once, not by the page that waits
STATUSES = (200, 302, 400, 422, 429, 500)


@endpoints.get("/spawn", access=IDENTIFIED, statuses=STATUSES)
async def show_own() -> Response:
    return await _show(_own(), "")


@endpoints.post("/spawn", access=IDENTIFIED, statuses=STATUSES, uploads=True)
async def submit_own() -> Response:
    return await _submit(_own(), "")


@endpoints.get("/spawn/<user>", "/spawn/<user>/<maybe:server>", access=MAY, statuses=STATUSES)
async def show(user: str, server: str = "") -> Response:
    return await _show(known_user(user), server)


@endpoints.post("/spawn/<user>", "/spawn/<user>/<maybe:server>", access=MAY, statuses=STATUSES, uploads=True)
async def submit(user: str, server: str = "") -> Response:
    return await _submit(known_user(user), server)


def _own() -> UserRow:
    me = myself()
    check_access(MAY, caller(), {"user": me.name}, hub().rights.memberships)
    return me


# --- GET ---


async def _show(owner: UserRow, name: str) -> Response:
    row = await _looked_at(owner, name)
    if row is not None and not row.may_start:
        return await _to_active(owner, row)
    target = row or _to_be(owner, name)
    given = query_options()
    fields = await _fields(owner, target, given or {})
    form = await fields.html()
    if given is not None:
        try:
            return await _start(owner, name, await _options(fields, given, is_query=True))
        except HubError as error:
            if form:
                return await _show_form(owner, target, filled_in(form, given, is_whole=False), error)
            if not isinstance(error, SpawnError | FormError) or row is None:
                raise
    if form:
        return await _show_form(owner, target, form)
    return await _start(owner, name, None)


async def _looked_at(owner: UserRow, name: str) -> ServerRow | None:
    """The server; None for a named one that does not exist yet. One that has died meanwhile is not running."""
    if name and not hub().settings.hub.allow_named_servers:
        default = servers.by_id(database(), owner.default_server)
        if default is not None and default.is_active:
            return default
        hub().acts.named.check_allowed()
    row = servers.by_name(database(), owner.id, name)
    if row is None:
        hub().acts.named.check_new_name(name)
        return None
    if row.state == "ready":
        await hub().servers.look(row.id)
        return servers.by_id(database(), row.id)
    return row


async def _to_active(owner: UserRow, server: ServerRow) -> Response:
    if server.state == "ready":
        return redirect(
            await destination(owner, asked().args.get("next", ""), hub().hosts.url(server.prefix))
        )
    return _to_pending(owner, server.name)


def _to_pending(owner: UserRow, name: str) -> Response:
    """With the query, and what it says is next."""
    path = f"{escape(owner.name)}/{escape(name)}" if name else escape(owner.name)
    kept = [
        pair
        for pair in parse_qsl(asked().query_string.decode("latin-1"), keep_blank_values=True)
        if pair[0] not in NOT_OF_THE_FORM
    ]
    query = f"?{urlencode(kept)}" if kept else ""
    return redirect(f"{hub().base_url}hub/spawn-pending/{path}{query}")


# --- POST ---


async def _submit(owner: UserRow, name: str) -> Response:
    row = await _looked_at(owner, name)
    if row is not None and row.state == "ready":
        raise AlreadyRunningError("This server is already running.")
    if row is not None and not row.may_start:
        raise PendingError(_("This server cannot be started now: {state}.").format(state=state_text(row)))
    target = row or _to_be(owner, name)
    given = await form_fields()
    fields = await _fields(owner, target, given)
    if more := await fields.more(given):
        return await _show_form(owner, target, more)
    try:
        return await _start(owner, name, await _options(fields, given, is_query=False))
    except HubError as error:
        form = await fields.html()
        if not form:
            raise
        return await _show_form(owner, target, filled_in(form, given, is_whole=True), error)


# --- starting ---


async def _start(owner: UserRow, name: str, options: dict[str, Any] | None) -> Response:
    """A start that fails at once has the page of all that fail. Raises HubError for one that does not come about."""
    acts, facts, display_name = hub().acts, request_facts(), asked().args.get("display_name")
    server = await acts.named.find_or_add(owner, name, display_name, by=by(), request=facts)
    outcome = idempotency_record(lambda _: Outcome(202))
    started = await acts.starting.begin(owner, server, options, by=by(), idempotency=outcome, request=facts)
    try:
        await acts.starting.wait_settled(started, time_to_wait(AT_ONCE))
    except SpawnError as error:
        return await _failed(owner, server.id, error)
    return _to_pending(owner, name)


async def _failed(owner: UserRow, server_id: str, error: SpawnError) -> Response:
    """Raises the error where it is no failure: the start was cancelled."""
    row = servers.by_id(database(), server_id)
    if row is None or row.failed() is None:
        raise error
    answer = await not_running(owner, row, status_of(error))
    answer.headers.update(headers_of(error))
    return answer


async def _fields(owner: UserRow, target: ServerRow, given: FormData) -> StartForm:
    return await hub().launch.for_form(owner, target, handler_view(), given)


async def _options(form: StartForm, data: FormData, *, is_query: bool) -> dict[str, Any]:
    return storable(await form.options(data, is_query=is_query), hub().settings.callboard.max_body_size)


# --- the form ---


async def _show_form(owner: UserRow, target: ServerRow, form: str, error: HubError | None = None) -> Response:
    """`error`: why the start that was just asked for did not come about.

    As in JupyterHub, what `options_from_form` does not take is no error of HTTP's.
    """
    query = [
        pair
        for pair in parse_qsl(asked().query_string.decode("latin-1"))
        if pair[0] in ("next", "display_name")
    ]
    marked_up = html_of_configuration(scrubbed(error.html_message) if isinstance(error, ToldError) else "")
    answer = await page(
        "spawn.html",
        200 if error is None or isinstance(error, FormError) else status_of(error),
        for_user=owner if owner.id != caller().id else None,
        spawner=await shown_server(owner, target),
        spawner_options_form=html_of_configuration(form),
        error_message=scrubbed(error.message) if error else "",
        html_error_message=marked_up,
        error_html_message=marked_up,  # what JupyterHub's own template looks for
        url=f"{asked().path}?{urlencode([*query, ('_xsrf', xsrf_token()), (FORM_KEY, new_form_key())])}",
        auth_state=hub().logins.auth_states.of(owner.id),
    )
    if error is not None:
        answer.headers.update(headers_of(error))
    return answer


def _to_be(owner: UserRow, name: str) -> ServerRow:
    if not name:
        raise InvalidError("There is no such server.")
    return servers.not_yet(owner.id, name, asked().args.get("display_name", ""))
