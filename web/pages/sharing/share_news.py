"""Shares from the other side: what is told of them at the top of pages is put away, and what is shared is left."""

from __future__ import annotations

from quart import Response

from core.events.user import user_stream
from web.pages.home import myself
from web.pages.parts.destination import checked
from web.pages.parts.render import page
from web.request.access import IDENTIFIED, check_access, needs
from web.request.answers import redirect
from web.request.context import by, caller, database, hub
from web.request.routing import RouteGroup
from web.request.sent.forms import form
from web.request.sent.numerals import whole_number
from web.sharing.sharing import known_share

endpoints = RouteGroup("share_news", page=True)

MAY_LEAVE = needs("users:shares")


@endpoints.post("/share-news", access=IDENTIFIED, statuses=(302,))
async def put_away() -> Response:
    """All that was told on the page this form stands on, and back to that page."""
    fields, me = form().fields, myself()
    upto = whole_number(fields.get("upto", ""))
    if upto is not None:
        await hub().acts.share_news.see(me.id, min(upto, hub().store.head), by=by())
    return redirect(checked(fields.get("next", "")) or f"{hub().base_url}hub/home")


@endpoints.get("/leave-share/<owner>/<maybe:name>", access=IDENTIFIED, statuses=(200, 404))
async def ask(owner: str, name: str) -> Response:
    _check()
    sharing, me = hub().acts.sharing, myself()
    known_share(database(), sharing.server_id(owner, name), user_stream(me.id))
    return await page("leave-share.html", owner=owner, server_name=name, auth_state=None)


@endpoints.post("/leave-share/<owner>/<maybe:name>", access=IDENTIFIED, statuses=(302, 404))
async def leave(owner: str, name: str) -> Response:
    _check()
    sharing, me = hub().acts.sharing, myself()
    await sharing.leave(user_stream(me.id), sharing.server_id(owner, name), by=by())
    return redirect(f"{hub().base_url}hub/home")


def _check() -> None:
    """As where the API is asked for it."""
    check_access(MAY_LEAVE, caller(), {"user": myself().name}, hub().rights.memberships)
