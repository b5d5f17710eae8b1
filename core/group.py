"""A group: a name, properties, and the users in it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any, assert_never

from msgspec import Struct
from msgspec.structs import replace

from core.errors import AlreadyExistsError, NotFoundError
from core.events.group import (
    GroupCreated,
    GroupDeleted,
    GroupEvent,
    PropertiesReplaced,
    UsersJoined,
    UsersLeft,
)


class NoGroup(Struct, frozen=True):
    """Never made, or deleted."""


class Group(Struct, frozen=True):
    """`users`: the ids of its members. Some may have been deleted since: nobody else gets their ids."""

    name: str
    users: frozenset[str] = frozenset()
    properties: dict[str, Any] = {}


AnyGroup = NoGroup | Group

# --- commands ---


class Create(Struct, frozen=True):
    name: str
    users: tuple[str, ...] = ()
    properties: dict[str, Any] = {}


class Join(Struct, frozen=True):
    users: tuple[str, ...]


class Leave(Struct, frozen=True):
    users: tuple[str, ...]


class ReplaceProperties(Struct, frozen=True):
    properties: dict[str, Any]


class Delete(Struct, frozen=True):
    pass


Command = Create | Join | Leave | ReplaceProperties | Delete


def decide(group: AnyGroup, command: Command) -> list[GroupEvent]:
    """What happens if `command` reaches `group`: nothing, events, or a HubError."""
    if isinstance(group, NoGroup):
        if isinstance(command, Create):
            return [GroupCreated(command.name, _each_once(command.users), command.properties)]
        raise NotFoundError("There is no such group.")
    match command:
        case Create():
            raise AlreadyExistsError(f"Group {group.name} already exists.")
        case Join():
            new = tuple(user for user in _each_once(command.users) if user not in group.users)
            return [UsersJoined(new)] if new else []
        case Leave():
            gone = tuple(user for user in _each_once(command.users) if user in group.users)
            return [UsersLeft(gone)] if gone else []
        case ReplaceProperties():
            if command.properties == group.properties:
                return []
            return [PropertiesReplaced(command.properties)]
        case Delete():
            return [GroupDeleted()]
        case _:
            assert_never(command)


def _each_once(users: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(users))


def evolve(group: AnyGroup, event: GroupEvent) -> AnyGroup:
    """The group after `event`. Never refuses: by now it has happened."""
    if isinstance(event, GroupCreated):
        return Group(event.name, frozenset(event.users), event.properties)
    if isinstance(group, NoGroup):
        return group
    match event:
        case UsersJoined():
            return replace(group, users=group.users.union(event.users))
        case UsersLeft():
            return replace(group, users=group.users.difference(event.users))
        case PropertiesReplaced():
            return replace(group, properties=event.properties)
        case GroupDeleted():
            return NoGroup()
        case _:
            assert_never(event)


def shortened(events: Iterable[GroupEvent]) -> Iterator[GroupEvent]:
    """Those who joined one after the other, as if at once: else each would have all members copied."""
    for kind, run in groupby(events, type):
        if kind is UsersJoined:
            yield UsersJoined(
                tuple(user for event in run if isinstance(event, UsersJoined) for user in event.users)
            )
        else:
            yield from run
