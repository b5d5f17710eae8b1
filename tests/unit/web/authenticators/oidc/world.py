"""An authenticator and a provider in one process: no sockets; the way there and back in one call."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
from msgspec.structs import replace

from core.naming.user_names import UserNames
from core.plugins.authenticator import Login
from core.settings import AuthenticatorSettings, OIDCSettings, Settings
from tests.conftest import SECRET
from tests.oidc_provider import CLIENT_ID, CLIENT_SECRET, Provider
from web.authenticators.oidc import RefreshingOIDCAuthenticator
from web.authenticators.oidc.fetching import Connect

CALLBACK = "http://hub.test/hub/oauth_callback"
NOW = 1_800_000_000.0


def oidc_settings(issuer: str, **changes: Any) -> OIDCSettings:
    settings = OIDCSettings(
        issuer=issuer,
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        login_service="Example",
        scope=["openid", "profile"],
        username_claim="preferred_username",
        claim_groups_key="groups",
    )
    return replace(settings, **changes)


class World:
    def __init__(self, provider: Provider, *, login: dict[str, Any] | None = None, **settings: Any) -> None:
        self.provider = provider
        self.settings = Settings(
            authenticator=AuthenticatorSettings(**(login or {})),
            oidc=oidc_settings(settings.pop("issuer", provider.issuer), **settings),
        )
        self.authenticator = self.authenticator_with(SECRET, self.connect)

    def authenticator_with(self, secret: bytes, connect: Connect) -> RefreshingOIDCAuthenticator:
        return RefreshingOIDCAuthenticator(self.settings, UserNames(), secret, connect=connect)

    def connect(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(self._handle))

    def _handle(self, request: httpx.Request) -> httpx.Response:
        status, headers, body = self.provider.handle(
            request.method, str(request.url), request.headers, request.content
        )
        return httpx.Response(status, headers=headers, stream=httpx.ByteStream(body))

    async def leave(self, next_url: str = "/hub/spawn") -> tuple[dict[str, str], str]:
        """To the provider and back to the callback: its query, and the browser's cookie."""
        redirect = await self.authenticator.begin(next_url, CALLBACK)
        status, headers, _ = self.provider.handle("GET", redirect.url, {})
        assert status == 302
        return dict(parse_qsl(urlsplit(headers["Location"]).query)), redirect.state_cookie

    async def log_in(self) -> Login:
        query, cookie = await self.leave()
        login, _ = await self.authenticator.finish(CALLBACK, query, cookie)
        return login
