"""What servers and services are both told of where browsers reach them, and of the cookies they are to set.

Source of the names: JupyterHub 6.1.1.
"""

from __future__ import annotations

import json
from urllib.parse import urlsplit

from core.config import HubSettings


def public_addresses(settings: HubSettings, prefix: str) -> dict[str, str]:
    """`prefix`: the path of this server or service, `""` if it has none. Without `public_url` nobody knows the host."""
    parts = urlsplit(settings.public_url)
    host = f"{parts.scheme}://{parts.netloc}" if settings.public_url else ""
    told = {
        "JUPYTERHUB_BASE_URL": settings.base_url,
        "JUPYTERHUB_HOST": host,
        "JUPYTERHUB_PUBLIC_URL": f"{host}{prefix}" if host and prefix else "",
        "JUPYTERHUB_PUBLIC_HUB_URL": f"{host}{settings.base_url}hub/" if host else "",
        "JUPYTERHUB_COOKIE_HOST_PREFIX_ENABLED": "1" if settings.cookie_host_prefix_enabled else "0",
    }
    if settings.tornado_settings.cookie_options:
        told["JUPYTERHUB_COOKIE_OPTIONS"] = json.dumps(settings.tornado_settings.cookie_options)
    return told
