"""From a request to oauthlib, and from what it decides to the log. oauthlib knows the protocol; it does no I/O."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlencode

from oauthlib.oauth2 import (
    AuthorizationCodeGrant,
    AuthorizationEndpoint,
    BearerToken,
    FatalClientError,
    OAuth2Error,
    TokenEndpoint,
)

from core.actors.hub_entities import Codes, Tokens
from core.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from core.events.file.store import Write
from core.events.record import HUB, By
from core.events.token import TokenIssued, token_stream
from core.events.user import user_stream
from core.naming.ids import new_id
from core.oauth_code import CODE_LIFE, Issue, Redeem
from core.settings import HubSettings
from core.token import Revoke, prefix_of, quick_digest
from projections.oauth import CodeRow
from projections.users import UserRow
from web.oauth.validator import GRANT_TYPE, HERE, RESPONSE_TYPE, Known, NewToken, Validator, absolute
from web.rights.oauth_clients import OAuthClient
from web.rights.oauth_scopes import Consent

MAX_QUERY = 16_384  # characters
MAX_BODY = 65_536  # bytes


class Elsewhere(Exception):
    """The client is told in its own place what is wrong."""

    def __init__(self, location: str) -> None:
        super().__init__(location)
        self.location = location


class AuthorizationRequest(NamedTuple):
    """What a client asks a user for. `granted`: of that, what the user has to give."""

    client: OAuthClient
    consent: Consent
    granted: list[str]


class Answer(NamedTuple):
    """Of the token endpoint. `body`: JSON."""

    status: int
    body: str
    headers: Mapping[str, str]


class Provider:
    """`settings`: as they are now."""

    def __init__(
        self, known: Known, codes: Codes, tokens: Tokens, settings: Callable[[], HubSettings]
    ) -> None:
        self._known = known
        self._codes = codes
        self._tokens = tokens
        self._settings = settings

    # --- authorize ---

    def look(self, query: str, user: UserRow) -> AuthorizationRequest:
        """Raises InvalidError where nobody can be told but the user, and Elsewhere where the client can."""
        validator = self._validator(user)
        try:
            asked, _ = self._authorizing(validator).validate_authorization_request(_uri(query), "GET", "", {})
        except FatalClientError as error:
            raise InvalidError(_worded(error)) from None
        except OAuth2Error as error:
            raise Elsewhere(_here(error.in_uri(error.redirect_uri))) from None
        assert validator.client is not None, "a request that is valid has a client"
        return AuthorizationRequest(validator.client, validator.consent, validator.consent.granted(asked))

    async def agree(
        self, query: str, user: UserRow, scopes: list[str], *, session_id: str | None, by: By
    ) -> str:
        """Where to send the browser: back to the client with a code for these scopes, or with what is wrong."""
        validator = self._validator(user)
        try:
            headers, _, _ = self._authorizing(validator).create_authorization_response(
                _uri(query), "POST", "", {}, scopes, {}
            )
        except FatalClientError as error:
            raise InvalidError(_worded(error)) from None
        new, client = validator.new_code, validator.client
        if new is not None and client is not None:
            command = Issue(
                client.key,
                user.id,
                quick_digest(new.code),
                new.scopes,
                datetime.now(UTC) + timedelta(seconds=CODE_LIFE),
                new.redirect_uri,
                new.challenge,
                new.challenge_method,
                session_id,
            )
            await self._codes.ask(new_id("o"), command, by=by)
        return _here(str(headers["Location"]))

    def _validator(self, user: UserRow | None = None) -> Validator:
        return Validator(self._known, user, requires_pkce=self._settings().oauth_require_pkce)

    def _authorizing(self, validator: Validator) -> AuthorizationEndpoint:
        grant = AuthorizationCodeGrant(validator)
        return AuthorizationEndpoint(RESPONSE_TYPE, BearerToken(validator), {RESPONSE_TYPE: grant})

    # --- token ---

    async def redeem(self, body: str, authorization: str, *, request: str) -> Answer:
        """A code for a token. `request`: the id of the HTTP request."""
        validator = self._validator()
        headers, text, status = self._redeeming(validator).create_token_response(
            f"{HERE}/token", "POST", _with_basic(body, authorization), {"Content-Type": _FORM}
        )
        if validator.reused is not None:
            await self._revoke(validator.reused, request)
        if validator.new_token is not None and not await self._issue(validator.new_token, request):
            return Answer(400, '{"error": "invalid_grant"}', headers)
        return Answer(status, text, headers)

    def _redeeming(self, validator: Validator) -> TokenEndpoint:
        grant = AuthorizationCodeGrant(validator)
        grant.refresh_token = False
        bearer = BearerToken(validator, expires_in=int(token_life(self._settings()).total_seconds()))
        return TokenEndpoint(GRANT_TYPE, bearer, {GRANT_TYPE: grant})

    async def _issue(self, new: NewToken, request: str) -> bool:
        """Code and token in one append. False: the code was used meanwhile, or the user has logged out."""
        now, code, token_id = datetime.now(UTC), new.row, new_id("t")
        issued = TokenIssued(
            user_stream(code.user),
            quick_digest(new.token),
            code.granted(),
            expires_at=now + token_life(self._settings()),
            client=code.client,
            session_id=code.session_id,
            prefix=prefix_of(new.token),
        )
        by = By(user_stream(code.user), code.session_id or "", request)
        try:
            await self._codes.ask(
                code.id, Redeem(token_id, now), by=by, also=[Write(token_stream(token_id), 0, [issued])]
            )
        except (NotFoundError, ForbiddenError, ConflictError):
            return False
        return True

    async def _revoke(self, code: CodeRow, request: str) -> None:
        """Its code was shown a second time: somebody else may have it. Source: RFC 6749, 4.1.2."""
        try:
            revoke = Revoke("Its code was used twice.")
            await self._tokens.ask(code.token, revoke, by=By(HUB.principal, "", request))
        except NotFoundError:
            return  # gone already


_FORM = "application/x-www-form-urlencoded"


def token_life(settings: HubSettings) -> timedelta:
    """For which the tokens of clients are good: as long as people stay logged in, unless it is said otherwise."""
    if settings.oauth_token_expires_in:
        return timedelta(seconds=settings.oauth_token_expires_in)
    return timedelta(days=settings.cookie_max_age_days)


def _uri(query: str) -> str:
    """As oauthlib wants it: the place to return to with a host. Raises InvalidError."""
    if len(query) > MAX_QUERY:
        raise InvalidError("This request is too long.")
    pairs = [
        (name, absolute(value) if name == "redirect_uri" else value)
        for name, value in parse_qsl(query, keep_blank_values=True)
        if name != "_xsrf"
    ]
    return f"{HERE}/authorize?{urlencode(pairs)}"


def _here(location: str) -> str:
    return location.removeprefix(HERE)


def _worded(error: Any) -> str:
    return str(error.description or error.error).rstrip(".") + "."


def _with_basic(body: str, authorization: str) -> str:
    """The body with the client's credentials in it, where they came in the header."""
    kind, _, value = authorization.strip().partition(" ")
    if kind.lower() != "basic":
        return body
    try:
        name, _, secret = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return body
    given = {key for key, _ in parse_qsl(body, keep_blank_values=True)}
    own = {"client_id": unquote(name), "client_secret": unquote(secret)}
    if "client_secret" in given:
        return body
    return "&".join(filter(None, [body, urlencode({key: own[key] for key in own if key not in given})]))
