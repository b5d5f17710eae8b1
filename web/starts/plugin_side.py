"""What spawners of JupyterHub's kind are told of the hub, its users and their servers."""

from __future__ import annotations

from typing import Any

from core.events.log.tables import Tables
from core.naming.names import server_prefix
from core.plugins.plugin_hub import Group, KeptStates, Person, ServerFacts, Site
from core.settings import Settings
from projections import groups, users
from projections.servers import servers
from projections.servers.servers import ServerRow
from projections.users import UserRow
from web.sessions.auth_states import AuthStates
from web.site.hosts import Hosts


class PluginSide:
    """`hub_url`: where servers reach the hub, with the base URL."""

    def __init__(
        self,
        db: Tables,
        settings: Settings,
        hosts: Hosts,
        hub_url: str,
        auth_states: AuthStates,
        states: KeptStates,
    ) -> None:
        self.states = states
        self._db = db
        self._settings = settings
        self._hosts = hosts
        self._hub_url = hub_url
        self._auth_states = auth_states

    def site(self) -> Site:
        hub = self._settings.hub
        return Site(
            base_url=hub.base_url,
            connect_url=self._hub_url.removesuffix(f"{hub.base_url}hub"),
            public_host=self._hosts.origin,
            domain=self._hosts.domain,
            named_servers=hub.allow_named_servers,
            admin_access=hub.admin_access,
        )

    def person(self, user_id: str, name: str) -> Person:
        row = users.by_id(self._db, user_id) if user_id else users.by_name(self._db, name)
        return Person(user_id, name) if row is None else self._person(row)

    def server(
        self, owner: UserRow, row: ServerRow, user_options: dict[str, Any] | None = None, handler: Any = None
    ) -> ServerFacts:
        """`user_options`: those it is to be started with, where they are not those of its last start."""
        return ServerFacts(
            server_id=row.id,
            person=self._person(owner),
            name=row.name,
            prefix=row.prefix or server_prefix(self._settings.hub.base_url, owner.name, row.name),
            spawn_id=row.spawn_id or "",
            display_name=row.display_name,
            user_options=row.options() or {} if user_options is None else user_options,
            handler=handler,
        )

    def server_of_id(self, server_id: str) -> ServerFacts | None:
        row = servers.by_id(self._db, server_id)
        owner = None if row is None else users.by_id(self._db, row.user)
        return None if row is None or owner is None else self.server(owner, row)

    def _person(self, row: UserRow) -> Person:
        return Person(
            row.id,
            row.name,
            admin=bool(row.admin),
            groups=tuple(
                Group(group.name, group.all_properties()) for group in groups.of_user(self._db, row.id)
            ),
            auth_state=self._auth_states.of(row.id),
            servers=tuple(server.name for server in servers.of_user(self._db, row.id)),
        )
