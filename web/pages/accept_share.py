"""What a share code would give, and a button to have it."""

from __future__ import annotations

from quart import Response

from core.errors import ForbiddenError, InvalidError, NotFoundError
from core.naming.names import server_prefix
from projections import servers, users
from projections.servers import ServerRow
from projections.share_codes import ShareCodeRow
from projections.users import UserRow
from web.pages.parts.destination import checked
from web.pages.parts.render import page
from web.pages.parts.server_rows import shown_server
from web.request.access import IDENTIFIED
from web.request.answers import redirect
from web.request.context import asked, by, caller, database, hub
from web.request.routing import RouteGroup
from web.request.sent.forms import form
from web.rights.oauth_scopes import in_words

endpoints = RouteGroup("accept_share", page=True)


@endpoints.get("/accept-share", access=IDENTIFIED, statuses=(200, 400, 403, 404))
async def show() -> Response:
    code = asked().args.get("code", "")
    if not code:
        raise InvalidError("The link has to bring a share code with it.")
    found = hub().acts.sharing.find_code(code)
    owner, server = _shared(found)
    if owner.id == caller().id:
        raise ForbiddenError("This code is for your own server: send the link to somebody else.")
    url = _url(owner, server)
    return await page(
        "accept-share.html",
        code=code,
        owner=hub().launch.views.user(owner),
        spawner=await shown_server(owner, server),
        spawner_ready=server.state == "ready",
        spawner_url=url,
        scope_descriptions=[in_words(scope, hub().rights.table, "") for scope in found.scopes],
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
    except NotFoundError as error:
        raise InvalidError(error.message) from None
    owner, server = _shared(found)
    await hub().acts.sharing.accept(found, caller(), by=by())
    next_url = asked().args.get("next", "") or fields.get("next", "")
    return redirect(checked(next_url) or _url(owner, server))


def _shared(code: ShareCodeRow) -> tuple[UserRow, ServerRow]:
    server = servers.by_id(database(), code.server_id)
    owner = users.by_id(database(), server.user) if server else None
    if server is None or owner is None:
        raise NotFoundError("The server that was shared is gone.")
    return owner, server


def _url(owner: UserRow, server: ServerRow) -> str:
    return hub().hosts.url(server.prefix or server_prefix(hub().base_url, owner.name, server.name))
