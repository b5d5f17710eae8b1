"""What happened when, and by whom: to oneself, to a user, or to anything. The events come through the API."""

from __future__ import annotations

from typing import Any

from quart import Response

from core.config.masking import mask
from core.naming.names import escape
from core.scopes import Answer, User, check_any
from projections.users import UserRow
from web.pages.home import myself
from web.pages.parts.as_of import asked_position, then
from web.pages.parts.render import page
from web.request.access import IDENTIFIED, needs
from web.request.context import asked, caller, hub, scopes
from web.request.known import known_user
from web.request.routing import RouteGroup

endpoints = RouteGroup("history", page=True)

MAY = needs("admin-ui")
STATUSES = (200, 400, 404)


@endpoints.get("/history", access=IDENTIFIED, statuses=STATUSES)
async def own() -> Response:
    return await _page("history.html", myself())


@endpoints.get("/admin/users/<user>", access=MAY, statuses=STATUSES)
async def of_user(user: str) -> Response:
    return await _page("admin-user.html", known_user(user))


@endpoints.get("/admin/history", access=MAY, statuses=STATUSES)
async def of_all() -> Response:
    return await _page("admin-history.html", None)


async def _page(template: str, of: UserRow | None) -> Response:
    """`at`: the position or the moment that is looked at, of the URL."""
    at = asked_position(asked().args.get("at", ""))
    path = f"users/{escape(of.name)}/events" if of else "events"
    known = then(of.id, at) if of and at and _may_see(of) else None
    return await page(
        template,
        of=of,
        events_url=f"{hub().base_url}hub/api/{path}",
        at=at,
        then=known,
        shown_options=_options,
        position=hub().store.head,
        auth_state=hub().logins.auth_states.of(caller().id),
    )


def _may_see(of: UserRow) -> bool:
    memberships = hub().rights.memberships
    asked = (("read:users",), ("read:servers",))
    return all(check_any(scopes(), one, User(of.name), memberships) is Answer.ALLOWED for one in asked)


def _options(options: dict[str, Any] | None) -> str:
    return "" if not options else ", ".join(f"{name}: {value}" for name, value in mask(options).items())
