"""What can happen to a group. Stream: `group/{id}`. Members are named by their ids: users may be renamed."""

from __future__ import annotations

from typing import Any

from msgspec import Struct


def group_stream(group_id: str) -> str:
    return f"group/{group_id}"


class GroupCreated(Struct, frozen=True, tag="group.created"):
    name: str
    users: tuple[str, ...] = ()
    properties: dict[str, Any] = {}


class UsersJoined(Struct, frozen=True, tag="group.users-joined"):
    users: tuple[str, ...]


class UsersLeft(Struct, frozen=True, tag="group.users-left"):
    users: tuple[str, ...]


class PropertiesReplaced(Struct, frozen=True, tag="group.properties-replaced"):
    properties: dict[str, Any]


class GroupDeleted(Struct, frozen=True, tag="group.deleted"):
    """Its roles and what was shared with it go with it."""


GroupEvent = GroupCreated | UsersJoined | UsersLeft | PropertiesReplaced | GroupDeleted
