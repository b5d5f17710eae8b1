"""The home page: one's servers, how they are, and what can be done with them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from quart import Response

from core.errors import ForbiddenError, InvalidError
from core.events.file.writer import Outcome
from core.naming.names import MAX_SERVER_NAME, name_from
from core.scopes import Answer, User, check
from projections import users
from projections.servers import servers
from projections.servers.servers import ServerRow
from projections.sharing import shares
from projections.users import UserRow
from web.pages.parts.destination import default_url, destination
from web.pages.parts.render import page
from web.pages.parts.server_rows import shown_server
from web.pages.parts.shared import shared_with
from web.request.access import IDENTIFIED, OPEN, check_access, needs
from web.request.answers import redirect
from web.request.context import asked, by, caller, database, hub, kept
from web.request.facts import request_facts
from web.request.idempotency import idempotency_record
from web.request.known import known_server
from web.request.routing import RouteGroup
from web.request.sent.forms import form
from web.request.to_login import to_login
from web.servers.named import StartRequest

endpoints = RouteGroup("home", page=True)

MAY_STOP = needs("delete:servers")
MAY_ADD = needs("start:servers")
AT_ONCE = 2.0  # seconds: what ends within them is shown as ended


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
        shares=_shares(me),
        shared=shared_with(me.id),
        auth_state=hub().logins.auth_states.of(me.id),
        position=hub().store.head,
    )


@endpoints.post("/home", access=IDENTIFIED, statuses=(200, 302, 400, 403, 404, 409))
async def submit() -> Response:
    """A button of the page where no script runs: `stop`, `delete` or `add`, with the name of a server."""
    me, fields = myself(), form().fields
    if "add" in fields:
        return await _add(me, fields["add"])
    name = fields.get("stop", fields.get("delete", ""))
    check_access(MAY_STOP, caller(), {"user": me.name, "server": name}, hub().rights.memberships)
    server = known_server(me, name)
    if "delete" not in fields:
        await _end(hub().acts.stopping.stop, me, server)
    elif not name:
        raise InvalidError("The default server cannot be removed.")
    elif "sure" not in fields:
        return await page("delete_server.html", name=name, title=server.display_name or name)
    else:
        await _end(hub().acts.stopping.remove, me, server)
    return redirect(asked().path)


async def _end(end: Callable[..., Awaitable[bool]], me: UserRow, server: ServerRow) -> None:
    outcome = idempotency_record(lambda _: Outcome(302))
    await end(me, server, by=by(), wait=AT_ONCE, idempotency=outcome, request=request_facts())


async def _add(me: UserRow, title: str) -> Response:
    """A named server, as its address is made of what was typed."""
    title = " ".join(title.split())
    name = name_from(title)
    if not name:
        raise InvalidError("Give the server a name with at least one letter or digit.")
    check_access(MAY_ADD, caller(), {"user": me.name, "server": name}, hub().rights.memberships)
    hub().acts.named.check_allowed()
    outcome = idempotency_record(lambda _: Outcome(302))
    new = StartRequest({}, title)
    await hub().acts.named.add(me, name, new, by=by(), idempotency=outcome, request=request_facts())
    return redirect(asked().path)


def _shares(me: UserRow) -> dict[str, int] | None:
    """With how many each of one's servers is shared, by its id; None for who may not share them."""
    answer = check(caller().scopes, "shares", User(me.name), hub().rights.memberships)
    return shares.number_by_server(database(), me.id) if answer is Answer.ALLOWED else None


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
