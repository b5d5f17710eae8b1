"""Whether an older login is still good: asked of the provider with the tokens that were kept of it."""

from __future__ import annotations

from typing import Any

import msgspec

from core.errors import ForbiddenError, InvalidError
from core.plugins.authenticator import Login
from web.authenticators.oidc.authenticator import OIDCAuthenticator
from web.authenticators.oidc.people import Claims, merged
from web.authenticators.oidc.provider import Provider
from web.authenticators.oidc.refusals import logger, unreachable
from web.authenticators.oidc.requests import Tokens, refresh_form


class RefreshingOIDCAuthenticator(OIDCAuthenticator):
    """A RefreshingAuthenticator besides: where `enable_auth_state` has tokens kept."""

    async def refresh(self, name: str, auth_state: dict[str, Any] | None) -> Login | None:
        """With the refresh token if there is one, else by asking with the access token whether it is still good."""
        known = auth_state or {}
        provider = await self._directory.provider()
        try:
            if known.get("refresh_token"):
                login = await self._refreshed(provider, known, known["refresh_token"])
            elif known.get("access_token") and self._asks_userinfo(provider):
                login = await self._asked_again(provider, known)
            else:
                raise unreachable("there is nothing to ask the login provider with")
        except ForbiddenError as error:
            logger.warning("the login of %s at %s has ended: %s", name, self.login_service, error.message)
            return None
        return login if self._is_called(login, name) else None

    async def _refreshed(self, provider: Provider, known: dict[str, Any], refresh_token: str) -> Login:
        tokens = await self._tokens(provider, refresh_form(refresh_token))
        if tokens.refresh_token is None:
            tokens = msgspec.structs.replace(tokens, refresh_token=refresh_token)
        before: Claims = known.get("id_claims") or {}
        if tokens.id_token is None:
            id_claims = before
            tokens = msgspec.structs.replace(tokens, id_token=known.get("id_token"))
        else:
            id_claims = await self._id_claims(provider, tokens, subject=before.get("sub"))
        claims = merged(id_claims, await self._userinfo(provider, tokens))
        return await self._login(claims, id_claims, tokens)

    async def _asked_again(self, provider: Provider, known: dict[str, Any]) -> Login:
        tokens = Tokens(known["access_token"], id_token=known.get("id_token"), scope=known.get("scope"))
        id_claims: Claims = known.get("id_claims") or {}
        claims = merged(id_claims, await self._userinfo(provider, tokens))
        return await self._login(claims, id_claims, tokens)

    def _is_called(self, login: Login, name: str) -> bool:
        try:
            same = self._names.stored(login.name) == name
        except InvalidError:
            same = False
        if not same:
            logger.warning("the login of %s is now another person's name: they must log in again", name)
        return same
