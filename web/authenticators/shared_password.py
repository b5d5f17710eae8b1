"""One password for all users, and one for all administrators: for workshops, where nobody need be told from others.

An administrator's name needs the administrators' password, and no other name gets in with it.
"""

from __future__ import annotations

import trio

from core.naming.user_names import UserNames
from core.plugins.authenticator import Credentials, Login
from core.secrets.same_secret import same_secret
from core.settings import Settings


class SharedPasswordAuthenticator:
    def __init__(self, settings: Settings, names: UserNames) -> None:
        self._settings = settings.shared_password
        self._names = names
        self._admins = frozenset(map(names.normalize, settings.authenticator.admin_users))

    async def authenticate(self, credentials: Credentials) -> Login | None:
        await trio.lowlevel.checkpoint()
        given, password = credentials.get("username"), credentials.get("password")
        if not isinstance(given, str) or not given or not isinstance(password, str) or not password:
            return None
        name = self._names.normalize(given)
        if name in self._admins:
            return Login(given, admin=True, groups=()) if self._is_of_admins(password) else None
        groups = self._groups_of(password)
        return None if groups is None else Login(given, admin=False, groups=groups)

    def _is_of_admins(self, password: str) -> bool:
        wanted = self._settings.admin_password
        return bool(wanted) and same_secret(password, wanted)

    def _groups_of(self, password: str) -> tuple[str, ...] | None:
        """Those that come with this password; None if it is not one of users."""
        if self._settings.user_password and same_secret(password, self._settings.user_password):
            return ()
        for wanted, groups in self._settings.password_groups.items():
            if wanted and same_secret(password, wanted):
                return tuple(groups)
        return None

    async def check_new_user(self, name: str) -> None:
        await trio.lowlevel.checkpoint()
