"""The scopes somebody holds: expanded, in a form made for checks, and what two such sets have in common."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from typing import Final, Protocol, assert_never

from msgspec import Struct


class User(Struct, frozen=True):
    name: str


class Server(Struct, frozen=True):
    """`name` is `""` for the default one."""

    user: str
    name: str


class Group(Struct, frozen=True):
    name: str


class Service(Struct, frozen=True):
    name: str


Resource = User | Server | Group | Service


class Memberships(Protocol):
    """Who is in which group now. Only asked where a `!group` filter matters."""

    def groups_of(self, user: str, /) -> Collection[str]: ...

    def members_of(self, group: str, /) -> Collection[str]: ...


class _NoGroups:
    def groups_of(self, user: str, /) -> Collection[str]:
        return ()

    def members_of(self, group: str, /) -> Collection[str]:
        return ()


NO_GROUPS: Final[Memberships] = _NoGroups()
_NONE: Final[frozenset[str]] = frozenset()


class Reach(Struct, frozen=True):
    """Where one scope holds: everywhere, or for all that any of the filters matches.

    A user is everything of theirs; a group is itself, its members and everything of theirs.
    `servers` are written `alice/lab`.
    """

    everywhere: bool = False
    users: frozenset[str] = _NONE
    groups: frozenset[str] = _NONE
    servers: frozenset[str] = _NONE
    services: frozenset[str] = _NONE

    def __bool__(self) -> bool:
        return self.everywhere or bool(self.users or self.groups or self.servers or self.services)

    def __or__(self, other: Reach) -> Reach:
        if self.everywhere or other.everywhere:
            return EVERYWHERE
        if self == other:
            return self
        return Reach(
            users=self.users | other.users,
            groups=self.groups | other.groups,
            servers=self.servers | other.servers,
            services=self.services | other.services,
        )


EVERYWHERE: Final = Reach(everywhere=True)


class Scopes(Struct, frozen=True, dict=True):
    """Expanded scopes by name: what is not in here is not held at all. Not to be changed in place.

    Whoever asks comes again with the same ones, so what follows from them is worked out once.
    """

    held: Mapping[str, Reach] = {}

    @cached_property
    def everywhere(self) -> frozenset[str]:
        """The names of those without a filter."""
        return frozenset(name for name, reach in self.held.items() if reach.everywhere)

    @cached_property
    def somewhere(self) -> Sequence[tuple[Reach, frozenset[str]]]:
        """Those with filters: each reach, and the names of those that have it. Most tokens have but one."""
        names = frozenset(self.held) - self.everywhere
        reaches = dict.fromkeys(self.held[name] for name in names)
        return [(reach, frozenset(name for name in names if self.held[name] == reach)) for reach in reaches]

    def __or__(self, other: Scopes) -> Scopes:
        both = {name: reach | other.held[name] for name, reach in self.held.items() if name in other.held}
        return Scopes({**self.held, **other.held, **both})

    def as_strings(self) -> list[str]:
        """Sorted; `scopes` of `GET /user`."""
        return list(self._strings)

    @cached_property
    def _strings(self) -> tuple[str, ...]:
        return tuple(sorted(text for name, reach in self.held.items() for text in _as_strings(name, reach)))


NOTHING: Final = Scopes()


def _as_strings(name: str, reach: Reach) -> list[str]:
    if reach.everywhere:
        return [name]
    return [
        *(f"{name}!user={user}" for user in reach.users),
        *(f"{name}!group={group}" for group in reach.groups),
        *(f"{name}!server={server}" for server in reach.servers),
        *(f"{name}!service={service}" for service in reach.services),
    ]


def covers(reach: Reach, resource: Resource, memberships: Memberships) -> bool:
    if reach.everywhere:
        return True
    match resource:
        case User(name):
            return _covers_user(reach, name, memberships)
        case Server(user, name):
            return f"{user}/{name}" in reach.servers or _covers_user(reach, user, memberships)
        case Group(name):
            return name in reach.groups
        case Service(name):
            return name in reach.services
        case _:
            assert_never(resource)


def _covers_user(reach: Reach, user: str, memberships: Memberships) -> bool:
    if user in reach.users:
        return True
    return bool(reach.groups) and not reach.groups.isdisjoint(memberships.groups_of(user))


def is_within(reach: Reach, other: Reach, memberships: Memberships) -> bool:
    """Whether `other` covers all that `reach` does."""
    if reach.everywhere or other.everywhere:
        return other.everywhere
    return (
        all(covers(other, User(user), memberships) for user in reach.users)
        and reach.groups <= other.groups
        and all(covers(other, _server(server), memberships) for server in reach.servers)
        and reach.services <= other.services
    )


def intersect(one: Scopes, other: Scopes, memberships: Memberships) -> Scopes:
    """What both allow: it covers a resource exactly if both do, given who is in which group now."""
    if len(one.held) > len(other.held):
        one, other = other, one
    common = {
        name: intersect_reach(reach, other.held[name], memberships)
        for name, reach in one.held.items()
        if name in other.held
    }
    return Scopes({name: reach for name, reach in common.items() if reach})


def intersect_reach(one: Reach, other: Reach, memberships: Memberships) -> Reach:
    if other.everywhere or one == other:
        return one
    if one.everywhere:
        return other
    return Reach(
        users=_users_of(one, within=other, memberships=memberships)
        | _users_of(other, within=one, memberships=memberships)
        | _members_of_both(one.groups - other.groups, other.groups - one.groups, memberships),
        groups=one.groups & other.groups,
        servers=_servers_of(one, within=other, memberships=memberships)
        | _servers_of(other, within=one, memberships=memberships),
        services=one.services & other.services,
    )


def _users_of(reach: Reach, *, within: Reach, memberships: Memberships) -> frozenset[str]:
    return frozenset(user for user in reach.users if _covers_user(within, user, memberships))


def _servers_of(reach: Reach, *, within: Reach, memberships: Memberships) -> frozenset[str]:
    return frozenset(server for server in reach.servers if covers(within, _server(server), memberships))


def _members_of_both(
    some: Collection[str], others: Collection[str], memberships: Memberships
) -> frozenset[str]:
    """The users who are in one of `some` groups and in one of the `others` too."""
    if not some or not others:
        return _NONE
    members = [
        frozenset(user for group in groups for user in memberships.members_of(group))
        for groups in (some, others)
    ]
    return members[0] & members[1]


def _server(text: str) -> Server:
    user, _, name = text.partition("/")
    return Server(user, name)
