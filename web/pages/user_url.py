"""`/hub/user/...`: a server was asked for, and no route leads to it. It is never started from here."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

import trio
from quart import Response

from core.backoff import Backoff
from core.errors import NotFoundError
from core.naming.names import escape
from core.scopes import Answer, Server, check
from projections import users
from projections.servers import servers
from projections.servers.servers import ServerRow
from projections.users import UserRow
from web.pages.errors import error_page
from web.pages.parts.spawn_url import spawn_url
from web.pages.spawn_pending import not_running
from web.request.access import IDENTIFIED
from web.request.answers import redirect, reply
from web.request.context import asked, caller, database, hub
from web.request.credentials import fetch_of_request
from web.request.routing import ANY, RouteGroup
from web.request.sent.numerals import whole_number
from web.sessions.xsrf import needs_token
from web.site.public_url import origin
from web.texts.translate import N_

endpoints = RouteGroup("user_url", page=True)
outside = RouteGroup("user_url_outside")  # below the base URL, for servers that no route leads to

RETRY = Backoff(2.0, 10.0)
PATHS = ("/user/<user>", "/user/<user>/", "/user/<user>/<path:rest>")
STATUSES = (302, 303, 404, 424, 500, 503)


@endpoints.get(*PATHS, access=IDENTIFIED, takes_tokens=True, statuses=STATUSES)
async def look_for(user: str, rest: str = "") -> Response:
    owner, server = _found(user, rest)
    if server.state == "ready":
        return await _back(server, rest)
    if _wants_json(rest):
        return _refused(owner, server)
    if server.state != "stopped" or server.failure is not None:
        return _to_pending(owner, server)
    return await not_running(owner, server, _status(), next_url=_asked())


@endpoints.route(ANY, *PATHS, access=IDENTIFIED, takes_tokens=True, statuses=STATUSES)
async def refuse(user: str, rest: str = "") -> Response:
    """Nothing is forwarded to where no server is, whatever the method."""
    return _refused(*_found(user, rest))


@outside.route(ANY, "/user/<user>", "/user/<user>/<path:rest>", access=IDENTIFIED, statuses=STATUSES)
async def refuse_outside(user: str, rest: str = "") -> Response:
    """Programs that act are told at once: to follow a redirect most would ask by GET."""
    return _refused(*_found(user, rest))


def _found(user: str, rest: str) -> tuple[UserRow, ServerRow]:
    """The server that the path begins with. Raises NotFoundError where the caller may not enter it."""
    owner = users.by_name(database(), user)
    if owner is None:
        raise NotFoundError("There is no such server.")
    name = rest.partition("/")[0]
    named = servers.by_name(database(), owner.id, name) if name and _named_servers() else None
    server = named or servers.by_id(database(), owner.default_server)
    if server is None or not (_may_enter(owner, server.name) or _may_enter(owner, "")):
        raise NotFoundError("There is no such server, or you may not enter it.")
    return owner, server


def _named_servers() -> bool:
    return hub().settings.hub.allow_named_servers


def _may_enter(owner: UserRow, name: str) -> bool:
    held, memberships = caller().scopes, hub().rights.memberships
    return check(held, "access:servers", Server(owner.name, name), memberships) is Answer.ALLOWED


async def _back(server: ServerRow, rest: str) -> Response:
    """It is ready, and the proxy has not heard of it yet: once more, after a while that doubles."""
    tries = whole_number(asked().args.get("redirects", "")) or 0
    if tries >= hub().settings.hub.tornado_settings.user_redirect_limit:
        return await error_page(
            500,
            N_(
                "The server runs, and yet the way to it leads here. Whoever runs this hub should look at its proxy."
            ),
        )
    if tries:
        await trio.sleep(RETRY.after(tries))
    others = [
        pair
        for pair in parse_qsl(asked().query_string.decode("latin-1"), keep_blank_values=True)
        if pair[0] != "redirects"
    ]
    path = asked().path.removeprefix(f"{hub().base_url}hub/")
    query = urlencode([*others, ("redirects", str(tries + 1))])
    return redirect(f"{hub().hosts.url(f'{hub().base_url}{path}')}?{query}")


def _to_pending(owner: UserRow, server: ServerRow) -> Response:
    path = f"{escape(owner.name)}/{escape(server.name)}" if server.name else escape(owner.name)
    query = urlencode({"next": _asked()})
    return redirect(f"{hub().base_url}hub/spawn-pending/{path}?{query}", 303)


def _asked() -> str:
    """This URL, to come back to."""
    query = asked().query_string.decode("latin-1")
    return f"{asked().path}?{query}" if query else asked().path


def _wants_json(rest: str) -> bool:
    """Pages are for eyes alone: they hold the XSRF token, and this URL is answered to scripts of other pages too."""
    accepts = asked().accept_mimetypes
    if accepts["application/json"] > accepts["text/html"] or needs_token(fetch_of_request()):
        return True
    return "api" in rest.split("/")


def _refused(owner: UserRow, server: ServerRow) -> Response:
    start = f"{origin(asked(), hub().settings)}{spawn_url(owner.name, server.name)}"
    message = f"The server {owner.name}/{server.name} is not running. Start it at {start}"
    return reply({"message": message}, _status())


def _status() -> int:
    return 503 if hub().settings.hub.use_legacy_stopped_server_status_code else 424
