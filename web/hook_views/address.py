"""Where something answers: a server, or the hub. Source of the names: JupyterHub's `objects.Server`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import urlsplit

from web.hook_views.traitlets_names import OF_TRAITLETS
from web.hook_views.view import View

_DEFAULT_PORTS = {"https": 443}
_ASK = "await spawner.poll() tells whether a server runs; the hub waits for it by itself (c.Spawner.http_timeout)"
_MADE = "addresses are what spawners tell the hub"


class AddressView(View):
    called = "server"
    elsewhere: ClassVar[Mapping[str, str]] = {
        **OF_TRAITLETS,
        "is_up": _ASK,
        "wait_up": _ASK,
        "from_orm": _MADE,
        "from_url": _MADE,
        "bind_url_default": _MADE,
        "log": "spawner.log writes to the hub's log",
        "socket_mode": "servers listen on TCP",
    }
    unchangeable = "where a server listens is told by c.Spawner.ip, c.Spawner.port and its spawner"

    def __init__(self, url: str, base_url: str, cookie_name: str = "", **more: Any) -> None:
        """`url`: scheme, host and port, or empty while they are not known. `base_url`: the path there."""
        parts = urlsplit(url)
        proto, ip = parts.scheme or "http", parts.hostname or ""
        port = parts.port or (_DEFAULT_PORTS.get(proto, 80) if ip else 0)
        host = url.rstrip("/")
        self._know(
            proto=proto,
            ip=ip,
            port=port,
            base_url=base_url,
            cookie_name=cookie_name,
            host=host,
            url=f"{host}{base_url}",
            bind_url=f"{host}{base_url}",
            connect_url=f"{host}{base_url}",
            connect_addr=ip,
            connect_ip=ip,
            connect_port=port,
            certfile="",
            keyfile="",
            cafile="",
            **more,
        )
