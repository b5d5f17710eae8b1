"""What servers and services are both told of where browsers reach them, and of the cookies they are to set.

Source of the names: JupyterHub 6.1.1.
"""

from __future__ import annotations

import json

from core.settings import HubSettings
from web.site.hosts import Hosts


def public_addresses(settings: HubSettings, hosts: Hosts, prefix: str) -> dict[str, str]:
    """`prefix`: the path of this server or service, `""` if it has none. URLs that nobody has told are empty."""
    told = {
        "JUPYTERHUB_BASE_URL": settings.base_url,
        "JUPYTERHUB_HOST": hosts.origin,
        "JUPYTERHUB_PUBLIC_URL": (hosts.full_url(prefix) or "") if prefix else "",
        "JUPYTERHUB_PUBLIC_HUB_URL": hosts.full_url(f"{settings.base_url}hub/") or "",
        "JUPYTERHUB_COOKIE_HOST_PREFIX_ENABLED": "1" if settings.cookie_host_prefix_enabled else "0",
    }
    if settings.tornado_settings.cookie_options:
        told["JUPYTERHUB_COOKIE_OPTIONS"] = json.dumps(settings.tornado_settings.cookie_options)
    return told
