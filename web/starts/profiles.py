"""Which spawner profile a start is by, and who may choose which."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from core.errors import ForbiddenError, InvalidError
from core.naming.user_names import UserNames
from core.plugins.profiles import PROFILE
from core.settings import Settings, SpawnerProfile
from projections.users import UserRow
from web.rights.rights import Rights


class Profiles:
    """`settings`: as they are now."""

    def __init__(self, settings: Callable[[], Settings], rights: Rights, names: UserNames) -> None:
        self._settings = settings
        self._rights = rights
        self._names = names

    @property
    def configured(self) -> Mapping[str, SpawnerProfile]:
        return self._settings().callboard.spawner_profiles

    def open_to(self, user: UserRow) -> list[SpawnerProfile]:
        """Those that this user's servers may be started by; the first is taken where none is asked for."""
        return [profile for profile in self.configured.values() if self._may(user, profile)]

    def choose(self, user: UserRow, user_options: Mapping[str, Any]) -> SpawnerProfile | None:
        """None where the configuration has no profiles. Raises InvalidError and ForbiddenError."""
        if not self.configured:
            return None
        if PROFILE not in user_options:
            return self._default(user)
        name = user_options[PROFILE]
        profile = self.configured.get(name) if isinstance(name, str) else None
        if profile is None:
            there = ", ".join(profile.name for profile in self.open_to(user)) or "none"
            raise InvalidError(f"There is no spawner profile {name!r}. Those for {user.name} are: {there}.")
        if not self._may(user, profile):
            raise ForbiddenError(f"The spawner profile {profile.name!r} is not for {user.name}.")
        return profile

    def _default(self, user: UserRow) -> SpawnerProfile:
        found = self.open_to(user)
        if not found:
            raise ForbiddenError(f"None of the spawner profiles is for {user.name}.")
        return found[0]

    def _may(self, user: UserRow, profile: SpawnerProfile) -> bool:
        if profile.is_for_all:
            return True
        groups, roles = self._rights.memberships.groups_of(user.name), self._rights.roles_of_user(user)
        return (
            user.name in map(self._names.normalize, profile.users or ())
            or not set(profile.groups or ()).isdisjoint(groups)
            or not set(profile.roles or ()).isdisjoint(roles)
            or not set(profile.scopes or ()).isdisjoint(self._rights.of_user(user).held)
        )
