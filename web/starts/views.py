"""From what the log knows of users and servers to the views of them that hooks and templates are handed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from core.events.log.tables import Tables
from core.naming.names import server_prefix
from core.naming.user_names import UserNames
from core.plugins.profiles import settings_of, with_options
from core.server import Spawning
from core.settings import Settings
from projections import groups, users
from projections.groups import GroupRow
from projections.servers import servers
from projections.servers.servers import ServerRow
from projections.users import UserRow
from web.hook_views.around import Around
from web.hook_views.authenticator import AuthenticatorView
from web.hook_views.group import GroupView
from web.hook_views.handler import HandlerView
from web.hook_views.hub import HubView
from web.hook_views.request import RequestView
from web.hook_views.spawner import SpawnerView
from web.hook_views.user import SaveAuthState, UserView
from web.rights.rights import Rights
from web.sessions.logins import Logins
from web.site.hosts import Hosts


class Views:
    """`settings`: replaced when the configuration is read anew."""

    def __init__(
        self,
        db: Tables,
        settings: Settings,
        hosts: Hosts,
        hub_url: str,
        logins: Logins,
        names: UserNames,
        rights: Rights,
        state_of: Callable[[str], dict[str, Any]],
        save_auth_state: SaveAuthState,
        free_now: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        """`hub_url`: where servers reach the hub, with the base URL. `state_of`: what runs of a spawn id.

        `free_now`: as that of core/plugins/spawner.py.
        """
        self._save_auth_state = save_auth_state
        self.settings = settings
        self.hosts = hosts
        self.hub_url = hub_url
        self.db = db
        self._logins = logins
        self._names = names
        self._rights = rights
        self._state_of = state_of
        self._free_now = free_now
        self._around: Around | None = None
        self._basis: tuple[object, ...] = ()  # what that was made of

    def around(self) -> Around:
        """What they have in common, as the configuration is now."""
        basis = (self.settings, self._logins.admission, self._logins.authenticator)
        if self._around is None or any(a is not b for a, b in zip(basis, self._basis, strict=True)):
            self._around, self._basis = self._made(), basis
        return self._around

    def _made(self) -> Around:
        hub, logins = self.settings.hub, self._logins
        service = getattr(logins.authenticator, "login_service", "")
        return Around(
            self.settings,
            self.hosts,
            HubView(hub.base_url, f"{self.hub_url}/api", self.hosts.origin, hub.hub_routespec),
            AuthenticatorView(self.settings, self._names, logins.admission, str(service or "")),
        )

    # --- users ---

    def user_called(self, name: str) -> UserView:
        """Also of somebody who is not there, or not yet."""
        row = users.by_name(self.db, name)
        return UserView(_nobody(name), self.around()) if row is None else self.user(row)

    def known_user(self, name: str) -> UserView | None:
        row = users.by_name(self.db, name)
        return None if row is None else self.user(row)

    def user(self, row: UserRow) -> UserView:
        return UserView(
            row,
            self.around(),
            servers=[server for server in servers.of_user(self.db, row.id) if not server.leaving],
            groups=[self._group(group) for group in groups.of_user(self.db, row.id)],
            roles=self._rights.roles_of_user(row),
            auth_state=self._logins.auth_states.of(row.id),
            state_of=self._state_of,
            save=self._save_auth_state,
        )

    def _group(self, row: GroupRow) -> GroupView:
        return GroupView(
            row.name,
            row.all_properties(),
            id=row.id,
            roles=self._rights.roles_of_group(row.id),
            members=lambda: groups.members(self.db, row.id),
        )

    # --- requests ---

    def handler(self, request: RequestView, user: UserView | None, scopes: Collection[str]) -> HandlerView:
        """`user`: who asks. `scopes`: what they may do, expanded."""
        return HandlerView(
            request, self.around(), current_user=user, scopes=scopes, find_user=self.known_user
        )

    # --- servers ---

    def of_start(
        self, server_id: str, spawning: Spawning, environment: Mapping[str, str], handler: HandlerView | None
    ) -> SpawnerView:
        """Of a start under way, as it was asked for: names may have changed since."""
        row = servers.by_id(self.db, server_id)
        owner = None if row is None else users.by_id(self.db, row.user)
        return self._spawner(
            self.user_called(spawning.user_name) if owner is None else self.user(owner),
            spawning.server_name,
            spawning.user_options,
            settings=with_options(self.settings, spawning.user_options),
            environment=environment,
            handler=handler,
            prefix=spawning.prefix,
        )

    def of_server(
        self,
        owner: UserRow,
        server: ServerRow,
        user_options: dict[str, Any] | None = None,
        handler: HandlerView | None = None,
    ) -> SpawnerView:
        """`user_options`: those it is to be started with, where they are not those of its last start."""
        return self._spawner(
            self.user(owner),
            server.name,
            server.options() or {} if user_options is None else user_options,
            handler=handler,
            state=self._state_of(server.spawn_id) if server.spawn_id else {},
            prefix=server.prefix or server_prefix(self.settings.hub.base_url, owner.name, server.name),
            exit_status=server.exit_status,
        )

    def of_id(self, server_id: str) -> SpawnerView | None:
        row = servers.by_id(self.db, server_id)
        owner = None if row is None else users.by_id(self.db, row.user)
        return None if row is None or owner is None else self.of_server(owner, row)

    def _spawner(self, user: UserView, name: str, user_options: dict[str, Any], **more: Any) -> SpawnerView:
        more = {
            "environment": {},
            "settings": settings_of(self.settings, user_options),
            "free_now": self._free_now,
            **more,
        }
        return SpawnerView(self.around(), user=user, name=name, user_options=user_options, **more)


def _nobody(name: str) -> UserRow:
    return UserRow(0, "", name, False, "", None, "", False, None)
