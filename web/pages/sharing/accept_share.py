"""What a share code would give, and a button to have it."""

from __future__ import annotations

from typing import Any

from quart import Response

from core.errors import NotFoundError
from core.naming.names import server_prefix
from core.scopes import NOBODY, excess_scopes
from projections import users
from projections.servers import servers
from projections.servers.servers import ServerRow
from projections.sharing.share_codes import ShareCodeRow
from projections.users import UserRow
from web.hook_views.rows import moment
from web.pages.parts.destination import checked
from web.pages.parts.render import page
from web.pages.parts.server_rows import shown_server
from web.pages.parts.shared import may_by
from web.request.access import IDENTIFIED
from web.request.answers import redirect
from web.request.context import asked, by, caller, database, hub
from web.request.routing import RouteGroup
from web.request.sent.forms import form
from web.rights.oauth_scopes import in_words
from web.site.public_url import origin

endpoints = RouteGroup("accept_share", page=True)


@endpoints.get("/accept-share", access=IDENTIFIED, statuses=(200, 400, 403, 404))
async def show() -> Response:
    code = asked().args.get("code", "")
    if not code:
        return await _no_link("incomplete", 400)
    try:
        found = hub().acts.sharing.find_code(code)
        owner, server = _shared(found)
    except NotFoundError:
        return await _worthless(code, 404)
    url = _url(owner, server)
    if owner.id == caller().id:
        shown = await shown_server(owner, server)
        return await _no_link("own", 403, share_url=shown.share_url, link=_whole_url())
    return await page(
        "accept-share.html",
        has_access=_has_all(found),
        may=may_by(found.scopes),
        code=code,
        owner=hub().launch.views.user(owner),
        spawner=await shown_server(owner, server),
        spawner_ready=server.state == "ready",
        spawner_url=url,
        scope_descriptions=[in_words(scope, hub().rights.table) for scope in found.scopes],
        next_url=checked(asked().args.get("next", "")) or url,
        auth_state=hub().logins.auth_states.of(caller().id),
    )


@endpoints.post("/accept-share", access=IDENTIFIED, statuses=(302, 400, 403))
async def submit() -> Response:
    """Have it. Whoever has it already comes through as well."""
    fields = form().fields
    code = fields.get("code", "") or asked().args.get("code", "")
    try:
        found = hub().acts.sharing.find_code(code)
        owner, server = _shared(found)
    except NotFoundError:
        return await _worthless(code, 400)
    await hub().acts.sharing.accept(found, caller(), by=by())
    next_url = asked().args.get("next", "") or fields.get("next", "")
    return redirect(checked(next_url) or _url(owner, server))


async def _no_link(problem: str, status: int, **shown: Any) -> Response:
    """Why nothing can be accepted by this link, and what to do."""
    return await page("no-share-link.html", status, problem=problem, **shown)


async def _worthless(code: str, status: int) -> Response:
    """To who has the code of a link that has expired that is told."""
    row = hub().acts.sharing.expired_code(code)
    if row is None:
        return await _no_link("unknown", status)
    return await _no_link("expired", status, expired=moment(row.expires_at), owner=row.server.owner)


def _has_all(code: ShareCodeRow) -> bool:
    """Whether the caller may already do what the code would give."""
    rights = hub().rights
    return not excess_scopes(code.scopes, NOBODY, caller().scopes, rights.memberships, rights.table)


def _whole_url() -> str:
    query = asked().query_string.decode("latin-1")
    return f"{origin(asked(), hub().settings)}{asked().path}?{query}"


def _shared(code: ShareCodeRow) -> tuple[UserRow, ServerRow]:
    server = servers.by_id(database(), code.server_id)
    owner = users.by_id(database(), server.user) if server else None
    if server is None or owner is None:
        raise NotFoundError("The server that was shared is gone.")
    return owner, server


def _url(owner: UserRow, server: ServerRow) -> str:
    return hub().hosts.url(server.prefix or server_prefix(hub().base_url, owner.name, server.name))
