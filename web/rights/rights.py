"""What each principal may do: from roles, groups, shares and the configuration to scopes, remembered until one changes.

What the configuration denies nobody holds, whatever the log says that they were given: that is asked here alone.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from typing import Protocol

from core.config.configured_rights import ConfiguredRights
from core.config.roles import ADMIN, USER
from core.events.group import group_stream
from core.events.log.tables import Tables
from core.events.record import Record
from core.events.server import ServerEvent
from core.events.token import TokenRevoked
from core.events.user import AdminGranted, AdminRevoked, UserDeleted, user_stream
from core.naming.names import full_name
from core.scopes import Grant, Owner, Scopes, ScopeTable, Server, Service, expand, token_scopes
from projections import groups, roles, users
from projections.servers import servers
from projections.sessions import SessionRow
from projections.sharing import shares
from projections.tokens import TokenRow
from projections.users import UserRow
from web.rights.blocked import Blocked
from web.rights.harmless import HARMLESS
from web.rights.identity import Identity
from web.rights.memberships import GroupMemberships

REMEMBERED = 20_000  # identities


class KnownService(Protocol):
    @property
    def admin(self) -> bool: ...


class Services(Container[str], Protocol):
    """Those of the configuration and those made at run time."""

    def get(self, name: str, /) -> KnownService | None: ...


class Owned:
    """What an owner holds. A new one is made when that may have changed, and all that hangs on the old one is void."""

    __slots__ = ("scopes",)

    def __init__(self, scopes: Scopes) -> None:
        self.scopes = scopes


class Rights:
    def __init__(self, db: Tables, services: Services, configured: ConfiguredRights) -> None:
        self._db = db
        self._services = services
        self._configured = configured
        self.blocked = Blocked(db, configured.blocked)
        self._scopes_of_roles: dict[str, list[str]] = {}
        self._granted: dict[str, list[str]] = {}
        self._owned: dict[str, Owned] = {}
        self._by_token: dict[str, tuple[Owned, Identity]] = {}
        self.memberships = GroupMemberships(db)

    @property
    def table(self) -> ScopeTable:
        return self._configured.table

    # --- what changes ---

    def configure(self, configured: ConfiguredRights) -> None:
        """Another configuration holds from now on."""
        self._configured = configured
        self.blocked = Blocked(self._db, configured.blocked)
        self._forget_everything()

    def forget(self, records: Sequence[Record]) -> None:
        """Drop what these events may have changed: little, where servers start and stop and users come."""
        for record in records:
            event = record.event
            if isinstance(event, HARMLESS):
                continue
            if isinstance(event, ServerEvent):
                self._by_token.pop(event.spawn_id if hasattr(event, "spawn_id") else "", None)
            elif isinstance(event, TokenRevoked):
                self._by_token.pop(record.key, None)
            elif isinstance(event, AdminGranted | AdminRevoked):
                self._owned.pop(record.stream, None)
            elif isinstance(event, UserDeleted):
                self._forget_user(record.stream)
            else:
                self._forget_everything()

    def _forget_user(self, holder: str) -> None:
        """Others have lost nothing with them but what has a filter: that of a share, of a group, or of their name."""
        self._granted.pop(holder, None)
        self._owned = {
            other: owned
            for other, owned in self._owned.items()
            if other != holder and not owned.scopes.somewhere
        }
        self._by_token = {
            token: known for token, known in self._by_token.items() if not known[1].scopes.somewhere
        }
        self.memberships.forget()

    def _forget_everything(self) -> None:
        self._scopes_of_roles.clear()
        self._granted.clear()
        self._owned.clear()
        self._by_token.clear()
        self.memberships.forget()

    # --- who holds a token or a session ---

    def known(self, user_id: str) -> UserRow | None:
        """The user who may be somebody here; None for one who is gone, or blocked."""
        user = users.by_id(self._db, user_id)
        return None if user is None or user.name in self.blocked else user

    def of_session(self, session: SessionRow) -> Identity | None:
        """Who is logged in with it; None for nobody any more."""
        user = self.known(session.user)
        return user and Identity("user", user.id, user.name, self.of_user(user), session_id=session.id)

    def by_token(self, row: TokenRow) -> Identity | None:
        """Who holds this token, and what it allows; None if it is worth nothing: its owner is gone or blocked."""
        known = self._by_token.get(row.id)
        if known is not None and self._owned.get(row.owner) is known[0]:
            return known[1]
        identity = self._identify(row)
        if identity is not None:
            if len(self._by_token) >= REMEMBERED:
                self._by_token.clear()
            self._by_token[row.id] = self._owned[row.owner], identity
        return identity

    def _identify(self, row: TokenRow) -> Identity | None:
        kind, _, key = row.owner.partition("/")
        if kind == "service":
            if key not in self._services:
                return None
            return Identity(
                "service", key, key, self._of_token(row, Owner(service=key), self.of_service(key)), row.id
            )
        user = self.known(key)
        if user is None or self._is_of_blocked_server(row):
            return None
        owner = Owner(user=user.name, server=self._own_server(row, user))
        scopes = self._of_token(row, owner, self.of_user(user))
        return Identity("user", key, user.name, scopes, row.id, row.session_id, row.server)

    def _is_of_blocked_server(self, row: TokenRow) -> bool:
        """Whether it was given, over OAuth, to a server of somebody who is blocked."""
        client = self._client_of(row)
        return isinstance(client, Server) and client.user in self.blocked

    def _own_server(self, row: TokenRow, user: UserRow) -> str | None:
        """What `!server` means in the token of a server. Names are looked up now: user and server may be renamed."""
        server = servers.by_id(self._db, row.server) if row.server else None
        return None if server is None else full_name(user.name, server.name)

    def _of_token(self, row: TokenRow, owner: Owner, owned: Scopes) -> Scopes:
        return token_scopes(
            frozenset(row.raw_scopes()),
            owner,
            owned,
            self.memberships,
            client=self._client_of(row),
            table=self.table,
        )

    def _client_of(self, row: TokenRow) -> Server | Service | None:
        """Whom the token was given to over OAuth, by present names."""
        kind, _, key = row.client.partition("/")
        if kind == "service":
            return Service(key)
        server = servers.by_id(self._db, key) if kind == "server" else None
        owner = users.by_id(self._db, server.user) if server is not None else None
        return None if server is None or owner is None else Server(owner.name, server.name)

    # --- what is owned ---

    def of_user(self, user: UserRow) -> Scopes:
        return self._remembered(
            user_stream(user.id), Owner(user=user.name), lambda: self.grants_of_user(user)
        )

    def of_service(self, name: str) -> Scopes:
        return self._remembered(f"service/{name}", Owner(service=name), lambda: self.grants_of_service(name))

    def _remembered(self, holder: str, owner: Owner, grants: Callable[[], list[Grant]]) -> Scopes:
        known = self._owned.get(holder)
        if known is None:
            if len(self._owned) >= REMEMBERED:
                self._owned.clear()
            known = self._owned[holder] = Owned(self.expanded((grant.scope for grant in grants()), owner))
        return known.scopes

    def expanded(self, raw: Iterable[str], owner: Owner) -> Scopes:
        return expand(frozenset(raw), owner, self.table)

    def grants_of_user(self, user: UserRow) -> list[Grant]:
        """Every raw scope a user has, and where it comes from."""
        if user.name in self.blocked:
            return []
        grants = self._grants("role {role}", self.roles_of_user(user))
        for group in groups.of_user(self._db, user.id):
            source = f"group {group.name}, role {{role}}"
            grants += self._grants(source, self.roles_of_group(group.id))
        shared = sorted(self._shared_with(user))
        return [*grants, *(Grant(f"share of {scope.partition('!server=')[2]}", scope) for scope in shared)]

    def grants_of_service(self, name: str) -> list[Grant]:
        return self._grants("role {role}", self.roles_of_service(name))

    def _grants(self, source: str, held: Sequence[str]) -> list[Grant]:
        return [
            Grant(source.replace("{role}", role), scope)
            for role in held
            for scope in self.scopes_of_role(role)
        ]

    def _shared_with(self, user: UserRow) -> frozenset[str]:
        """Raw scopes of the shares with this user and with the groups they are in."""
        in_groups = [group.id for group in groups.of_user(self._db, user.id)]
        return shares.raw_scopes_for(self._db, user.id, in_groups)

    # --- roles ---

    def scopes_of_role(self, name: str) -> list[str]:
        """Raw; none for a role that does not exist."""
        known = self._scopes_of_roles.get(name)
        if known is None:
            row = roles.by_name(self._db, name)
            known = self._scopes_of_roles[name] = [] if row is None else row.raw_scopes()
        return known

    def of_operators(self) -> Scopes:
        """What whoever administers the hub from its own machine may do: all that administrators may."""
        return self.expanded(self.scopes_of_role(ADMIN), Owner())

    def roles_of_user(self, user: UserRow) -> list[str]:
        if user.name in self.blocked:
            return []
        granted = self._granted_to(user_stream(user.id))
        flagged = [ADMIN] if user.admin else []
        if self._configured.everybody_is_user or USER in granted:
            flagged.append(USER)
        return flagged + [role for role in granted if role not in (ADMIN, USER)] if granted else flagged

    def roles_of_group(self, group_id: str) -> list[str]:
        return list(self._granted_to(group_stream(group_id)))

    def roles_of_service(self, name: str) -> list[str]:
        granted = self._granted_to(f"service/{name}")
        service = self._services.get(name)
        flagged = self._configured.admin_services_by_flag and service is not None and service.admin
        return [ADMIN, *granted] if flagged and ADMIN not in granted else list(granted)

    def look_up(self, page: Sequence[UserRow]) -> None:
        """Have roles and groups of these users remembered: two queries for a page of them instead of two each."""
        self.memberships.look_up(user.name for user in page)
        new = [holder for user in page if (holder := user_stream(user.id)) not in self._granted]
        if not new:
            return
        if len(self._granted) + len(new) > REMEMBERED:
            self._granted.clear()
        self._granted.update(roles.granted_to_each(self._db, new))

    def _granted_to(self, holder: str) -> Sequence[str]:
        known = self._granted.get(holder)
        if known is None:
            if len(self._granted) >= REMEMBERED:
                self._granted.clear()
            known = self._granted[holder] = roles.granted_to(self._db, holder)
        return known

    def is_admin(self, identity: Identity) -> bool:
        """Whether the caller has the admin flag, whatever the credential it uses allows."""
        if identity.kind == "user":
            user = self.known(identity.id)
            return user is not None and bool(user.admin)
        if identity.kind == "operator":
            return True
        return identity.kind == "service" and ADMIN in self.roles_of_service(identity.name)
