"""One start of one server, as hooks are handed it: `spawner`.

Source of the names: JupyterHub's Spawner. What a hook changes holds for this start, and is still there when
`post_stop_hook` is called for what came of it.
"""

from __future__ import annotations

import inspect
import logging
import os
from collections.abc import AsyncIterator, Callable, Mapping
from copy import deepcopy
from typing import Any

from msgspec.structs import asdict, replace

from core.errors import SpawnError
from core.naming.names import server_client_id, server_prefix
from core.plugins.settings_environment import settings_environment
from core.plugins.spawner import UserOptions
from core.settings import SpawnerSettings
from web.hook_views.around import Around
from web.hook_views.handler import HandlerView
from web.hook_views.setting_values import checked, converted
from web.hook_views.spawner_names import OF_SPAWNERS
from web.hook_views.user import UserView
from web.hook_views.view import View


def _nothing() -> None: ...


async def _spawning() -> AsyncIterator[dict[str, Any]]:
    """Source: the default of JupyterHub's Spawner."""
    yield {"progress": 50, "message": "Spawning server..."}


class SpawnerView(View):
    """The settings of the spawner (`cmd`, `args`, `environment`, ...) are attributes that may be changed or replaced.

    What is set is converted at once, so that it is read as the server gets it. `handler`: None where the start is
    re-entered after a restart of the hub, and once it has been prepared.
    """

    called = "spawner"
    elsewhere = OF_SPAWNERS
    unchangeable = (
        "set options such as spawner.environment, spawner.args or spawner.cmd, or attributes of your own"
    )

    def __init__(
        self,
        around: Around,
        *,
        settings: SpawnerSettings,
        user: UserView,
        name: str,
        user_options: UserOptions,
        environment: Mapping[str, str],
        handler: HandlerView | None = None,
        state: Mapping[str, Any] | None = None,
        prefix: str = "",
        exit_status: int | None = None,
        free_now: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        """`environment`: the hub's part of the server's. `state`, `exit_status`: of what runs, or ran.

        `free_now`: as that of core/plugins/spawner.py.
        """
        own = user.spawners.get(name)
        base_url = around.settings.hub.base_url
        prefix = prefix or server_prefix(base_url, user.name, name)
        scopes = [f"access:servers!server={user.name}/{name}", f"access:servers!user={user.name}"]
        self._know(
            _settings=settings,
            _hub_environment=dict(environment),
            _exit_status=exit_status,
            _prefix=prefix,
            _progress=_spawning,
            _when_narrated=_nothing,
            free_now=free_now,
            state=dict(state or {}),
            user=user,
            name=name,
            display_name=own.display_name if own else name,
            handler=handler,
            hub=around.hub,
            authenticator=around.authenticator,
            server=own.server if own else None,
            orm_spawner=own.orm_spawner if own else None,
            active=bool(own and own.active),
            ready=bool(own and own.ready),
            pending=own.pending if own else None,
            last_activity=own.last_activity if own else None,
            log=logging.getLogger("callboard.hooks"),
            api_token=environment.get("JUPYTERHUB_API_TOKEN", ""),
            admin_access=around.settings.hub.admin_access,
            internal_ssl=False,
            cookie_options=dict(around.settings.hub.tornado_settings.cookie_options),
            cookie_host_prefix_enabled=around.settings.hub.cookie_host_prefix_enabled,
            oauth_client_id=server_client_id(user.name, name),
            oauth_access_scopes=scopes,
            oauth_scopes=scopes,
            proxy_spec=around.hosts.spec(prefix),
            public_url=around.hosts.full_url(prefix) or "",
            public_hub_url=around.hosts.full_url(f"{base_url}hub/") or "",
        )
        self.__dict__["user_options"] = deepcopy(user_options)
        for key, value in asdict(settings).items():
            self.__dict__[key] = value.copy() if isinstance(value, dict | list) else value

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "progress":
            self._know(_progress=value)
            self._when_narrated()
        elif self.has_setting(name):
            self.__dict__[name] = converted(self._settings, name, value)
        else:
            super().__setattr__(name, value)

    # --- what it is ---

    @property
    def progress(self) -> Callable[[], AsyncIterator[Any]]:
        """What tells how the start gets on; a hook may set another (web/starts/narrated.py)."""
        return self._progress  # type: ignore[no-any-return]

    def when_narrated(self, call: Callable[[], None]) -> None:
        """Have this called when `progress` is set."""
        self._know(_when_narrated=call)

    @property
    def env(self) -> dict[str, Any]:
        """As `get_env` gives it. Source: JupyterHub, which has it for older configurations."""
        return self.get_env()

    def get_state(self) -> dict[str, Any]:
        return dict(self.state)

    def load_state(self, state: dict[str, Any]) -> None:
        """Nothing: what runs is known by its spawn id."""

    def clear_state(self) -> None:
        """Nothing: what runs is known by its spawn id."""

    async def poll(self) -> int | None:
        """None while it runs, else its exit status (0 if that is not known)."""
        return None if self.state else self._exit_status or 0

    async def get_url(self) -> str:
        return self.server.url if self.server else ""

    # --- what the server is told ---

    def get_env(self) -> dict[str, Any]:
        """What the server gets: what it keeps of the hub's environment, what the hub tells it, what was configured or
        changed on top of that. Functions among the values are called, but for those that have to be awaited.
        """
        given = self.changed_settings()
        return {
            **{name: os.environ[name] for name in given.env_keep if name in os.environ},
            **self._hub_environment,
            **settings_environment(checked(given), self.template_namespace()),
            **self._configured_environment(),
        }

    def _configured_environment(self) -> dict[str, Any]:
        told = {}
        for name, value in self.environment.items():
            if callable(value):
                if inspect.iscoroutinefunction(value):
                    continue
                value = value(self)
            if value is not None:
                told[name] = value
        return told

    def get_args(self) -> list[str]:
        return list(self.args)

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

    # --- settings ---

    def has_setting(self, name: str) -> bool:
        """Whether the spawner in use has a setting of this name."""
        return name in self.__dict__["_settings"].__struct_fields__

    def has_trait(self, name: str) -> bool:
        return self.has_setting(name)

    def trait_names(self) -> list[str]:
        return list(self._settings.__struct_fields__)

    def set_trait(self, name: str, value: Any) -> None:
        """Raises SpawnError for a setting that the spawner does not have."""
        if not self.has_setting(name):
            raise SpawnError(f"The option would set {name!r}, which spawners do not have.", status=400)
        setattr(self, name, value)

    def changed_settings(self) -> SpawnerSettings:
        """The settings as they are now."""
        settings: SpawnerSettings = self._settings
        return replace(settings, **{name: self.__dict__[name] for name in self.trait_names()})

    # --- from one view of a server to the next ---

    def follow(self, earlier: SpawnerView) -> None:
        """Have what hooks have changed on an earlier view of the same server: settings and attributes."""
        configured = asdict(earlier._settings)
        for name, value in earlier.__dict__.items():
            if name in configured:
                if value != configured[name] and self.has_setting(name):
                    self.__dict__[name] = value
            elif name not in earlier._facts and name not in ("_facts", "user_options"):
                self.__dict__[name] = value

    def forget_request(self) -> None:
        """Who asked is of no interest any more. Source: JupyterHub, once a start is over."""
        self._know(handler=None)

    def renew(self, later: SpawnerView) -> None:
        """Have what is known by now of the server."""
        self._know(**{name: later.__dict__[name] for name in later._facts})
        self.forget_request()
