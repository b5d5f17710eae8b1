"""A role: scopes under a name, and who holds it. Pure. What configurations may say of roles: core/config/roles.py."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from core.errors import NotFoundError
from core.events.role import RoleDefined, RoleEvent, RoleGranted, RoleRemoved, RoleWithdrawn


class NoRole(Struct, frozen=True):
    """Never defined, or removed."""


class Role(Struct, frozen=True):
    """`holders`: `user/{id}`, `group/{id}` or `service/{name}`; users and groups may have been deleted since."""

    description: str
    scopes: tuple[str, ...]
    managed: bool = False
    holders: frozenset[str] = frozenset()


AnyRole = NoRole | Role

# --- commands ---


class Define(Struct, frozen=True):
    description: str
    scopes: tuple[str, ...]
    managed: bool = False


class GrantRole(Struct, frozen=True):
    holders: frozenset[str]


class Withdraw(Struct, frozen=True):
    holders: frozenset[str]


class GrantExactly(Struct, frozen=True):
    """From now on the holders of these kinds (`user`, `group`, `service`) are exactly these."""

    kinds: frozenset[str]
    holders: frozenset[str]


class Remove(Struct, frozen=True):
    pass


Command = Define | GrantRole | Withdraw | GrantExactly | Remove


def decide(role: AnyRole, command: Command) -> list[RoleEvent]:
    """What happens if `command` reaches `role`: nothing, events, or a HubError."""
    if isinstance(command, Define):
        defined = RoleDefined(command.description, command.scopes, command.managed)
        return [] if isinstance(role, Role) and _definition(role) == defined else [defined]
    if isinstance(role, NoRole):
        if isinstance(command, Remove | Withdraw):
            return []
        raise NotFoundError("There is no such role.")
    match command:
        case GrantRole():
            return _change(role, command.holders, ())
        case Withdraw():
            return _change(role, (), command.holders)
        case GrantExactly():
            present = {holder for holder in role.holders if holder.partition("/")[0] in command.kinds}
            return _change(role, command.holders, present - command.holders)
        case Remove():
            return [RoleRemoved()]
        case _:
            assert_never(command)


def _definition(role: Role) -> RoleDefined:
    return RoleDefined(role.description, role.scopes, role.managed)


def _change(role: Role, to: Iterable[str], away_from: Iterable[str]) -> list[RoleEvent]:
    new = tuple(sorted(set(to) - role.holders))
    gone = tuple(sorted(role.holders & set(away_from)))
    granted: list[RoleEvent] = [RoleGranted(new)] if new else []
    return [*granted, RoleWithdrawn(gone)] if gone else granted


def evolve(role: AnyRole, event: RoleEvent) -> AnyRole:
    """The role after `event`. Never refuses: by now it has happened."""
    if isinstance(event, RoleDefined):
        holders = role.holders if isinstance(role, Role) else frozenset()
        return Role(event.description, event.scopes, event.managed, holders)
    if isinstance(role, NoRole):
        return role
    match event:
        case RoleGranted():
            return replace(role, holders=role.holders.union(event.holders))
        case RoleWithdrawn():
            return replace(role, holders=role.holders.difference(event.holders))
        case RoleRemoved():
            return NoRole()
        case _:
            assert_never(event)
