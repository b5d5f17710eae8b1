"""One of a user's servers, as `user.spawners[name]`: how it is, and what it was started with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from core.naming.names import escape, server_prefix
from projections.servers.servers import ServerRow
from web.hook_views.address import AddressView
from web.hook_views.around import Around
from web.hook_views.rows import OrmServerView, OrmSpawnerView, moment
from web.hook_views.spawner_names import OF_SPAWNERS
from web.hook_views.view import View

if TYPE_CHECKING:
    from web.hook_views.user import UserView


_ONLY_THERE = "what one start is given is on the spawner that its hooks are handed"
_OF_A_START = (
    *("admin_access", "api_token", "clear_state", "cookie_host_prefix_enabled", "cookie_options", "env"),
    *("format_string", "get_args", "get_env", "get_url", "handler", "internal_ssl", "load_state"),
    *("oauth_access_scopes", "oauth_scopes", "progress", "public_hub_url", "template_namespace"),
)


class ServerView(View):
    """Its settings are those of the configuration."""

    called = "user.spawners[name]"
    elsewhere: ClassVar[Mapping[str, str]] = {**OF_SPAWNERS, **dict.fromkeys(_OF_A_START, _ONLY_THERE)}
    unchangeable = "a hook may change the start that it is called for, by what it is handed"

    def __init__(self, owner: UserView, row: ServerRow, around: Around, state: Mapping[str, Any]) -> None:
        base_url = around.settings.hub.base_url
        prefix = row.prefix or server_prefix(base_url, owner.name, row.name)
        orm = OrmSpawnerView(owner.orm_user, row, state)
        self._know(
            id=row.id,
            name=row.name,
            display_name=row.display_name,
            user=owner,
            user_options=orm.user_options,
            orm_spawner=orm,
            active=orm.active,
            ready=orm.ready,
            pending=orm.pending,
            last_activity=moment(row.last_activity),
            started=orm.started,
            url=around.hosts.url(prefix),
            public_url=around.hosts.full_url(prefix) or "",
            proxy_spec=around.hosts.spec(prefix),
            oauth_client_id=orm.oauth_client_id,
            log=owner.log,
            server=address_of(row, orm),
            hub=around.hub,
            authenticator=around.authenticator,
            _settings=around.settings.spawner,
            _exit_status=row.exit_status,
        )

    def _is_here(self, name: str) -> bool:
        return name in self._settings.__struct_fields__ or super()._is_here(name)

    def get_state(self) -> dict[str, Any]:
        return dict(self.orm_spawner.state)

    async def poll(self) -> int | None:
        """None while it is not stopped, else its exit status (0 if that is not known)."""
        return None if self.active else self._exit_status or 0

    def __getattr__(self, name: str) -> Any:
        settings = self.__dict__.get("_settings")
        if settings is not None and name in settings.__struct_fields__:
            return getattr(settings, name)
        return super().__getattr__(name)


def address_of(row: ServerRow, orm: OrmSpawnerView) -> AddressView | None:
    """None while there is nothing of it."""
    if not row.is_active:
        return None
    found = AddressView(row.url, row.prefix, escape(orm.oauth_client_id))
    of_row = OrmServerView(found.__dict__, orm)
    found._know(orm_server=of_row)
    orm._know(server=of_row, server_id=of_row.id)
    return found
