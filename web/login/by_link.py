"""Making and redeeming the links that log somebody in once."""

from __future__ import annotations

from urllib.parse import urlencode

from projections import users
from projections.users import UserRow
from web.hub.hub import Hub
from web.sessions.links import ARGUMENT


def make_link(hub: Hub, user_id: str, *, next_url: str = "") -> str:
    """The path and query of a link for this user; put the hub's public origin before it."""
    query = {ARGUMENT: hub.logins.links.make(user_id)} | ({"next": next_url} if next_url else {})
    return f"{hub.base_url}hub/login?{urlencode(query)}"


def redeem(hub: Hub, ticket: str, *, address: str) -> UserRow | None:
    """Whom the ticket of a link logs in. Raises ForbiddenError for who is blocked meanwhile."""
    user_id = hub.logins.links.take(ticket)
    row = None if user_id is None else users.by_id(hub.store.db, user_id)
    if row is None or row.leaving:
        hub.refusals.login(address)
        return None
    hub.logins.admission.check(row.name, exists=True, allowed=True)
    return row
