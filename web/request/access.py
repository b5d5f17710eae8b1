"""What a route asks of its caller. The one place where a request is let in or turned away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from msgspec import Struct

from core.errors import ForbiddenError, NotFoundError
from core.scopes import (
    Answer,
    Group,
    Memberships,
    Resource,
    Server,
    Service,
    User,
    check_any,
    least,
    listed,
)
from web.rights.identity import Identity


class Open(Struct, frozen=True):
    """Anyone, known or not."""


class Identified(Struct, frozen=True):
    """Anyone the hub knows."""


class TheProxy(Struct, frozen=True):
    """The proxy that this hub or the one before it has started."""


class Needs(Struct, frozen=True):
    """Any one of these scopes, on what the URL names.

    `conceals`: who holds them for other things only is not told whether this one exists (404, else 403).
    `or_login`: who sends no token may log in by what the body says (`auth`), for this request alone.
    """

    scopes: tuple[str, ...]
    conceals: bool = True
    or_login: bool = False


class Lists(Struct, frozen=True):
    """Any form of this `list:` scope; what the caller may not see is left out."""

    scope: str


Access = Open | Identified | TheProxy | Needs | Lists

OPEN = Open()
IDENTIFIED = Identified()
THE_PROXY = TheProxy()


def needs(*scopes: str, conceals: bool = True, or_login: bool = False) -> Needs:
    return Needs(scopes, conceals, or_login)


def check_access(
    access: Access, identity: Identity | None, names: Mapping[str, str], memberships: Memberships
) -> None:
    """Raises ForbiddenError, or NotFoundError where the caller may not even know whether the thing exists.

    Source of which is which: JupyterHub's scope check (a scope held for other things only is a 404).
    """
    if isinstance(access, Open):
        return
    if identity is None or (identity.kind == "proxy") != isinstance(access, TheProxy):
        raise ForbiddenError("Missing or invalid credentials.")
    match access:
        case Identified() | TheProxy():
            return
        case Needs(scopes, conceals):
            about = resource(names)
            answer = check_any(identity.scopes, scopes, about, memberships)
            if answer is Answer.ALLOWED:
                return
            missing = " or ".join(least(scopes, about))
            if answer is Answer.HIDDEN and conceals:
                raise NotFoundError(
                    f"There is no such thing, or you may not know of it. This needs {missing}."
                )
            raise ForbiddenError(f"You may not do this: it needs the scope {missing}.")
        case Lists(scope):
            if listed(identity.scopes, scope) is None:
                raise ForbiddenError(f"You may not do this: it needs the scope {scope}.")
        case _:
            assert_never(access)


def resource(names: Mapping[str, str]) -> Resource | None:
    """What a URL is about, by the names in it."""
    if "user" in names:
        if "server" in names:
            return Server(names["user"], names["server"])
        return User(names["user"])
    if "group" in names:
        return Group(names["group"])
    if "service" in names:
        return Service(names["service"])
    return None
