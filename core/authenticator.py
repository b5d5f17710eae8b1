"""What the hub asks of a way to log in, and who may come in once they are known. The rules are pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Protocol

from msgspec import Struct
from msgspec.structs import replace

from core.config import AuthenticatorSettings
from core.errors import ForbiddenError, InvalidError
from core.names import check_user_name, normalize_user_name

Credentials = Mapping[str, Any]


class Login(Struct, frozen=True):
    """Somebody who has proved who they are. None: the way of logging in does not say.

    `auth_state` is secret: it is only ever kept encrypted.
    """

    name: str
    admin: bool | None = None
    groups: tuple[str, ...] | None = None
    auth_state: dict[str, Any] | None = None
    user_info: dict[str, Any] | None = None


class Authenticator(Protocol):
    """Tells who somebody is. Slow ones must not hold the event loop up: threads or helper processes."""

    async def authenticate(self, credentials: Credentials) -> Login | None:
        """None if the credentials are no good. `credentials`: the fields of the login form, or a request's `auth`."""

    async def check_new_user(self, name: str) -> None:
        """Raises InvalidError for a name under which nobody could ever log in."""


def normalized(login: Login, settings: AuthenticatorSettings) -> Login:
    """The login under the name the hub knows it by. Raises InvalidError for a name that is none."""
    return replace(login, name=known_as(login.name, settings))


def known_as(name: str, settings: AuthenticatorSettings) -> str:
    """In lower case, mapped, checked. Raises InvalidError."""
    lower = normalize_user_name(name)
    mapped = settings.username_map.get(lower, lower)
    pattern = settings.username_pattern
    if pattern and not re.match(pattern, mapped):
        raise InvalidError(f"The user name {mapped!r} does not have the form this hub asks for.")
    return check_user_name(mapped)


def check_allowed(name: str, settings: AuthenticatorSettings, *, exists: bool) -> None:
    """Raises ForbiddenError for who may not come in. Nobody may unless somebody said so.

    `exists`: whether the hub knows a user of this name. Source of the rules: JupyterHub 5 and later.
    """
    if name in settings.blocked_users:
        raise ForbiddenError(f"User {name} may not log in here.")
    if settings.allow_all or name in settings.allowed_users:
        return
    if settings.allowed_users and name in settings.admin_users:
        return
    existing = settings.allow_existing_users
    if exists and (bool(settings.allowed_users) if existing is None else existing):
        return
    raise ForbiddenError(f"User {name} may not log in here.")
