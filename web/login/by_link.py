"""Making and redeeming the links that log somebody in once."""

from __future__ import annotations

from urllib.parse import urlencode

from core.events.log.tables import Tables
from core.logins.failures import Refusals
from projections import users
from projections.users import UserRow
from web.sessions.links import ARGUMENT
from web.sessions.logins import Logins


class LinkLogin:
    def __init__(self, base_url: str, db: Tables, logins: Logins, refusals: Refusals) -> None:
        self._base_url = base_url
        self._db = db
        self._logins = logins
        self._refusals = refusals

    def make(self, user_id: str, *, next_url: str = "") -> str:
        """The path and query of a link for this user; put the hub's public origin before it."""
        query = {ARGUMENT: self._logins.links.make(user_id)} | ({"next": next_url} if next_url else {})
        return f"{self._base_url}hub/login?{urlencode(query)}"

    def redeem(self, ticket: str, *, address: str) -> UserRow | None:
        """Whom the ticket of a link logs in. Raises ForbiddenError for who is blocked meanwhile."""
        user_id = self._logins.links.take(ticket)
        row = None if user_id is None else users.by_id(self._db, user_id)
        if row is None or row.leaving:
            self._refusals.login(address)
            return None
        self._logins.admission.check(row.name, exists=True, allowed=True)
        return row
