"""The hub's own listening socket."""

from __future__ import annotations

import socket
from urllib.parse import unquote, urlsplit

from core.machine.bind_port import port_of

BACKLOG = 2048
STALLED = 30_000  # milliseconds a client may leave what it was sent unacknowledged


class BindError(Exception):
    """The address cannot be listened on; one line that says which."""


def listen(url: str) -> socket.socket:
    """A listening socket for `http://host:port` or `http+unix://%2Fpath`, the hub's own. Raises BindError."""
    parts = urlsplit(url)
    try:
        if parts.scheme == "http+unix":
            return _listen_unix(unquote(parts.netloc or parts.path))
        return _listen_tcp(parts.hostname or "", port_of(parts))
    except (OSError, ValueError) as error:
        why = (isinstance(error, OSError) and error.strerror) or error
        raise BindError(f"Cannot listen on {url} (c.JupyterHub.hub_bind_url): {why}.") from None


def _listen_tcp(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # a reader that has stalled would else keep a response, and so a shutdown, waiting for ever
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALLED)
        listener.bind((host, port))
        listener.setblocking(False)
        listener.listen(BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener


def _listen_unix(path: str) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(path)
        listener.setblocking(False)
        listener.listen(BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener
