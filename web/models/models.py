"""The JSON of users, servers, tokens and services: field for field JupyterHub's, cut to what a caller may see."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from core.events.log.tables import Tables
from core.naming.names import escape, full_name, server_prefix
from core.scopes import (
    Scopes,
    Server,
    visible_group_keys,
    visible_server_keys,
    visible_service_keys,
    visible_user_keys,
)
from projections import groups
from projections.groups import GroupRow
from projections.servers.servers import ServerRow
from projections.services import ServiceRow
from projections.tokens import TokenRow
from projections.users import UserRow
from web.models.activity import LastSeen
from web.rights.oauth_clients import Clients
from web.rights.rights import Rights
from web.rights.service_book import ServiceBook
from web.site.hosts import Hosts

Timestamp = str | None


class ServerModel(Struct):
    """`failure`: why its last start failed; only for who asks for it."""

    name: str
    display_name: str
    full_name: str
    last_activity: Timestamp
    started: Timestamp
    pending: Literal["spawn", "stop", "check", "rename"] | None
    ready: bool
    stopped: bool
    url: str
    user_options: dict[str, Any] | None
    progress_url: str
    full_url: str | None
    full_progress_url: str | None
    state: dict[str, Any] | UnsetType | None = UNSET
    servers: dict[str, ServerModel] | UnsetType = UNSET
    failure: str | UnsetType | None = UNSET


class UserModel(Struct):
    kind: Literal["user"]
    name: str
    admin: bool | UnsetType = UNSET
    user_info: dict[str, Any] | UnsetType | None = UNSET
    roles: list[str] | UnsetType = UNSET
    groups: list[str] | UnsetType = UNSET
    server: str | UnsetType | None = UNSET
    pending: str | UnsetType | None = UNSET
    created: str | UnsetType = UNSET
    last_activity: Timestamp | UnsetType = UNSET
    servers: dict[str, ServerModel] | UnsetType = UNSET
    auth_state: dict[str, Any] | UnsetType | None = UNSET


class GroupModel(Struct):
    kind: Literal["group"]
    name: str
    users: list[str] | UnsetType = UNSET
    properties: dict[str, Any] | UnsetType = UNSET
    roles: list[str] | UnsetType = UNSET


class TokenModel(Struct):
    id: str
    kind: Literal["api_token"]
    roles: list[str]
    scopes: list[str]
    created: str
    last_activity: Timestamp
    expires_at: Timestamp
    note: str
    session_id: str | None
    oauth_client: str
    user: str | UnsetType = UNSET
    service: str | UnsetType = UNSET
    token: str | UnsetType = UNSET


class ServiceModel(Struct):
    kind: Literal["service"]
    name: str
    admin: bool | UnsetType = UNSET
    roles: list[str] | UnsetType = UNSET
    url: str | UnsetType | None = UNSET
    prefix: str | UnsetType = UNSET
    command: list[str] | UnsetType = UNSET
    pid: int | UnsetType = UNSET
    info: dict[str, Any] | UnsetType | None = UNSET
    display: bool | UnsetType | None = UNSET
    managed: bool | UnsetType = UNSET
    status: str | UnsetType = UNSET


class Models:
    """Builds models from rows. `db`: what the event loop reads through, or the writer's connection."""

    def __init__(
        self,
        rights: Rights,
        seen: LastSeen,
        hosts: Hosts,
        state_of: Callable[[str], dict[str, Any]],
        services: ServiceBook,
        clients: Clients,
    ) -> None:
        """`state_of`: what the spawner tells administrators of an attempt."""
        self._services = services
        self._clients = clients
        self._state_of = state_of
        self._rights = rights
        self._seen = seen
        self._hosts = hosts
        self._base_url = hosts.base_url

    def user(
        self, row: UserRow, its: Sequence[ServerRow], scopes: Scopes, *, include_stopped: bool = False
    ) -> UserModel | None:
        """None: the caller may not see anything of this user. `its`: see web/models/servers_of.py."""
        listed = [server for server in its if server.is_active or include_stopped] if its else its
        keys = visible_user_keys(
            scopes, row.name, self._rights.memberships, [server.name for server in listed]
        )
        if keys is None:
            return None
        model = UserModel("user", row.name)
        if "admin" in keys:
            model.admin = bool(row.admin) and row.name not in self._rights.blocked
        if "user_info" in keys:
            model.user_info = row.info()
        if "roles" in keys:
            model.roles = self._rights.roles_of_user(row)
        if "groups" in keys:
            model.groups = list(self._rights.memberships.groups_of(row.name))
        if "server" in keys:
            default = its[0] if its and not its[0].name else None
            model.server = self._hosts.url(default.prefix) if default and default.state == "ready" else None
            model.pending = pending(default) if default else None
            model.created = shown(row.created)
        if "last_activity" in keys:
            model.last_activity = self._seen.user(row.id, row.last_activity)
        if "servers" in keys:
            model.servers = self._servers(row.name, listed, scopes) if listed else {}
        if "auth_state" in keys:
            model.auth_state = None
        return model

    def _servers(self, user: str, its: Sequence[ServerRow], scopes: Scopes) -> dict[str, ServerModel]:
        models = (self.server(user, server, scopes) for server in its)
        return {model.name: model for model in models if model is not None}

    def server(self, user: str, row: ServerRow, scopes: Scopes) -> ServerModel | None:
        """None: the caller may not see this server."""
        keys = visible_server_keys(scopes, Server(user, row.name), self._rights.memberships)
        if keys is None:
            return None
        segment = f"servers/{escape(row.name)}" if row.name else "server"
        path = row.prefix or server_prefix(self._base_url, user, row.name)
        progress = f"{self._base_url}hub/api/users/{escape(user)}/{segment}/progress"
        model = ServerModel(
            name=row.name,
            display_name=row.display_name or row.name,
            full_name=full_name(user, row.name),
            last_activity=self._seen.server(row.id, row.last_activity),
            started=row.started and shown(row.started),
            pending=pending(row),
            ready=row.state == "ready",
            stopped=not row.is_active,
            url=self._hosts.url(path),
            user_options=row.options(),
            progress_url=progress,
            full_url=self._hosts.full_url(path),
            full_progress_url=self._hosts.full_url(progress),
        )
        if "state" in keys:
            model.state = self._state_of(row.spawn_id) if row.is_active else {}
        return model

    def group(self, db: Tables, row: GroupRow, scopes: Scopes) -> GroupModel | None:
        """None: the caller may not see this group. `db`: where its members are read."""
        keys = visible_group_keys(scopes, row.name, self._rights.memberships)
        if keys is None:
            return None
        model = GroupModel("group", row.name)
        if "users" in keys:
            model.users = groups.members(db, row.id)
            model.properties = row.all_properties()
        if "roles" in keys:
            model.roles = self._rights.roles_of_group(row.id)
        return model

    def token(self, row: TokenRow, owner_name: str) -> TokenModel:
        identity = self._rights.by_token(row)
        kind, _, _ = row.owner.partition("/")
        model = TokenModel(
            id=row.id,
            kind="api_token",
            roles=[],
            scopes=identity.scopes.as_strings() if identity else [],
            created=shown(row.created),
            last_activity=self._seen.token(row.id, row.last_activity),
            expires_at=row.expires_at and shown(row.expires_at),
            note=row.note,
            session_id=row.session_id,
            oauth_client=self._client(row.client),
        )
        if kind == "user":
            model.user = owner_name
        else:
            model.service = owner_name
        return model

    def _client(self, client: str) -> str:
        """Through which a token came, as people know it."""
        return "JupyterHub" if client == "jupyterhub" else self._clients.described(client) or client

    def service(self, row: ServiceRow, scopes: Scopes, *, as_stored: bool = False) -> ServiceModel | None:
        """None: the caller may not see this service. `as_stored`: what nobody has said is null, not a default."""
        keys = visible_service_keys(scopes, row.name, self._rights.memberships)
        if keys is None:
            return None
        model = ServiceModel("service", row.name)
        if "admin" in keys:
            model.admin = bool(row.admin)
        if "roles" in keys:
            model.roles = self._rights.roles_of_service(row.name)
        if "url" in keys:
            defined = row.defined()
            model.url = defined.url or (None if as_stored else "")
            model.prefix = defined.prefix
            model.command = self._services.command(row)
            model.pid = row.pid
            model.info = defined.info if as_stored else defined.info or {}
            model.display = defined.display if as_stored else defined.display is not False
            model.managed = bool(row.managed)
            model.status = self._services.status(row)
        return model


def shown(stored: str) -> str:
    """A stored moment as JupyterHub shows it: without microseconds where they are zero."""
    return stored.replace(".000000Z", "Z")


def pending(server: ServerRow) -> Literal["spawn", "stop", "check", "rename"] | None:
    match server.state:
        case "spawn" | "stop" | "check" as state:
            return state
        case _:
            return None
