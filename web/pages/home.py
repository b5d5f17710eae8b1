"""The home page: one's servers, how they are, and what can be done with them."""

from __future__ import annotations

from quart import Response

from core.errors import ForbiddenError
from core.naming.names import MAX_SERVER_NAME
from projections import servers, users
from projections.users import UserRow
from web.pages.parts.destination import default_url, destination
from web.pages.parts.render import page
from web.pages.parts.server_rows import shown_server
from web.request.access import IDENTIFIED, OPEN
from web.request.answers import redirect
from web.request.context import asked, caller, database, hub, kept
from web.request.facts import request_facts
from web.request.routing import RouteGroup
from web.request.to_login import to_login

endpoints = RouteGroup("home", page=True)


@endpoints.get("/", access=OPEN, statuses=(302,))
async def root() -> Response:
    """On to where the configuration says; visitors too, who may be shown what this hub is before they log in."""
    if wanted := await default_url():
        return redirect(wanted)
    if kept().identity is None:
        return to_login()
    return redirect(await destination(myself(), asked().args.get("next", "")))


@endpoints.get("/home", access=IDENTIFIED)
async def show() -> Response:
    """Looks at the default server first, as JupyterHub does: who comes here may wonder why it does not answer."""
    me = myself()
    default = servers.by_id(database(), me.default_server)
    if default is not None and default.is_active:
        await hub().servers.look(default.id)
    user, own = hub().launch.views.user(me), servers.of_user(database(), me.id)
    rows = [await shown_server(me, row, user) for row in own if not row.leaving]
    mine = next(row for row in rows if not row.name)
    settings = hub().settings.hub
    limit = await hub().acts.named.limit(request_facts()) if settings.allow_named_servers else 0
    return await page(
        "home.html",
        default_server=mine,
        spawners=[row for row in rows if row.name],
        url=mine.url if mine.ready else mine.spawn_url,
        allow_named_servers=settings.allow_named_servers,
        named_server_limit_per_user=limit,
        longest_server_name=MAX_SERVER_NAME,
        url_path_join=url_path_join,
        invalid_server_names=[],
        auth_state=hub().logins.auth_states.of(me.id),
        position=hub().store.head,
    )


def myself() -> UserRow:
    """Whose browser this is."""
    row = users.by_id(database(), caller().id)
    if row is None:
        raise ForbiddenError("Only people have pages here.")
    return row


def url_path_join(*pieces: str) -> str:
    """Pieces of a path with one slash between each. Templates of JupyterHub's use it."""
    begins, ends = pieces[0].startswith("/"), pieces[-1].endswith("/")
    middle = "/".join(filter(None, (piece.strip("/") for piece in pieces)))
    return f"{'/' if begins else ''}{middle}{'/' if ends and middle else ''}"
