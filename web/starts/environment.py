"""What a server is told of its hub and of itself in its environment, before the configuration adds to it.

Source of the names: JupyterHub 6.1, what a single-user server reads.
"""

from __future__ import annotations

import json

from core.naming.names import escape, server_client_id
from core.server import Spawning
from core.settings import Settings
from web.site.environment import public_addresses
from web.site.hosts import Hosts


def server_environment(
    settings: Settings, hosts: Hosts, hub_url: str, spawning: Spawning, token: str
) -> dict[str, str]:
    """`hub_url`: where servers reach the hub, with the base URL. `token`: the server's own."""
    user, server, api_url = spawning.user_name, spawning.server_name, f"{hub_url}/api"
    access = f"access:servers!server={user}/{server}"
    scopes = json.dumps([access, f"access:servers!user={user}"])
    environment = {
        "JUPYTERHUB_API_TOKEN": token,
        "JPY_API_TOKEN": token,
        "JUPYTERHUB_API_URL": api_url,
        "JUPYTERHUB_ACTIVITY_URL": f"{api_url}/users/{escape(user)}/activity",
        **public_addresses(settings.hub, hosts, spawning.prefix),
        "JUPYTERHUB_CLIENT_ID": server_client_id(user, server),
        "JUPYTERHUB_OAUTH_CALLBACK_URL": hosts.url(f"{spawning.prefix}oauth_callback"),
        "JUPYTERHUB_OAUTH_ACCESS_SCOPES": scopes,
        "JUPYTERHUB_OAUTH_SCOPES": scopes,
        "JUPYTERHUB_OAUTH_CLIENT_ALLOWED_SCOPES": json.dumps([*spawning.client_scopes, access]),
        "JUPYTERHUB_USER": user,
        "JUPYTERHUB_SERVER_NAME": server,
        "JUPYTERHUB_SERVICE_PREFIX": spawning.prefix,
    }
    if settings.hub.admin_access:
        environment["JUPYTERHUB_ADMIN_ACCESS"] = "1"
    return environment
