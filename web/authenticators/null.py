"""Nobody logs in: for hubs that are used through their API alone."""

from __future__ import annotations

import trio

from core.plugins.authenticator import Credentials, Login


class NullAuthenticator:
    async def authenticate(self, credentials: Credentials) -> Login | None:
        await trio.lowlevel.checkpoint()
        return None

    async def check_new_user(self, name: str) -> None:
        await trio.lowlevel.checkpoint()
