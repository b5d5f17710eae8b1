"""Whether a proxy may listen where it is to."""

from __future__ import annotations

import errno
import os
import socket
from urllib.parse import unquote, urlsplit

from core.machine.bind_port import port_of
from core.settings import Settings


class ProxyError(Exception):
    """There is no proxy, and the hub cannot be reached without one; one line that says why."""


def check_redirect_free(settings: Settings) -> None:
    """The same for the port of plain http, where there is one."""
    host, port = urlsplit(settings.hub.bind_url).hostname or "", settings.proxy.redirect_port
    if port:
        check_free(f"http://{f'[{host}]' if ':' in host else host}:{port}", "c.Proxy.redirect_port")


def check_free(bind_url: str, name: str = "c.JupyterHub.bind_url") -> None:
    """Raises ProxyError where somebody listens already: proxies share their port, so another would be let in."""
    parts = urlsplit(bind_url)
    try:
        if parts.scheme == "http+unix":
            _check_unix(unquote(parts.netloc))
            return
        host = parts.hostname or "0.0.0.0"  # noqa: S104 -- what a URL without a host asks for
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port_of(parts)))
    except OSError as error:
        raise ProxyError(f"Cannot listen on {bind_url} ({name}): {error.strerror or error}.") from None


def _check_unix(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except (FileNotFoundError, ConnectionRefusedError):
            return
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
