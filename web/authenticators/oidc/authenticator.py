"""Logging in at an OpenID Connect or OAuth 2.0 provider: there, and back."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import trio

from core.errors import HubError
from core.naming.user_names import UserNames
from core.plugins.authenticator import Credentials, Login, Redirect
from core.plugins.hooks import Hooks
from core.secrets.secret_file import derive
from core.settings import Settings
from web.authenticators.oidc.claims import Expected
from web.authenticators.oidc.fetching import Connect, Fetcher
from web.authenticators.oidc.id_token import Verifier
from web.authenticators.oidc.people import Claims, People, merged
from web.authenticators.oidc.provider import Directory, Provider
from web.authenticators.oidc.refusals import distrusted, logger, unreachable
from web.authenticators.oidc.requests import (
    Tokens,
    code_form,
    code_of,
    identified,
    tokens_of,
    way_there,
)
from web.authenticators.oidc.trips import Trips


class OIDCAuthenticator:
    """A RedirectAuthenticator. What it needs between `begin` and `finish` is in the browser's cookie."""

    def __init__(
        self,
        settings: Settings,
        names: UserNames,
        secret: bytes,
        *,
        connect: Connect | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`connect`: makes HTTP clients. `now`: seconds since 1970."""
        self._settings = settings.oidc
        self._now = now
        self._fetcher = Fetcher(settings.oidc, connect)
        self._directory = Directory(settings.oidc, self._fetcher)
        self._verifier = Verifier(settings.oidc.algorithms, self._directory.keys, self._directory.newer_keys)
        self._trips = Trips(derive(secret, "login trips"), now)
        login = settings.authenticator
        self._names = names
        admins = frozenset(map(names.normalize, login.admin_users))
        self._people = People(
            settings.oidc,
            manage_groups=login.manage_groups,
            is_admin=lambda name: names.normalize(name) in admins,
            hooks=Hooks(),
        )

    @property
    def login_service(self) -> str:
        return self._settings.login_service

    async def authenticate(self, credentials: Credentials) -> Login | None:
        await trio.lowlevel.checkpoint()
        return None

    async def check_new_user(self, name: str) -> None:
        await trio.lowlevel.checkpoint()

    async def begin(self, next_url: str, callback_url: str) -> Redirect:
        provider = await self._directory.provider()
        trip, cookie = self._trips.begin(self._settings.oauth_callback_url or callback_url, next_url)
        return Redirect(way_there(provider, self._settings, trip), cookie)

    async def finish(
        self, callback_url: str, query: Mapping[str, str], state_cookie: str
    ) -> tuple[Login, str]:
        try:
            return await self._finish(query, state_cookie)
        except HubError as error:
            logger.warning("a login at %s came to nothing: %s", self.login_service, error.message)
            raise

    async def _finish(self, query: Mapping[str, str], state_cookie: str) -> tuple[Login, str]:
        trip = self._trips.end(state_cookie, query.get("state", ""))
        provider = await self._directory.provider()
        code = code_of(query, provider)
        tokens = await self._tokens(provider, code_form(code, self._settings, trip))
        id_claims = await self._id_claims(provider, tokens, nonce=trip.nonce)
        claims = merged(id_claims, await self._userinfo(provider, tokens))
        return await self._login(claims, id_claims, tokens), trip.next_url

    async def _tokens(self, provider: Provider, form: Mapping[str, str]) -> Tokens:
        fields, headers = identified(form, self._settings, provider)
        return tokens_of(await self._fetcher.post(provider.token_url, fields, headers))

    async def _id_claims(
        self, provider: Provider, tokens: Tokens, *, nonce: str | None = None, subject: str | None = None
    ) -> Claims:
        """Of the ID token; none for plain OAuth 2.0, where one that may come along is not looked at."""
        if not provider.issuer:
            return {}
        if tokens.id_token is None:
            raise distrusted("there is no ID token in it")
        expected = Expected(
            issuer=provider.issuer,
            client_id=self._settings.client_id,
            nonce=nonce,
            subject=subject,
            leeway=self._settings.clock_leeway,
        )
        return await self._verifier.claims(tokens.id_token, expected, tokens.access_token, self._now())

    def _asks_userinfo(self, provider: Provider) -> bool:
        return bool(provider.userdata_url) and not self._settings.userdata_from_id_token

    async def _userinfo(self, provider: Provider, tokens: Tokens) -> Claims | None:
        if not self._asks_userinfo(provider):
            return None
        reply = await self._fetcher.get(
            provider.userdata_url,
            self._settings.userdata_params,
            {"Authorization": f"Bearer {tokens.access_token}"},
        )
        if reply.status in (401, 403):
            raise distrusted(f"its user information came with status {reply.status}")
        if reply.status != 200:
            raise unreachable(f"the login provider's user information came with status {reply.status}")
        try:
            return msgspec.json.decode(reply.body, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise distrusted("its user information is not a JSON object") from None

    async def _login(self, claims: Claims, id_claims: Claims, tokens: Tokens) -> Login:
        """`auth_state` has the keys that hooks written for oauthenticator look for."""
        auth_state = {
            "access_token": tokens.access_token,
            "refresh_token": tokens.refresh_token,
            "id_token": tokens.id_token,
            "scope": tokens.scope.split() if isinstance(tokens.scope, str) else tokens.scope or [],
            "token_response": msgspec.to_builtins(tokens),
            "oauth_user": claims,
            "id_claims": id_claims,
        }
        return await self._people.login(claims, auth_state)
