"""A user, as `spawner.user`, `handler.current_user` and the `user` of templates."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import urlsplit

from core.naming.names import escape, server_prefix
from core.naming.subdomains import safe_label
from projections.servers.servers import ServerRow
from projections.users import UserRow
from web.hook_views.around import Around
from web.hook_views.group import GroupView
from web.hook_views.on_loop import done_on_loop
from web.hook_views.read_only import ReadOnlyDict, ReadOnlyList
from web.hook_views.rows import NO_ROWS, OF_USERS, USERS_CHANGE, OrmUserView, facts_of_user
from web.hook_views.server import ServerView
from web.hook_views.view import View

SaveAuthState = Callable[[str, dict[str, Any] | None], Awaitable[None]]

LONGEST_SAFE_NAME = 40  # characters; JupyterHub's
_STARTS = "servers are started, stopped and removed through the REST API"
_LOGINS = "what a login says is kept: return it from c.Authenticator.post_auth_hook"


class UserView(View):
    """`spawners`: the user's servers by their names, "" for the default one."""

    called = "user"
    elsewhere: ClassVar[Mapping[str, str]] = {
        **OF_USERS,
        "db": NO_ROWS,
        "settings": "spawner.hub and spawner.authenticator tell of the hub, and the file has its own variables",
        "spawner_class": "which spawner there is the configuration knows",
        **dict.fromkeys(("delete_spawners", "get_or_create_spawner", "spawn", "stop"), _STARTS),
        **dict.fromkeys(("refresh_auth", "sync_groups", "sync_roles"), _LOGINS),
    }
    unchangeable = USERS_CHANGE

    def __init__(
        self,
        row: UserRow,
        around: Around,
        *,
        servers: Sequence[ServerRow] = (),
        groups: Sequence[GroupView] = (),
        roles: Sequence[str] = (),
        auth_state: dict[str, Any] | None = None,
        state_of: Callable[[str], Mapping[str, Any]] = lambda spawn_id: {},
        save: SaveAuthState | None = None,
    ) -> None:
        """`state_of`: what runs of a spawn id. `save`: keeps another auth_state; None of somebody who is not there."""
        self._know(_around=around, _auth_state=auth_state, _save=save)
        facts = facts_of_user(row, roles, ReadOnlyList(groups, "user.groups", USERS_CHANGE))
        orm = OrmUserView()
        orm._know(**facts)
        self._know(**facts, orm_user=orm)
        self._know(log=logging.getLogger("callboard.hooks"))
        self._know(**self._addresses(row.name))
        spawners = {
            server.name: ServerView(
                self, server, around, state_of(server.spawn_id) if server.is_active else {}
            )
            for server in servers
        }
        self._know(spawners=ReadOnlyDict(spawners, "user.spawners", _STARTS))
        of_rows = ReadOnlyDict(
            {name: server.orm_spawner for name, server in spawners.items()}, "user.orm_spawners", _STARTS
        )
        self._know(orm_spawners=of_rows)
        orm._know(orm_spawners=of_rows)

    def _addresses(self, name: str) -> dict[str, Any]:
        hosts, base_url = self._around.hosts, self._around.settings.hub.base_url
        prefix = server_prefix(base_url, name, "")
        url, spec = hosts.url(prefix), hosts.spec(prefix)
        parts = urlsplit(hosts.full_url(prefix) or "")
        return {
            "escaped_name": escape(name),
            "json_escaped_name": json.dumps(name)[1:-1],
            "dns_safe_name": safe_label(name, LONGEST_SAFE_NAME),
            "url": url,
            "base_url": prefix,
            "prefix": prefix,
            "proxy_spec": spec,
            "domain": spec.partition("/")[0],
            "host": f"{parts.scheme}://{parts.netloc}" if parts.netloc else "",
            "authenticator": self._around.authenticator,
            "allow_named_servers": self._around.settings.hub.allow_named_servers,
        }

    # --- servers ---

    @property
    def spawner(self) -> Any:
        """The default server. (A user who is about to be made has none.)"""
        return self.spawners.get("")

    @property
    def server(self) -> Any:
        """Where the default server answers; None while it does not run."""
        return self.spawner.server if self.spawner else None

    @property
    def running(self) -> bool:
        """Whether the default server can be used."""
        return bool(self.spawner and self.spawner.ready)

    @property
    def active(self) -> bool:
        """Whether any server is not stopped."""
        return any(server.active for server in self.spawners.values())

    @property
    def spawn_pending(self) -> bool:
        return bool(self.spawner and self.spawner.pending == "spawn")

    @property
    def stop_pending(self) -> bool:
        return bool(self.spawner and self.spawner.pending == "stop")

    def get_spawner(self, server_name: str = "", replace_failed: bool = False) -> Any:
        del replace_failed
        return self.spawners[server_name]

    def all_spawners(self, include_default: bool = True) -> Iterator[Any]:
        """By their names; those with names only where the configuration allows them."""
        for name, server in sorted(self.spawners.items()):
            if self.allow_named_servers if name else include_default:
                yield server

    # --- addresses ---

    def server_url(self, server_name: str = "") -> str:
        base_url = self._around.settings.hub.base_url
        return str(self._around.hosts.url(server_prefix(base_url, self.name, server_name)))

    def public_url(self, server_name: str = "") -> str:
        """Empty where nobody has said where the hub is."""
        base_url = self._around.settings.hub.base_url
        return self._around.hosts.full_url(server_prefix(base_url, self.name, server_name)) or ""

    def progress_url(self, server_name: str = "") -> str:
        segment = f"servers/{escape(server_name)}" if server_name else "server"
        return f"{self._around.settings.hub.base_url}hub/api/users/{self.escaped_name}/{segment}/progress"

    # --- logins ---

    async def get_auth_state(self) -> dict[str, Any] | None:
        """What the login has left; None if nothing is kept."""
        return self._auth_state  # type: ignore[no-any-return]

    async def save_auth_state(self, auth_state: dict[str, Any] | None) -> None:
        """Keep another in its place, for later starts too. Raises InvalidError where the hub keeps none."""
        if self._save is not None:
            await done_on_loop(lambda: self._save(self.id, auth_state))
        self._know(_auth_state=auth_state)
