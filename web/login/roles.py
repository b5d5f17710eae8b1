"""`c.Authenticator.manage_roles`: a login says which roles its user holds in their own right, and no others.

Roles of the configuration keep their scopes, whatever a login says of them; others are made as the login describes
them. `user`, which everybody holds, and `admin`, which goes with the admin flag, are none of its business.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from core.actors.hub_entities import Roles
from core.config.roles import ADMIN, USER, Role, RoleError, role_of_login
from core.errors import ForbiddenError
from core.events.group import group_stream
from core.events.log.tables import Tables
from core.events.record import By
from core.events.user import user_stream
from core.role import Define, GrantRole, Withdraw
from projections import groups, roles, users
from web.rights.rights import Rights

logger = logging.getLogger("callboard.login")


class LoginRoles:
    def __init__(self, db: Tables, entities: Roles, rights: Rights) -> None:
        self._db = db
        self._entities = entities
        self._rights = rights

    async def give(self, user_id: str, specs: Sequence[dict[str, Any]], *, by: By) -> None:
        """Raises ForbiddenError for roles that cannot be. Called again after an interruption it ends the same way."""
        wanted = {role.name: role for role in self._roles_of(specs) if role.name not in (USER, ADMIN)}
        holder = user_stream(user_id)
        held = set(roles.granted_to(self._db, holder))
        for role in wanted.values():
            await self._define(role, by)
            if role.name not in held:
                await self._entities.ask(role.name, GrantRole(frozenset({holder})), by=by)
        for name in held - wanted.keys() - {USER, ADMIN}:
            await self._entities.ask(name, Withdraw(frozenset({holder})), by=by)

    async def load(self, specs: Sequence[dict[str, Any]], *, by: By) -> None:
        """Roles that are known before anybody logs in, and their holders, as far as there are such users and groups.

        Raises ForbiddenError for roles that cannot be. Source: JupyterHub's `load_managed_roles`.
        """
        for role, spec in zip(self._roles_of(specs), specs, strict=True):
            if role.name in (USER, ADMIN):
                continue
            await self._define(role, by)
            named = self._named(spec)
            held = roles.granted_to_each(self._db, named)
            missing = frozenset(holder for holder in named if role.name not in held.get(holder, ()))
            if missing:
                await self._entities.ask(role.name, GrantRole(missing), by=by)

    def _named(self, spec: dict[str, Any]) -> frozenset[str]:
        names = list(spec.get("groups") or ())
        found = groups.listed(self._db, names, limit=len(names)) if names else []
        known = users.existing(self._db, list(spec.get("users") or ()))
        return frozenset({*map(user_stream, known.values()), *(group_stream(row.id) for row in found)})

    def _roles_of(self, specs: Sequence[dict[str, Any]]) -> list[Role]:
        try:
            return [role_of_login(spec, self._rights.table) for spec in specs]
        except RoleError as error:
            logger.warning("a login tells of a role that cannot be: %s", error)
            raise ForbiddenError(
                "This login gives roles that this hub cannot have. Please tell its administrators."
            ) from None

    async def _define(self, role: Role, by: By) -> None:
        """Where nobody else has. A login that names no scopes leaves those that there are."""
        row = roles.by_name(self._db, role.name)
        if row is None or (row.managed and role.scopes):
            await self._entities.ask(role.name, Define(role.description, role.scopes, managed=True), by=by)
