"""How a start is prepared: the command that records it, and what its spawner is told.

A server's token is derived from the secret file and the spawn id: a hub that re-enters a start after a crash
gives the same token, and the log holds no more than its digest.
Source of the environment: JupyterHub 6.1, what a single-user server reads.
"""

from __future__ import annotations

import json
import logging
from typing import Any
from urllib.parse import quote

from core.config import Settings, SpawnerSettings
from core.errors import SpawnError
from core.hooks import Hooks, as_spawn_error
from core.ids import new_id
from core.names import escape, full_name, server_prefix
from core.roles import SERVER
from core.scopes import Owner, cut
from core.secret_file import derive
from core.server import Spawning, Start
from core.spawner import Attempt
from core.token import quick_digest
from projections.servers import ServerRow
from projections.users import UserRow
from web.auth_states import AuthStates
from web.hook_views import HandlerView, SpawnerView, UserView
from web.rights import Rights

logger = logging.getLogger("callboard.hooks")

ACTIVITY = "users:activity!user"  # what every server's token allows


class Launch:
    def __init__(
        self, settings: Settings, secret: bytes, rights: Rights, hub_url: str, auth_states: AuthStates
    ) -> None:
        """`hub_url`: where servers reach the hub, with the base URL: `http://127.0.0.1:8081/hub`."""
        self._settings = settings
        self._key = derive(secret, "server-token")
        self._rights = rights
        self._auth_states = auth_states
        self._hub_url = hub_url
        self._hooks = Hooks()
        self._handlers: dict[str, HandlerView] = {}

    def command(self, user: UserRow, server: ServerRow, user_options: dict[str, Any] | None) -> Start:
        spawn_id = new_id("s")
        return Start(
            spawn_id,
            user.id,
            user.name,
            server.name,
            server_prefix(self._settings.hub.base_url, user.name, server.name),
            user_options,
            quick_digest(self.token(spawn_id)),
            self._scopes(user, server.name),
        )

    def _scopes(self, user: UserRow, server_name: str) -> list[str]:
        """Of the server's own token: what it is to have, as far as its user holds it now.

        `!user` and `!server` stay as they are, for both may be renamed while it runs.
        """
        wanted = self._settings.spawner.server_token_scopes or self._rights.scopes_of_role(SERVER)
        owner = Owner(user=user.name, server=full_name(user.name, server_name))
        rights = self._rights
        return cut([*wanted, ACTIVITY], owner, rights.of_user(user), rights.memberships, rights.table)

    def token(self, spawn_id: str) -> str:
        return derive(self._key, spawn_id).hex()

    async def attempt(self, spawning: Spawning) -> Attempt:
        """Raises SpawnError where an option or a hook will not have it."""
        environment = self._environment(spawning)
        settings = await self._after_hooks(spawning, environment)
        return Attempt(
            spawning.spawn_id,
            spawning.user_name,
            spawning.server_name,
            spawning.prefix,
            spawning.user_options,
            environment,
            settings,
        )

    def remember(self, spawn_id: str, handler: HandlerView) -> None:
        """Who asked for a start, for the hooks that want to know; dropped once they have run."""
        if self._has_hooks:
            self._handlers[spawn_id] = handler

    @property
    def _has_hooks(self) -> bool:
        settings = self._settings.spawner
        hooks = (settings.pre_spawn_hook, settings.apply_user_options, settings.auth_state_hook)
        return any(hook is not None for hook in hooks)

    async def _after_hooks(self, spawning: Spawning, environment: dict[str, str]) -> SpawnerSettings | None:
        """The spawner's settings as options and hooks leave them; None if there are none of either."""
        if not self._has_hooks:
            return None
        settings = self._settings.spawner
        view = SpawnerView(
            settings=settings,
            user=UserView(
                spawning.user_name, server_prefix(self._settings.hub.base_url, spawning.user_name, "")
            ),
            name=spawning.server_name,
            user_options=spawning.user_options,
            environment=environment,
            handler=self._handlers.pop(spawning.spawn_id, None),
        )
        if settings.apply_user_options is not None:
            await self._apply_options(view, settings.apply_user_options)
        if settings.auth_state_hook is not None:
            auth_state = self._auth_states.of_user_called(spawning.user_name)
            await self._call("auth_state_hook", settings.auth_state_hook, view, auth_state)
        if settings.pre_spawn_hook is not None:
            await self._call("pre_spawn_hook", settings.pre_spawn_hook, view)
        return view.changed_settings()

    async def _apply_options(self, view: SpawnerView, apply: Any) -> None:
        """A dict names the setting each option sets. Whatever goes wrong is the fault of the options: 400."""
        if isinstance(apply, dict):
            for option in view.user_options.keys() & apply.keys():
                view.set_trait(apply[option], view.user_options[option])
            return
        try:
            await self._hooks.call(apply, view, view.user_options)
        except Exception as error:
            refused = as_spawn_error(error)
            if not hasattr(error, "status_code"):
                logger.warning("apply_user_options failed: %r", error)
                refused = SpawnError("The options of this start are invalid.", status=400)
            raise refused from error

    async def ready_event(self, user_name: str, server: ServerRow, event: dict[str, Any]) -> dict[str, Any]:
        """The event that says that a server is ready, as `progress_ready_hook` leaves it."""
        hook = self._settings.spawner.progress_ready_hook
        if hook is None:
            return event
        user = UserView(user_name, server_prefix(self._settings.hub.base_url, user_name, ""))
        view = SpawnerView(
            settings=self._settings.spawner,
            user=user,
            name=server.name,
            user_options=server.options() or {},
            environment={},
            handler=None,
        )
        try:
            changed = await self._hooks.call(hook, view, dict(event))
        except Exception as error:
            logger.warning("progress_ready_hook failed: %r", error)
            return event
        return changed if isinstance(changed, dict) else event

    async def _call(self, name: str, hook: Any, view: SpawnerView, *args: Any) -> None:
        try:
            await self._hooks.call(hook, view, *args)
        except Exception as error:
            logger.warning("%s failed: %r", name, error)
            raise as_spawn_error(error) from error

    def _environment(self, spawning: Spawning) -> dict[str, str]:
        user, server, token = spawning.user_name, spawning.server_name, self.token(spawning.spawn_id)
        api_url = f"{self._hub_url}/api"
        access = json.dumps([f"access:servers!server={user}/{server}", f"access:servers!user={user}"])
        spawner = self._settings.spawner
        environment = {
            "JUPYTERHUB_API_TOKEN": token,
            "JPY_API_TOKEN": token,
            "JUPYTERHUB_API_URL": api_url,
            "JUPYTERHUB_ACTIVITY_URL": f"{api_url}/users/{escape(user)}/activity",
            "JUPYTERHUB_BASE_URL": self._settings.hub.base_url,
            "JUPYTERHUB_CLIENT_ID": client_id(user, server),
            "JUPYTERHUB_HOST": "",
            "JUPYTERHUB_OAUTH_CALLBACK_URL": f"{spawning.prefix}oauth_callback",
            "JUPYTERHUB_OAUTH_ACCESS_SCOPES": access,
            "JUPYTERHUB_OAUTH_SCOPES": access,
            "JUPYTERHUB_OAUTH_CLIENT_ALLOWED_SCOPES": "[]",
            "JUPYTERHUB_USER": user,
            "JUPYTERHUB_SERVER_NAME": server,
            "JUPYTERHUB_SERVICE_PREFIX": spawning.prefix,
            "JUPYTERHUB_PUBLIC_URL": "",
            "JUPYTERHUB_PUBLIC_HUB_URL": "",
            "JUPYTERHUB_COOKIE_HOST_PREFIX_ENABLED": "0",
        }
        if self._settings.hub.admin_access:
            environment["JUPYTERHUB_ADMIN_ACCESS"] = "1"
        if spawner.notebook_dir:
            environment["JUPYTERHUB_ROOT_DIR"] = self._formatted(spawner.notebook_dir, user)
        if spawner.default_url:
            environment["JUPYTERHUB_DEFAULT_URL"] = self._formatted(spawner.default_url, user)
        if spawner.debug:
            environment["JUPYTERHUB_DEBUG"] = "1"
        if spawner.disable_user_config:
            environment["JUPYTERHUB_DISABLE_USER_CONFIG"] = "1"
        return environment

    def _formatted(self, template: str, user: str) -> str:
        return template.replace("{username}", user).replace("{base_url}", self._settings.hub.base_url)


def client_id(user: str, server: str) -> str:
    """Of the OAuth client that a server is."""
    name = f"jupyterhub-user-{quote(user, safe='/')}"
    return f"{name}-{quote(server, safe='/')}" if server else name
