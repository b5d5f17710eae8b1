"""Where an engine listens, as DOCKER_HOST, DOCKER_TLS_VERIFY, DOCKER_CERT_PATH and DOCKER_CONFIG say it. Pure.

Source of the names and defaults: the docker command line.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import Struct

from core.settings import ConfigError

USUAL = "unix:///var/run/docker.sock"
_PORT, _TLS_PORT = 2375, 2376


class Place(Struct, frozen=True):
    """`socket`: the path of a unix socket; else the engine is at `host` and `port`.

    `certificates`: the folder of `ca.pem`, which must have signed its certificate if `verify`, and of `cert.pem` and
    `key.pem`, by which it knows the hub. Without one the system's authorities count, and the hub shows nothing.
    """

    socket: str = ""
    host: str = ""
    port: int = 0
    tls: bool = False
    verify: bool = False
    certificates: str = ""

    @property
    def is_here(self) -> bool:
        """Whether the engine is on this machine for certain."""
        return bool(self.socket)

    @property
    def authority(self) -> str:
        """As a request names it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return "docker" if self.socket else f"{host}:{self.port}"

    def __str__(self) -> str:
        scheme = "https" if self.tls else "http"
        return f"unix://{self.socket}" if self.socket else f"{scheme}://{self.authority}"


def place_of(url: str, verify: bool | None, certificates: str, environment: Mapping[str, str]) -> Place:
    """`url`, `certificates`: empty for what the environment says; so is None for `verify`. Raises ConfigError."""
    url = url or environment.get("DOCKER_HOST", "") or USUAL
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _unusable(url) from None
    if parts.scheme == "unix" and parts.path:
        return Place(socket=parts.path)
    if parts.scheme not in ("tcp", "http", "https") or not parts.hostname:
        raise _unusable(url)
    is_https, folder = parts.scheme == "https", certificates or environment.get("DOCKER_CERT_PATH", "")
    if verify is None:  # https without a word on certificates is checked as any site is
        verify = bool(environment.get("DOCKER_TLS_VERIFY")) or (is_https and not folder)
    if verify and not folder and not is_https:
        folder = f"{environment.get('HOME', '')}/.docker"
    tls = is_https or verify or bool(folder)
    return Place("", parts.hostname, port or (_TLS_PORT if tls else _PORT), tls, verify, folder)


def logins_of(environment: Mapping[str, str]) -> Path:
    """The folder with the logins of registries."""
    return Path(environment.get("DOCKER_CONFIG", "") or f"{environment.get('HOME', '')}/.docker")


def _unusable(url: str) -> ConfigError:
    expected = "expected unix:///path, tcp://host:2376 or https://host:2376"
    return ConfigError(f"The container engine cannot be asked at {url!r}: {expected}")
