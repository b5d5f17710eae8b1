"""What hooks are handed: objects with the attributes that hooks written for JupyterHub use, and nothing behind.

Changing one changes this start alone. Source of the names: JupyterHub's Spawner, User and Group.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs

from msgspec.structs import asdict, replace

from core.errors import SpawnError
from core.naming.names import escape
from core.plugins.spawner import UserOptions
from core.settings import SpawnerSettings


class GroupView(str):
    """A group: its name, as a text and as `name`."""

    properties: dict[str, Any]

    def __new__(cls, name: str, properties: dict[str, Any] | None = None) -> GroupView:
        view = super().__new__(cls, name)
        view.properties = properties or {}
        return view

    @property
    def name(self) -> str:
        return str(self)


class ServerView:
    """One of a user's servers, as `user.spawners[name]`."""

    def __init__(self, name: str, *, active: bool, ready: bool, pending: str | None, url: str) -> None:
        self.name = name
        self.active = active
        self.ready = ready
        self.pending = pending
        self.url = url


class UserView:
    """`spawners`: the user's servers by their names, "" for the default one."""

    def __init__(
        self,
        name: str,
        url: str,
        *,
        admin: bool = False,
        groups: Sequence[GroupView] = (),
        spawners: Mapping[str, ServerView] | None = None,
        auth_state: dict[str, Any] | None = None,
        id: str = "",
    ) -> None:
        self.id = id
        self.name = name
        self.escaped_name = escape(name)
        self.url = url
        self.admin = admin
        self.groups = list(groups)
        self.spawners = dict(spawners or {})
        self._auth_state = auth_state

    async def get_auth_state(self) -> dict[str, Any] | None:
        """What the login has left; None if nothing is kept."""
        return self._auth_state


class RequestView:
    """The HTTP request that asked for a start. Header names are as HTTP has them: case does not matter."""

    def __init__(self, method: str, path: str, query: str, headers: Mapping[str, str], remote: str) -> None:
        self.method = method
        self.path = path
        self.query = query
        self.uri = f"{path}?{query}" if query else path
        self.headers = headers
        self.remote_ip = remote


class HandlerView:
    """`current_user`: who asks; None for a service."""

    def __init__(self, request: RequestView, current_user: UserView | None = None) -> None:
        self.request = request
        self.current_user = current_user

    def get_argument(self, name: str, default: str | None = None) -> str | None:
        """The last value of this name in the query."""
        values = parse_qs(self.request.query, keep_blank_values=True).get(name)
        return values[-1] if values else default


class HubView:
    """Where the hub is. `api_url`: as servers reach it. `public_host`: with scheme; "" if it is not known."""

    def __init__(self, base_url: str, api_url: str, public_host: str = "") -> None:
        self.base_url = f"{base_url}hub/"
        self.server_name = "hub"
        self.api_url = api_url
        self.url = api_url.removesuffix("api")
        self.public_host = public_host


def _nothing() -> None: ...


async def _spawning() -> AsyncIterator[dict[str, Any]]:
    """Source: the default of JupyterHub's Spawner."""
    yield {"progress": 50, "message": "Spawning server..."}


class SpawnerView:
    """One start of one server. `handler`: None where the start is re-entered after a restart of the hub.

    The settings of the spawner (`cmd`, `args`, `environment`, `notebook_dir`, ...) are attributes that may be
    changed or replaced.
    """

    def __init__(
        self,
        *,
        settings: SpawnerSettings,
        user: UserView,
        name: str,
        user_options: UserOptions,
        environment: Mapping[str, str],
        hub: HubView,
        handler: HandlerView | None = None,
        state: Mapping[str, Any] | None = None,
        prefix: str = "",
        exit_status: int | None = None,
    ) -> None:
        """`environment`: the hub's part of the server's. `state`, `exit_status`: of what runs, or ran."""
        self._prefix = prefix
        self._settings = settings
        self._hub_environment = dict(environment)
        self._state = dict(state or {})
        self._exit_status = exit_status
        self.user = user
        self.name = name
        self.user_options = user_options
        self.handler = handler
        self.hub = hub
        self.server = user.spawners.get(name)
        self.orm_spawner = self  # `name`, `user_options` and `state` are here
        self.log = logging.getLogger("callboard.hooks")
        self.narrates: Callable[[], None] = _nothing  # called when `progress` is set
        self._progress: Callable[[], AsyncIterator[Any]] = _spawning
        for key, value in asdict(settings).items():
            setattr(self, key, value.copy() if isinstance(value, dict | list) else value)

    @property
    def state(self) -> dict[str, Any]:
        return self._state

    @property
    def progress(self) -> Callable[[], AsyncIterator[Any]]:
        """What tells how the start gets on; a hook may set another (web/starts/narrated.py)."""
        return self._progress

    @progress.setter
    def progress(self, generate: Callable[[], AsyncIterator[Any]]) -> None:
        self._progress = generate
        self.narrates()

    def get_state(self) -> dict[str, Any]:
        return dict(self._state)

    def load_state(self, state: dict[str, Any]) -> None:
        """Nothing: what runs is known by its spawn id."""

    def clear_state(self) -> None:
        """Nothing: what runs is known by its spawn id."""

    async def poll(self) -> int | None:
        """None while it runs, else its exit status (0 if that is not known)."""
        return None if self._state else self._exit_status or 0

    def get_env(self) -> dict[str, Any]:
        """What the hub gives the server, and what was configured or changed on top of it."""
        environment: dict[str, Any] = self.environment  # type: ignore[attr-defined]  # a setting
        return {**self._hub_environment, **environment}

    def get_args(self) -> list[str]:
        return list(self.args)  # type: ignore[attr-defined]  # a setting

    def template_namespace(self) -> dict[str, str]:
        return {
            "username": self.user.name,
            "servername": self.name,
            "base_url": self._prefix,
        }

    def format_string(self, text: str) -> str:
        """With `{username}` and the rest of `template_namespace` filled in."""
        for name, value in self.template_namespace().items():
            text = text.replace(f"{{{name}}}", value)
        return text

    def has_setting(self, name: str) -> bool:
        """Whether the spawner in use has a setting of this name."""
        return name in self._settings.__struct_fields__

    def set_trait(self, name: str, value: Any) -> None:
        """Raises SpawnError for a setting that the spawner does not have."""
        if not self.has_setting(name):
            raise SpawnError(f"The option would set {name!r}, which spawners do not have.", status=400)
        setattr(self, name, value)

    def changed_settings(self) -> SpawnerSettings:
        """The settings as they are now."""
        return replace(
            self._settings, **{name: getattr(self, name) for name in self._settings.__struct_fields__}
        )
