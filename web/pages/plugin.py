"""Pages of plug-ins: what the hub knows goes with the request, and what their handlers have noted is carried out."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from typing import Any, cast
from urllib.parse import parse_qsl

import trio
from quart import Response
from werkzeug.exceptions import RequestEntityTooLarge, RequestTimeout

from core.errors import ForbiddenError, NotFoundError
from core.logins.gate import Attempt
from core.naming.names import MAX_USER_NAME
from core.plugins.authenticator import Login
from core.plugins.plugin_hub import HearsServers
from projections import users
from projections.servers import servers
from projections.servers.servers import ServerRow
from projections.users import UserRow
from web.authenticators.jupyterhub.asking import Answered, Asking
from web.pages.errors import error_page
from web.pages.parts.browser_session import end_session, new_session
from web.pages.parts.render import variables_for_plugins
from web.request.client_address import address_of
from web.request.context import asked, database, hub, kept
from web.request.credentials import (
    check_meant,
    fetch_of_request,
    is_valid_xsrf,
    recognise,
    sent_form,
    session_of,
    xsrf_token,
)
from web.request.errors import phrase
from web.request.facts import request_facts
from web.request.page_cookies import log_in_browser, log_out_browser
from web.request.sent.for_plugins import FORM, sent_request
from web.request.sent.forms import FIELDS_BEFORE_LOGIN, MOST_FIELDS, SIZE_BEFORE_LOGIN
from web.request.sent.received import Body
from web.request.sent.refused_forms import why_refused
from web.rights.identity import Identity, token_in
from web.sessions.cookies import SESSION_ID, XSRF
from web.sessions.xsrf import SAFE_METHODS, is_foreign
from web.site.api_paths import is_api
from web.site.public_url import own_hosts
from web.starts.uploads import SECONDS

MOST_XSRF = 10  # cookies of that name which are looked at: a browser has one
_MADE_HERE = frozenset({"server", "date", "content-length", "connection", "transfer-encoding"})


async def serve() -> Response:
    """Raises UnavailableError where no answer comes in time, ThrottledError after too many failed logins."""
    pages, began = hub().plugins.pages, time.monotonic()
    if pages is None:
        raise NotFoundError("There is no such page.")
    kept().identity = identity = await _who_asks()
    body = await _body(SIZE_BEFORE_LOGIN if identity is None else hub().settings.callboard.max_body_size)
    name = _who_logs_in(body)
    async with _gate(name) as attempt:
        answered = await pages.serve(await _asking(identity, body))
        if attempt is not None and answered.login:
            attempt.succeeded()
    if name or answered.login:
        hub().metrics.logged_in(time.monotonic() - began, success=bool(answered.login))
    if name and not answered.login:
        hub().refusals.login(address_of(asked()))
    return await _carry_out(answered)


# --- what comes ---


async def _who_asks() -> Identity | None:
    kept().session = session_of(hub(), asked())
    found = recognise(hub(), asked())
    if found is not None and not found.token_id and not _is_looked_at():
        found = None
    if found is not None and found.kind != "proxy":
        hub().saw(found)
    return await hub().acts.login_refresh.confirmed(found, request_facts)


def _is_looked_at() -> bool:
    """Whether a person or a page of the hub asks. A script of somebody's server, on the same host, asks as nobody.

    What may change something, the handler checks itself.
    """
    if asked().method not in SAFE_METHODS:
        return True
    try:
        check_meant()
    except ForbiddenError:
        return False
    return True


async def _body(most: int) -> bytes:
    """Raises RequestEntityTooLarge, RequestTimeout."""
    with trio.move_on_after(float(asked().body_timeout or SECONDS)):
        async with aclosing(cast(Body, asked().body).pieces(most)) as pieces:
            body = b"".join([piece async for piece in pieces])
            if asked().mimetype == FORM and body.count(b"&") >= _most_fields():
                raise RequestEntityTooLarge
            return body
    raise RequestTimeout


def _most_fields() -> int:
    return FIELDS_BEFORE_LOGIN if kept().identity is None else MOST_FIELDS


def _who_logs_in(body: bytes) -> str:
    """The name in a form of a login page; `""` where nobody tries to log in by one."""
    if asked().method != "POST" or not asked().path.endswith("/login") or asked().mimetype != FORM:
        return ""
    fields = dict(parse_qsl(body.decode(errors="replace")))
    return hub().user_names.normalize(fields.get("username", "")[:MAX_USER_NAME])


def _gate(name: str) -> AbstractAsyncContextManager[Attempt | None]:
    """Who keeps failing waits."""
    return hub().logins.gate.attempt(name, address_of(asked())) if name else nullcontext()


async def _asking(identity: Identity | None, body: bytes) -> Asking:
    is_user = identity is not None and identity.kind == "user"
    session, server = kept().session, _server_that_asks(identity)
    shown = await variables_for_plugins()
    return Asking(
        sent_request(body, with_token=server is not None),
        user=identity.name if identity is not None and is_user else "",
        session="" if session is None else session.id,
        scopes=frozenset(() if identity is None else identity.scopes.as_strings()),
        by_token=identity is not None and bool(identity.token_id),
        xsrf=xsrf_token(),
        valid_xsrf=frozenset(filter(is_valid_xsrf, asked().cookies.getlist(XSRF)[:MOST_XSRF])),
        foreign=why_refused(sent_form())
        if is_foreign(fetch_of_request(), own_hosts(asked(), hub().settings))
        else "",
        shown=shown,
        server=None if server is None else server.name,
        token="" if server is None else token_in(asked().headers.get("Authorization", "")) or "",
    )


def _server_that_asks(identity: Identity | None) -> ServerRow | None:
    """By its own token, which its spawner knows: it may tell it something, such as its port."""
    if identity is None or not identity.server or not is_api(asked().path, hub().base_url):
        return None
    return servers.by_id(database(), identity.server)


# --- what goes ---


async def _carry_out(answered: Answered) -> Response:
    """The session is opened or ended before the answer is sent."""
    if answered.told:
        await _tell_spawner(answered.told)
    if answered.logout:
        await end_session()
    response = await _response(answered)
    if answered.login:
        new = await new_session(await _admitted(answered.login))
        if new is not None:
            log_in_browser(response, *new)
    elif answered.logout:
        log_out_browser(response)
    return response


async def _tell_spawner(told: Mapping[str, Any]) -> None:
    """What the server that asks has told of itself."""
    server = _server_that_asks(kept().identity)
    if server is not None and server.spawn_id:
        spawner = hub().spawner.of(server.spawn_id).spawner
        if isinstance(spawner, HearsServers):
            await spawner.hear(server.spawn_id, told)


async def _admitted(name: str) -> UserRow:
    """Whom a handler has logged in. Most have asked the hub; the others are made known now. Raises ForbiddenError."""
    hub().logins.admission.check(name, exists=True, allowed=True)
    row = users.by_name(database(), name)
    if row is None:
        made = await hub().acts.accounts.of_login(Login(name, allowed=True, is_settled=True))
        row = None if made is None else made.user
    if row is None or row.leaving:
        raise ForbiddenError(f"User {name} may not log in here.")
    return row


async def _response(answered: Answered) -> Response:
    """A refusal without a text gets the hub's own page."""
    if answered.status >= 400 and not answered.body and asked().method != "HEAD":
        return await error_page(answered.status, phrase(answered.status))
    response = Response(answered.body, answered.status)
    response.status = f"{answered.status} {answered.reason or phrase(answered.status)}"
    response.headers.clear()
    for name, value in _headers(answered):
        response.headers.add(name, value)
    if answered.status not in (204, 304):
        response.headers["Content-Length"] = str(len(answered.body))
    return response


def _headers(answered: Answered) -> Iterator[tuple[str, str]]:
    """Cookies of the hub's own names are the hub's to set."""
    ours = {hub().sessions.cookies.login, SESSION_ID, XSRF}
    for name, value in answered.headers:
        is_ours = name.lower() == "set-cookie" and value.partition("=")[0].strip() in ours
        if name.lower() not in _MADE_HERE and not is_ours:
            yield name, value
