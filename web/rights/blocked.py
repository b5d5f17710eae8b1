"""Those to whom the configuration denies everything, by their present names."""

from __future__ import annotations

from core.events.log.tables import Tables
from projections import users
from projections.servers import servers
from projections.users import UserRow


class Blocked:
    def __init__(self, db: Tables, names: frozenset[str]) -> None:
        """`names`: as stored; of some there may be no user."""
        self._db = db
        self.names = names

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def user(self, user_id: str) -> UserRow | None:
        """None for one who is gone, or not blocked."""
        row = users.by_id(self._db, user_id)
        return row if row is not None and row.name in self.names else None

    def owner(self, server_id: str) -> UserRow | None:
        """Whose server it is; None where they are not blocked."""
        server = servers.by_id(self._db, server_id)
        return None if server is None else self.user(server.user)
