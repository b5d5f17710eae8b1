"""Who is in which group now, by name, remembered until a group or a name changes."""

from __future__ import annotations

from collections.abc import Iterable

from core.events.log.tables import Tables
from projections import groups

REMEMBERED = 20_000


class GroupMemberships:
    def __init__(self, db: Tables) -> None:
        self._db = db
        self._groups: dict[str, tuple[str, ...]] = {}
        self._members: dict[str, frozenset[str]] = {}

    def groups_of(self, user: str, /) -> tuple[str, ...]:
        """The oldest membership first."""
        known = self._groups.get(user)
        if known is None:
            if len(self._groups) >= REMEMBERED:
                self._groups.clear()
            known = self._groups[user] = tuple(groups.names_of_user_called(self._db, user))
        return known

    def look_up(self, users: Iterable[str]) -> None:
        """Have the groups of these remembered: one query for a page of users instead of one each."""
        new = [user for user in users if user not in self._groups]
        if not new:
            return
        if len(self._groups) + len(new) > REMEMBERED:
            self._groups.clear()
        for user, found in groups.names_of_users_called(self._db, new).items():
            self._groups[user] = tuple(found)

    def members_of(self, group: str, /) -> frozenset[str]:
        known = self._members.get(group)
        if known is None:
            known = self._members[group] = frozenset(groups.members_of_group_called(self._db, group))
        return known

    def forget(self) -> None:
        self._groups.clear()
        self._members.clear()
