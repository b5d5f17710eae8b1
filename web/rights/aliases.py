"""Older names of users whose servers have not stopped since they were renamed.

Such a server knows its user by the name it was started under: it asks for URLs with it, and looks for it in the scopes
of its visitors.
"""

from __future__ import annotations

from collections.abc import Mapping

from core.events.log.tables import Tables
from core.scopes import Reach, Scopes
from projections import names as names_table
from projections import users
from web.rights.identity import Identity

ACCESS = "access:servers"


def under_present_name(db: Tables, identity: Identity | None, names: Mapping[str, str]) -> Mapping[str, str]:
    """The names in a URL, its user's by the present name where a server asks about its own user."""
    if identity is None or not identity.server or names.get("user", identity.name) == identity.name:
        return names
    if names_table.holder_of(db, "user", names["user"]) != identity.id:
        return names
    return {**names, "user": identity.name}


def with_older_names(db: Tables, scopes: Scopes) -> Scopes:
    """The same, with each user and server to which there is access by their older names too."""
    reach = scopes.held.get(ACCESS)
    if reach is None or reach.everywhere:
        return scopes
    more = Reach()
    for user_id, older in names_table.aliases(db):
        user = users.by_id(db, user_id)
        if user is not None:
            more |= _under(older, user.name, reach)
    return scopes | Scopes({ACCESS: more}) if more else scopes


def _under(older: str, name: str, reach: Reach) -> Reach:
    prefix = f"{name}/"
    servers = (server.removeprefix(prefix) for server in reach.servers if server.startswith(prefix))
    return Reach(
        users=frozenset({older} if name in reach.users else ()),
        servers=frozenset(f"{older}/{server}" for server in servers),
    )
