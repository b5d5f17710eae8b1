"""Who may come in once they are known, and who is an administrator by the configuration. Pure.

Source of the rules: JupyterHub 5 and later. Nobody may come in unless somebody said so.
"""

from __future__ import annotations

from core.errors import ForbiddenError
from core.naming.user_names import UserNames
from core.settings import AuthenticatorSettings


def blocked_names(settings: AuthenticatorSettings, names: UserNames) -> frozenset[str]:
    """Of `blocked_users`, as stored."""
    return frozenset(map(names.normalize, settings.blocked_users))


class Admission:
    def __init__(self, settings: AuthenticatorSettings, names: UserNames) -> None:
        """The lists of the settings may be spelled as people spell names: `Alice` is `alice`."""
        self._blocked = blocked_names(settings, names)
        self._admins = frozenset(map(names.normalize, settings.admin_users))
        allowed = frozenset(map(names.normalize, settings.allowed_users))
        self._allowed = allowed | self._admins if allowed else allowed
        self._allow_all = settings.allow_all
        existing = settings.allow_existing_users
        self._allow_existing = bool(allowed) if existing is None else existing

    def check(self, name: str, *, exists: bool, allowed: bool = False) -> None:
        """Raises ForbiddenError. `name`: as stored. `exists`: whether the hub knows a user of this name.

        `allowed`: what the login itself says; who is blocked stays out all the same.
        """
        if self.is_blocked(name):
            raise ForbiddenError(f"User {name} may not log in here.")
        if not (allowed or self.is_allowed(name) or (exists and self._allow_existing)):
            raise ForbiddenError(f"User {name} may not log in here.")

    def is_allowed(self, name: str) -> bool:
        """Whether the configuration lets them in by their name."""
        return self._allow_all or name in self._allowed

    def is_blocked(self, name: str) -> bool:
        return name in self._blocked

    def is_admin(self, name: str) -> bool:
        return name in self._admins
