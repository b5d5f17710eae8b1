"""What can happen to a group. Stream: `group/{id}`. Members are named by their ids: users may be renamed."""

from __future__ import annotations

from typing import Any

from core.events.urgency import Ordinary, Urgent


def group_stream(group_id: str) -> str:
    return f"group/{group_id}"


class GroupCreated(Ordinary, frozen=True, tag="group.created"):
    name: str
    users: tuple[str, ...] = ()
    properties: dict[str, Any] = {}


class UsersJoined(Ordinary, frozen=True, tag="group.users-joined"):
    users: tuple[str, ...]


class UsersLeft(Urgent, frozen=True, tag="group.users-left"):
    users: tuple[str, ...]


class PropertiesReplaced(Ordinary, frozen=True, tag="group.properties-replaced"):
    properties: dict[str, Any]


class GroupDeleted(Urgent, frozen=True, tag="group.deleted"):
    """Its roles and what was shared with it go with it."""


GroupEvent = GroupCreated | UsersJoined | UsersLeft | PropertiesReplaced | GroupDeleted
