"""Where a container's server is reached, and whether it can reach the hub. Pure."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any, Literal
from urllib.parse import urlsplit

from core.errors import SpawnError
from spawners.docker.engine.found import PORT, REACHED, Container
from spawners.docker.engine.place import Place
from spawners.ports import WILDCARDS, url_at

Way = Literal["published", "inside", "host"]
"""published: at a port that the engine publishes; inside: at the container's own address; host: it has the engine's
network, and so the engine's address."""

HOST = "host"


def network_of(network_name: str, extra: Mapping[str, Any]) -> str:
    """What extra_host_config says of it wins, as it does in DockerSpawner."""
    return str(extra.get("NetworkMode") or network_name)


def way(network: str, *, inside: bool) -> Way:
    if network == HOST:
        return "host"
    return "inside" if inside else "published"


def published_on(host_ip: str, place: Place) -> str:
    """The address that the engine is to publish ports on: its own machine's alone, where it is this one."""
    return host_ip or ("127.0.0.1" if place.is_here else "0.0.0.0")  # noqa: S104 -- else the hub could not come


def url_of(container: Container, place: Place, network: str) -> str:
    """Raises SpawnError where it has no address. `network`: whose, where it is in several."""
    port = container.label(PORT)
    match container.label(REACHED):
        case "host":
            return url_at(place.host or "127.0.0.1", int(port))
        case "inside":
            return url_at(_inside(container, network), int(port))
        case _:
            return _published(container, port, place)


def _inside(container: Container, network: str) -> str:
    networks = container.network_settings.networks or {}
    for name in (network, *networks):
        endpoint = networks.get(name)
        if endpoint is not None and endpoint.address:
            return endpoint.address
    raise SpawnError("The server's container has no address: its network gives it none.")


def _published(container: Container, port: str, place: Place) -> str:
    bindings = (container.network_settings.ports or {}).get(f"{port}/tcp")
    if not bindings:
        raise SpawnError(
            f"The container engine has published no port for port {port} of the server's container."
        )
    host = bindings[0].host_ip
    if host in WILDCARDS and place.host:
        host = place.host
    return url_at(WILDCARDS.get(host, host), int(bindings[0].host_port))


def names_of_hub(api_url: str, way: Way, place: Place) -> list[str]:
    """What the container must be told of names: how it finds the hub's machine, if that goes by a name that only
    the machine itself is certain to know. Raises SpawnError where it could not reach the hub at all.
    """
    host = urlsplit(api_url).hostname or ""
    if way == "host" or not host:
        return []
    if _is_loopback(host):
        raise SpawnError(
            f"Servers in containers cannot reach the hub at {host}, which to each of them is itself. "
            "Let it listen where they can (c.JupyterHub.hub_ip = ''), or use c.DockerSpawner.network_name = 'host'."
        )
    return [f"{host}:host-gateway"] if place.is_here and host == socket.gethostname().lower() else []


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
