"""Where a server answers, from what the `start` of its class returned."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from core.errors import SpawnError

_EVERYWHERE = frozenset({"", "0.0.0.0", "::", "*"})  # noqa: S104 -- addresses to listen at; it answers here
_PORTS = {"http": 80, "https": 443}


def address_of(returned: Any, spawner: Any) -> str:
    """`http://host:port`: of a URL or of `(host, port)`; of neither, what the class has set on its server.

    Raises SpawnError where there is none of these.
    """
    if isinstance(returned, str) and returned:
        parts = urlsplit(returned)
        port = parts.port or _PORTS.get(parts.scheme, 0)
        return _url(parts.scheme, parts.hostname or "", port)
    if isinstance(returned, tuple | list) and len(returned) == 2:
        return _url("http", str(returned[0] or ""), int(returned[1]))
    server = spawner.server
    if server is not None and server.port:
        return _url(server.proto or "http", server.ip, server.port)
    raise SpawnError("The spawner does not say where the server is.")


def _url(scheme: str, host: str, port: int) -> str:
    if not port or scheme not in _PORTS:
        raise SpawnError("The spawner does not say where the server is.")
    host = "127.0.0.1" if host in _EVERYWHERE else host
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
