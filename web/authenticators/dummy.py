"""Any name, with any password unless one is set: for trying things out and for tests."""

from __future__ import annotations

import trio

from core.plugins.authenticator import Credentials, Login
from core.secrets.same_secret import same_secret
from core.settings import DummySettings


class DummyAuthenticator:
    def __init__(self, settings: DummySettings) -> None:
        self._password = settings.password

    async def authenticate(self, credentials: Credentials) -> Login | None:
        await trio.lowlevel.checkpoint()
        name, password = credentials.get("username"), credentials.get("password", "")
        if not isinstance(name, str) or not name or not isinstance(password, str):
            return None
        if self._password and not same_secret(password, self._password):
            return None
        return Login(name)

    async def check_new_user(self, name: str) -> None:
        await trio.lowlevel.checkpoint()
