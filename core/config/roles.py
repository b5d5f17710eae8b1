"""Roles: names for sets of scopes, the ones every hub has, and what a configuration may say about them.

A configuration that makes no sense is a RoleError: one line naming the role and the value, and the hub does
not start.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from core.errors import InvalidError
from core.scopes import INHERIT, SELF, STANDARD, Definition, ScopeError, ScopeTable, parse_scope, void_scopes


class RoleError(InvalidError, ValueError):
    """`load_roles` or `custom_scopes` cannot be understood."""


class Role(Struct, frozen=True):
    """`scopes` are raw, as written."""

    name: str
    description: str = ""
    scopes: tuple[str, ...] = ()


class RoleMembers(Struct, frozen=True):
    """Who is to hold a role from now on: exactly these. None: whoever holds it now keeps it.

    For `admin` this is the admin flag too: who is not named here loses it.
    """

    users: frozenset[str] | None = frozenset()
    services: frozenset[str] | None = frozenset()
    groups: frozenset[str] | None = frozenset()


class LoadedRoles(Struct, frozen=True):
    """`roles`: all there are, by name; a stored one that is missing here is to be deleted, unless an
    authenticator manages it.

    `members` has an entry for each of them.

    Users and groups that `members` names and the hub does not know are to be created.
    """

    roles: dict[str, Role]
    members: dict[str, RoleMembers]
    warnings: tuple[str, ...] = ()


USER: Final = "user"
ADMIN: Final = "admin"
SERVER: Final = "server"
TOKEN: Final = "token"  # noqa: S105 -- a role's name

DEFAULT_ROLES: Final[Mapping[str, Role]] = {
    role.name: role
    for role in (
        Role(USER, "What everybody may do: use what is theirs.", (SELF,)),
        Role(
            ADMIN,
            "May do everything.",
            (
                "admin-ui",
                "admin:users",
                "admin:servers",
                "admin:services",
                "tokens",
                "admin:groups",
                "list:services",
                "read:services",
                "read:hub",
                "proxy",
                "shutdown",
                "access:services",
                "access:servers",
                "read:roles",
                "read:metrics",
                "shares",
            ),
        ),
        Role(
            SERVER,
            "What a server may do with its own token: report activity and let people in.",
            ("users:activity!user", "access:servers!server"),
        ),
        Role(TOKEN, "What a token may do that was asked for without scopes.", (INHERIT,)),
    )
}

_KEPT_IF_LEFT_OUT: Final[Mapping[str, frozenset[str]]] = {
    USER: frozenset({"users"}),  # everybody holds it
    ADMIN: frozenset({"users", "services"}),  # the admin flags say who holds it
}
_KINDS: Final = ("users", "services", "groups")
_KEYS: Final = frozenset({"name", "description", "scopes", *_KINDS})
_ROLE_NAME: Final = re.compile(r"[a-z][a-z0-9_~.-]{1,253}[a-z0-9]")


def load_roles(
    config: Iterable[Mapping[str, Any]],
    *,
    services: Collection[str] = (),
    extra_user_scopes: Iterable[str] = (),
    managed_by_authenticator: bool = False,
    table: ScopeTable = STANDARD,
) -> LoadedRoles:
    """`c.JupyterHub.load_roles`, joined with the default roles. Raises RoleError.

    `services`: the names of all that are defined. `managed_by_authenticator`: `Authenticator.manage_roles`.
    """
    specs = _by_name(config)
    default_user = replace(DEFAULT_ROLES[USER], scopes=(SELF, *sorted(set(extra_user_scopes) - {SELF})))
    defaults = {**DEFAULT_ROLES, USER: default_user}
    roles = {
        **defaults,
        **{name: _role(spec, defaults.get(name, Role(name))) for name, spec in specs.items()},
    }
    for role in roles.values():
        _check_scopes(role, table)
    members = {name: _members(name, specs.get(name, {}), managed_by_authenticator) for name in roles}
    for name in specs:
        _check_services(name, members[name], services)
    return LoadedRoles(roles, members, (*_warnings(specs, roles), *_void_scopes(roles, table)))


def role_of_login(spec: Mapping[str, Any], table: ScopeTable = STANDARD) -> Role:
    """A role as an authenticator tells of it. Raises RoleError."""
    role = _role(spec, Role(_checked_name(spec.get("name"))))
    _check_scopes(role, table)
    return role


def _by_name(config: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    specs: dict[str, Mapping[str, Any]] = {}
    for number, spec in enumerate(config, start=1):
        if not isinstance(spec, Mapping) or "name" not in spec:
            raise RoleError(f"Role number {number} has no name: {spec!r}.")
        name = _checked_name(spec["name"])
        if name in specs:
            raise RoleError(f"Role {name!r} is defined twice.")
        specs[name] = spec
    return specs


def _checked_name(name: object) -> str:
    if not isinstance(name, str) or not _ROLE_NAME.fullmatch(name):
        raise RoleError(
            f"Invalid role name: {name!r}. It has 3 to 255 characters of a-z, 0-9, '-', '_', '~' and '.', "
            "first a letter, last a letter or digit."
        )
    return name


def _role(spec: Mapping[str, Any], default: Role) -> Role:
    """The keys given win over the default role of that name."""
    name = default.name
    description = spec.get("description")
    if description is None:
        description = default.description
    if not isinstance(description, str):
        raise RoleError(f"Role {name!r}: description is not text: {description!r}.")
    scopes = tuple(dict.fromkeys(_strings(name, spec, "scopes"))) if "scopes" in spec else default.scopes
    if name == ADMIN and (description != default.description or set(scopes) != set(default.scopes)):
        raise RoleError("Role 'admin' cannot be changed: leave out its scopes and description.")
    return Role(name, description, scopes)


def _strings(name: str, spec: Mapping[str, Any], key: str) -> list[str]:
    value = spec[key]
    if not isinstance(value, (list, tuple, set, frozenset)) or not all(
        isinstance(item, str) for item in value
    ):
        raise RoleError(f"Role {name!r}: {key} is not a list of names: {value!r}.")
    return list(value)


def _check_scopes(role: Role, table: ScopeTable) -> None:
    for scope in role.scopes:
        try:
            parse_scope(scope, table)
        except ScopeError as error:
            raise RoleError(f"Role {role.name!r}: {error.message}") from None


def _members(name: str, spec: Mapping[str, Any], managed_by_authenticator: bool) -> RoleMembers:
    if managed_by_authenticator:
        for kind in ("users", "groups"):
            if spec.get(kind):
                raise RoleError(
                    f"Role {name!r}: {kind} cannot be listed, for the authenticator manages roles."
                )
    exact = {kind: frozenset(_strings(name, spec, kind)) for kind in _KINDS if kind in spec}
    kept: dict[str, None] = dict.fromkeys(_KEPT_IF_LEFT_OUT.get(name, ()))
    elsewhere: dict[str, None] = dict.fromkeys(("users", "groups") if managed_by_authenticator else ())
    return RoleMembers(**{**kept, **exact, **elsewhere})


def _check_services(name: str, members: RoleMembers, services: Collection[str]) -> None:
    for service in sorted(members.services or ()):
        if service not in services:
            raise RoleError(f"Role {name!r}: there is no service {service!r}.")


def _warnings(specs: Mapping[str, Mapping[str, Any]], roles: Mapping[str, Role]) -> Iterable[str]:
    for name, spec in specs.items():
        if not roles[name].scopes:
            yield f"Role {name!r} has no scopes: holding it allows nothing."
        if name == USER and SELF not in roles[USER].scopes:
            yield "Role 'user' lacks the scope 'self': people may not use their own servers."
        for key in sorted(set(spec) - _KEYS, key=str):
            yield f"Role {name!r}: unknown key {key!r} is ignored."


def _void_scopes(roles: Mapping[str, Role], table: ScopeTable) -> Iterable[str]:
    for role in roles.values():
        yield from (f"Role {role.name!r}: {line}" for line in void_scopes(role.scopes, table))


_CUSTOM_NAME: Final = re.compile(r"custom:[a-z0-9][a-z0-9_*:-]+[a-z0-9_*]")


def load_custom_scopes(
    config: Mapping[str, Mapping[str, Any]],
) -> tuple[dict[str, Definition], tuple[str, ...]]:
    """`c.JupyterHub.custom_scopes`, for `ScopeTable(...)`, and warnings. Raises RoleError."""
    definitions = {name: _custom_scope(name, spec, config) for name, spec in config.items()}
    warnings = tuple(
        f"Custom scope {name!r}: unknown key {key!r} is ignored."
        for name, spec in config.items()
        for key in sorted(set(spec) - {"description", "subscopes"}, key=str)
    )
    return definitions, warnings


def _custom_scope(name: str, spec: Mapping[str, Any], defined: Collection[str]) -> Definition:
    if not isinstance(name, str) or not _CUSTOM_NAME.fullmatch(name):
        raise RoleError(
            f"Invalid custom scope: {name!r}. After 'custom:' come at least three characters of a-z, 0-9, "
            "'_', '-', '*' and ':', first a letter or digit, last neither '-' nor ':'."
        )
    if not isinstance(spec, Mapping) or not isinstance(spec.get("description"), str):
        raise RoleError(f"Custom scope {name!r} has no description: {spec!r}.")
    subscopes = spec.get("subscopes", [])
    if not isinstance(subscopes, (list, tuple)):
        raise RoleError(f"Custom scope {name!r}: subscopes is not a list: {subscopes!r}.")
    for subscope in subscopes:
        if not isinstance(subscope, str) or subscope not in defined:
            raise RoleError(
                f"Custom scope {name!r}: subscope {subscope!r} is not a custom scope defined here."
            )
    return Definition(spec["description"], tuple(subscopes))
