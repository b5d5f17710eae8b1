"""What each principal may do: from roles to scopes, remembered until something changes."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Container, Sequence

from core.events.activity import ActivityRecorded
from core.events.record import Record
from core.events.server import ServerEvent
from core.roles import ADMIN, USER, LoadedRoles
from core.scopes import Memberships, Owner, Scopes, ScopeTable, expand, token_scopes
from core.scopes.table import STANDARD
from projections import servers, users
from projections.tokens import TokenRow
from projections.users import UserRow
from web.identity import Identity


class NoGroups:
    """Memberships where there are no groups."""

    def groups_of(self, user: str, /) -> Collection[str]:
        return ()

    def members_of(self, group: str, /) -> Collection[str]:
        return ()


class Rights:
    def __init__(
        self,
        db: sqlite3.Connection,
        roles: LoadedRoles,
        services: Container[str],
        table: ScopeTable = STANDARD,
    ) -> None:
        self._db = db
        self._services = services
        self._roles = roles
        self._table = table
        self._by_token: dict[str, Identity] = {}
        self.memberships: Memberships = NoGroups()

    def forget(self, records: Sequence[Record]) -> None:
        """Whatever is not a server's own business may change what somebody may do."""
        if any(not isinstance(record.event, ServerEvent | ActivityRecorded) for record in records):
            self._by_token.clear()
        elif self._by_token:
            for record in records:
                spawn_id = getattr(record.event, "spawn_id", "")
                self._by_token.pop(spawn_id, None)

    def by_token(self, row: TokenRow) -> Identity | None:
        """Who holds this token, and what it allows; None if its owner is gone."""
        known = self._by_token.get(row.id)
        if known is None:
            known = self._identify(row)
            if known is not None:
                self._by_token[row.id] = known
        return known

    def _identify(self, row: TokenRow) -> Identity | None:
        kind, _, key = row.owner.partition("/")
        if kind == "service":
            if key not in self._services:
                return None
            owner, owned, name = Owner(service=key), self.of_service(key), key
        else:
            user = users.by_id(self._db, key)
            if user is None:
                return None
            owner, owned, name = Owner(user=user.name), self.of_user(user), user.name
        if row.server:
            server = servers.by_id(self._db, row.server)
            owner = Owner(user=name, server=f"{name}/{server.name if server else ''}")
        scopes = token_scopes(frozenset(row.raw_scopes()), owner, owned, self.memberships, table=self._table)
        return Identity(
            "service" if kind == "service" else "user",
            key,
            name,
            scopes,
            row.id,
            row.session_id,
            row.server,
        )

    # --- what is owned ---

    def of_user(self, user: UserRow) -> Scopes:
        owner = Owner(user=user.name)
        return self._expanded(self.roles_of_user(user), owner)

    def of_service(self, name: str) -> Scopes:
        return self._expanded(self.roles_of_service(name), Owner(service=name))

    def roles_of_user(self, user: UserRow) -> list[str]:
        held = [ADMIN] if user.admin else []
        held.append(USER)
        for role, members in self._roles.members.items():
            if role not in (ADMIN, USER) and members.users and user.name in members.users:
                held.append(role)
        return held

    def roles_of_service(self, name: str) -> list[str]:
        return [role for role, members in self._roles.members.items() if name in (members.services or ())]

    def _expanded(self, roles: Sequence[str], owner: Owner) -> Scopes:
        raw = frozenset(scope for role in roles for scope in self._roles.roles[role].scopes)
        return expand(raw, owner, self._table)
