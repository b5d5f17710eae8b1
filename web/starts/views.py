"""From what the log knows of a server to the view of it that a hook is handed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from core.events.log.tables import Tables
from core.naming.names import server_prefix
from core.server import Spawning
from core.settings import Settings
from projections import groups, servers, users
from projections.servers import ServerRow
from projections.users import UserRow
from web.sessions.auth_states import AuthStates
from web.site.hosts import Hosts
from web.starts.hook_views import GroupView, HandlerView, HubView, ServerView, SpawnerView, UserView


class Views:
    def __init__(
        self,
        db: Tables,
        settings: Settings,
        hosts: Hosts,
        hub_url: str,
        auth_states: AuthStates,
        state_of: Callable[[str], dict[str, Any]],
    ) -> None:
        """`hub_url`: where servers reach the hub, with the base URL. `state_of`: what runs of a spawn id."""
        self.settings = settings  # replaced when the configuration is read anew
        self.hosts = hosts
        self.hub_url = hub_url
        self._db = db
        self._auth_states = auth_states
        self._state_of = state_of

    # --- users ---

    def user_called(self, name: str) -> UserView:
        row = users.by_name(self._db, name)
        return UserView(name, self._user_url(name)) if row is None else self.user(row)

    def user(self, row: UserRow) -> UserView:
        return UserView(
            row.name,
            self._user_url(row.name),
            id=row.id,
            admin=bool(row.admin),
            groups=[
                GroupView(group.name, group.all_properties()) for group in groups.of_user(self._db, row.id)
            ],
            spawners={server.name: self._server_view(server) for server in servers.of_user(self._db, row.id)},
            auth_state=self._auth_states.of(row.id),
        )

    def _user_url(self, name: str) -> str:
        return self.hosts.url(server_prefix(self.settings.hub.base_url, name, ""))

    # --- servers ---

    def of_start(
        self, server_id: str, spawning: Spawning, environment: Mapping[str, str], handler: HandlerView | None
    ) -> SpawnerView:
        """Of a start under way, as it was asked for: names may have changed since."""
        row = servers.by_id(self._db, server_id)
        owner = None if row is None else users.by_id(self._db, row.user)
        return self._spawner(
            self.user_called(spawning.user_name) if owner is None else self.user(owner),
            spawning.server_name,
            spawning.user_options,
            settings=self.settings.spawner.with_options(spawning.user_options),
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
        row = servers.by_id(self._db, server_id)
        owner = None if row is None else users.by_id(self._db, row.user)
        return None if row is None or owner is None else self.of_server(owner, row)

    def _spawner(self, user: UserView, name: str, user_options: dict[str, Any], **more: Any) -> SpawnerView:
        hub = HubView(self.settings.hub.base_url, f"{self.hub_url}/api", self.hosts.origin)
        more = {"environment": {}, "settings": self.settings.spawner, **more}
        return SpawnerView(user=user, name=name, user_options=user_options, hub=hub, **more)

    def _server_view(self, row: ServerRow) -> ServerView:
        pending = row.state if row.state not in ("stopped", "ready") else None
        url = self.hosts.url(row.prefix) if row.prefix else ""
        return ServerView(
            row.name, active=row.is_active, ready=row.state == "ready", pending=pending, url=url
        )
