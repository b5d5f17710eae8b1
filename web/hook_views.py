"""What hooks are handed: objects with the attributes that hooks written for JupyterHub use, and nothing behind.

Changing one changes this start alone.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from msgspec.structs import asdict, fields, replace

from core.config import SpawnerSettings
from core.errors import SpawnError
from core.names import escape
from core.spawner import UserOptions


class UserView:
    def __init__(self, name: str, url: str, *, admin: bool = False, groups: list[str] | None = None) -> None:
        self.name = name
        self.escaped_name = escape(name)
        self.url = url
        self.admin = admin
        self.groups = groups or []


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
    def __init__(self, request: RequestView) -> None:
        self.request = request


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
        handler: HandlerView | None,
    ) -> None:
        self._settings = settings
        self._hub_environment = dict(environment)
        self.user = user
        self.name = name
        self.user_options = user_options
        self.handler = handler
        self.log = logging.getLogger("callboard.hooks")
        for key, value in asdict(settings).items():
            setattr(self, key, value.copy() if isinstance(value, dict | list) else value)

    def get_env(self) -> dict[str, str]:
        """What the hub gives the server, and what was configured or changed on top of it."""
        return {**self._hub_environment, **self.environment}  # type: ignore[attr-defined]  # a setting

    def get_args(self) -> list[str]:
        return list(self.args)  # type: ignore[attr-defined]  # a setting

    def template_namespace(self) -> dict[str, str]:
        return {"username": self.user.escaped_name, "servername": self.name}

    def set_trait(self, name: str, value: Any) -> None:
        """Raises SpawnError for a setting that spawners do not have."""
        if name not in {field.name for field in fields(SpawnerSettings)}:
            raise SpawnError(f"The option would set {name!r}, which spawners do not have.", status=400)
        setattr(self, name, value)

    def changed_settings(self) -> SpawnerSettings:
        """The settings as they are now."""
        return replace(self._settings, **{f.name: getattr(self, f.name) for f in fields(SpawnerSettings)})
