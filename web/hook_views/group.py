"""A group of a user's. It may be compared with a name, and is found by it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from web.hook_views.on_loop import on_loop
from web.hook_views.read_only import ReadOnlyDict, ReadOnlyList
from web.hook_views.rows import LOG, OF_EVERY_ROW, named
from web.hook_views.view import View

_CHANGED = (
    "groups are changed through the REST API, or by `groups` of a login with c.Authenticator.manage_groups"
)


class GroupView(View):
    called = "group"
    elsewhere: ClassVar[Mapping[str, str]] = {
        **OF_EVERY_ROW,
        "log": LOG,
        "shared_with_me": "GET /hub/api/groups/NAME/shared tells what is shared with a group",
    }
    unchangeable = _CHANGED

    def __init__(
        self,
        name: str,
        properties: dict[str, Any],
        *,
        id: str,
        roles: Sequence[str],
        members: Callable[[], Sequence[str]],
    ) -> None:
        """`members`: their names, looked up only if they are asked for, for there may be many."""
        self._know(
            id=id,
            name=name,
            kind="group",
            properties=ReadOnlyDict(properties, "group.properties", _CHANGED),
            roles=named(roles, "group.roles", _CHANGED),
            _members=members,
        )

    @property
    def users(self) -> ReadOnlyList:
        return named(on_loop(self._members), "group.users", _CHANGED)

    def __str__(self) -> str:
        return str(self.name)

    def __eq__(self, other: object) -> bool:
        return self.name == (other.name if isinstance(other, GroupView) else other)  # type: ignore[no-any-return]

    def __hash__(self) -> int:
        return hash(self.name)
