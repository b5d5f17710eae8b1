"""Where the hub listens, and where others reach it."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from msgspec.structs import replace

from core.settings import CHP, HubSettings, Settings, SpawnerSettings

_LOOPBACK = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1", "*": "127.0.0.1"}  # noqa: S104
"""Addresses to listen on that nobody can connect to, and where this machine can instead."""


def bind_address(hub: HubSettings) -> str:
    """As an origin: `http://127.0.0.1:8081`; without a host, all addresses."""
    return hub.hub_bind_url.rstrip("/") or f"http://{_in_url(hub.hub_ip)}:{hub.hub_port}"


def local_address(hub: HubSettings) -> str:
    """As the proxy on this machine reaches it, as an origin."""
    address = bind_address(hub)
    return _at(address, _LOOPBACK.get(urlsplit(address).hostname or "", ""))


def proxied_address(settings: Settings) -> str:
    """As the proxy reaches it, as an origin: one that the hub starts is on this machine; another asks as servers do."""
    hub = settings.hub
    if settings.proxy.should_start or hub.proxy_class != CHP:
        return local_address(hub)
    return connect_origin(settings)


def connect_origin(settings: Settings) -> str:
    """Where what runs elsewhere reaches the hub, but for what is said of servers alone."""
    url = urlsplit(connect_url(replace(settings, spawner=SpawnerSettings())))
    return f"{url.scheme}://{url.netloc}"


def public_address(hub: HubSettings) -> str:
    """Where a browser on this machine opens the hub, with the base URL: one that listens everywhere listens here."""
    parts = urlsplit(hub.bind_url)
    if (host := parts.hostname or "") not in _LOOPBACK:
        return hub.bind_url
    return f"{_at(hub.bind_url, _LOOPBACK[host])}{parts.path or '/'}"


def connect_url(settings: Settings) -> str:
    """Where servers reach the hub, with the base URL: `http://127.0.0.1:8081/hub`.

    Where it listens on all addresses, this machine's name stands for it.
    """
    hub = settings.hub
    address = bind_address(hub)
    is_everywhere = (urlsplit(address).hostname or "") in _LOOPBACK
    host = hub.hub_connect_ip or (socket.gethostname() if is_everywhere else "")
    origin = settings.spawner.hub_connect_url or hub.hub_connect_url or _at(address, host)
    return f"{origin.rstrip('/')}{hub.base_url}hub"


def _at(address: str, host: str) -> str:
    """The address with another host, if one is given."""
    parts = urlsplit(address)
    if parts.scheme == "http+unix" or not host:
        return address
    return f"{parts.scheme}://{_in_url(host)}{f':{parts.port}' if parts.port else ''}"


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
