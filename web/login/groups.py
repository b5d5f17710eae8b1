"""`c.Authenticator.manage_groups`: a login says which groups its user is in, and in no others."""

from __future__ import annotations

from collections.abc import Collection

from core.actors.hub_entities import Groups
from core.errors import AlreadyExistsError
from core.events.log.tables import Tables
from core.events.record import By
from core.group import Create, Join, Leave
from core.naming.ids import new_id
from projections import groups


class LoginGroups:
    def __init__(self, db: Tables, entities: Groups) -> None:
        self._db = db
        self._entities = entities

    async def put(self, user_id: str, names: Collection[str], *, by: By) -> None:
        """Groups that do not exist are made. Called again after an interruption it ends the same way."""
        present = {group.name: group.id for group in groups.of_user(self._db, user_id)}
        for name in dict.fromkeys(names):
            if name not in present:
                await self._join(user_id, name, by)
        for name in present.keys() - set(names):
            await self._entities.ask(present[name], Leave((user_id,)), by=by)

    async def _join(self, user_id: str, name: str, by: By) -> None:
        row = groups.by_name(self._db, name)
        if row is None:
            try:
                await self._entities.ask(new_id("g"), Create(name, (user_id,)), by=by)
            except AlreadyExistsError:
                row = groups.by_name(self._db, name)  # two logins came at once
            else:
                return
        if row is not None:
            await self._entities.ask(row.id, Join((user_id,)), by=by)
