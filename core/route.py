"""Extra routes: paths of the public address that lead neither to the hub, nor to a user, nor to a service. Pure."""

from __future__ import annotations

import unicodedata
from typing import assert_never
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from core.errors import ConflictError, InvalidError, NotFoundError
from core.events.route import RouteAdded, RouteEvent, RouteRemoved
from core.naming.names import escape
from core.naming.subdomains import is_host

MAX_LENGTH = 1000  # of a route's path and of its target
TAKEN = ("hub", "user", "services")  # what comes right behind the base URL and is the hub's to give


class NoRoute(Struct, frozen=True):
    pass


class Route(Struct, frozen=True):
    target: str
    from_config: bool


AnyRoute = NoRoute | Route


class Add(Struct, frozen=True):
    spec: str
    target: str
    from_config: bool = False


class Remove(Struct, frozen=True):
    by_config: bool = False


Command = Add | Remove


def decide(route: AnyRoute, command: Command) -> list[RouteEvent]:
    match command:
        case Add():
            return _add(route, command)
        case Remove():
            return _remove(route, command)
        case _:
            assert_never(command)


def _add(route: AnyRoute, command: Add) -> list[RouteEvent]:
    if isinstance(route, Route):
        if route.from_config != command.from_config:
            raise ConflictError(f"There is a route {command.spec} already, from {_origin(route)}.")
        if route.target == command.target:
            return []
    return [RouteAdded(command.spec, command.target, command.from_config)]


def _remove(route: AnyRoute, command: Remove) -> list[RouteEvent]:
    if isinstance(route, NoRoute):
        raise NotFoundError("There is no such extra route.")
    if route.from_config != command.by_config:
        raise ConflictError(f"This route is from {_origin(route)}, and ends there.")
    return [RouteRemoved()]


def _origin(route: Route) -> str:
    return "the configuration" if route.from_config else "a request to the API"


def evolve(route: AnyRoute, event: RouteEvent) -> AnyRoute:
    match event:
        case RouteAdded():
            return Route(event.target, event.from_config)
        case RouteRemoved():
            return NoRoute()
        case _:
            assert_never(event)


def normal_spec(path: str, *, with_hosts: bool = False) -> str:
    """The path as routes are written: `/a b` or `%2Fa%20b%2F` becomes `/a%20b/`. Raises InvalidError.

    `with_hosts`: what does not begin with a slash begins with a host: `Docs.example/a` becomes `docs.example/a/`.
    """
    plain = unquote(path)
    if len(path) > MAX_LENGTH:
        raise InvalidError(f"The path of a route has at most {MAX_LENGTH} characters.")
    if not with_hosts or plain.startswith("/"):
        return _written(plain)
    host, _, rest = plain.partition("/")
    if not is_host(host.lower()):
        raise InvalidError("A route begins with a slash, or with the name of a host: docs.hub.example/a/.")
    return host.lower() + _written(rest)


def _written(path: str) -> str:
    segments = path.strip("/").split("/")
    tricks = ("", ".", "..") if segments != [""] else (".", "..")
    if any(segment in tricks or _is_unsafe(segment) for segment in segments):
        raise InvalidError("The path of a route has plain segments between single slashes.")
    return f"/{'/'.join(map(escape, segments))}/" if segments != [""] else "/"


def _is_unsafe(segment: str) -> bool:
    return any(unicodedata.category(char) in ("Cc", "Cs") for char in segment) or "\ufffd" in segment


def check_free(spec: str, base_url: str, hub_spec: str, hub_host: str = "") -> None:
    """Raises ConflictError for a path that is the hub's, or the hub's to give to users and services.

    `hub_host`: where routes may begin with a host.
    """
    host, slash, rest = spec.partition("/")
    path = slash + rest
    inside = path.removeprefix(base_url) if path.startswith(base_url) else ""
    if (path == hub_spec and host in ("", hub_host)) or inside.partition("/")[0] in TAKEN:
        raise ConflictError(f"{spec} belongs to the hub, its users or its services.")


def check_target(target: str) -> str:
    """The target without a slash at its end. Raises InvalidError unless it is http(s) with a host."""
    try:
        parts = urlsplit(target)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or "@" in parts.netloc or parts.query or parts.fragment or len(target) > MAX_LENGTH:
        raise InvalidError("The target of a route is a URL such as http://127.0.0.1:9000, without a query.")
    if not target.isascii() or any(char <= " " or char == "\x7f" for char in target):
        raise InvalidError("The target of a route is a URL in ASCII, without blanks.")
    return target.rstrip("/")
