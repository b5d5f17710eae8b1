"""How a start is prepared: the command that records it, and what its spawner is told.

A server's token is derived from the secret file and the spawn id: a hub that re-enters a start after a crash
gives the same token, and the log holds no more than its digest.
Source of the environment: JupyterHub 6.1, what a single-user server reads.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from core.config import Settings
from core.ids import new_id
from core.names import escape, server_prefix
from core.roles import LoadedRoles
from core.secret_file import derive
from core.server import Spawning, Start
from core.spawner import Attempt
from core.token import quick_digest
from projections.servers import ServerRow
from projections.users import UserRow


class Launch:
    def __init__(self, settings: Settings, secret: bytes, roles: LoadedRoles, hub_url: str) -> None:
        """`hub_url`: where servers reach the hub, with the base URL: `http://127.0.0.1:8081/hub`."""
        self._settings = settings
        self._key = derive(secret, "server-token")
        self._scopes = list(roles.roles["server"].scopes)
        self._hub_url = hub_url

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
            self._scopes,
        )

    def token(self, spawn_id: str) -> str:
        return derive(self._key, spawn_id).hex()

    def attempt(self, spawning: Spawning) -> Attempt:
        return Attempt(
            spawning.spawn_id,
            spawning.user_name,
            spawning.server_name,
            spawning.prefix,
            spawning.user_options,
            self._environment(spawning),
        )

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
