"""What is sent to the provider: the browser's way there, and the forms for its token endpoint. Pure.

Source: RFC 6749, RFC 7636 (PKCE), OpenID Connect Core 1.0.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from urllib.parse import quote_plus

import msgspec
from msgspec import Struct
from oauthlib.common import add_params_to_uri

from core.errors import ForbiddenError
from core.settings import OIDCSettings
from web.authenticators.oidc.fetching import Reply
from web.authenticators.oidc.provider import Provider
from web.authenticators.oidc.refusals import distrusted, quoted, unreachable
from web.authenticators.oidc.trips import Trip


class Tokens(Struct, frozen=True):
    """What the token endpoint gives. Secret, all of it."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105 -- a type's name
    refresh_token: str | None = None
    id_token: str | None = None
    scope: str | list[str] | None = None
    expires_in: int | float | str | None = None


class _Refusal(Struct, frozen=True):
    error: str = ""


def way_there(provider: Provider, settings: OIDCSettings, trip: Trip) -> str:
    """The URL at which the browser logs in."""
    scopes = settings.scope
    if provider.issuer and "openid" not in scopes:
        scopes = ["openid", *scopes]
    params = {
        **settings.extra_authorize_params,
        "response_type": "code",
        "client_id": settings.client_id,
        "redirect_uri": trip.callback_url,
        "state": trip.state,
    }
    if scopes:
        params["scope"] = " ".join(scopes)
    if provider.issuer:
        params["nonce"] = trip.nonce
    if settings.enable_pkce:
        params |= {"code_challenge": challenge(trip.verifier), "code_challenge_method": "S256"}
    url: str = add_params_to_uri(provider.authorize_url, list(params.items()))
    return url


def challenge(verifier: str) -> str:
    """S256 of RFC 7636."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def code_of(query: Mapping[str, str], provider: Provider) -> str:
    """The code that the browser brings back. Raises ForbiddenError for anything else it may bring."""
    issuer = query.get("iss")
    if provider.issuer and (issuer is not None or provider.says_issuer) and issuer != provider.issuer:
        raise distrusted("it comes from another provider than the one you were sent to")
    if error := query.get("error"):
        said = query.get("error_description", "")
        raise ForbiddenError(
            _REFUSALS.get(error) or f"The login provider refused: {quoted(said or error, 200)}."
        )
    code = query.get("code", "")
    if not code:
        raise distrusted("it says neither who you are nor why not")
    return code


_REFUSALS = {
    "access_denied": "The login provider did not let you in, or you did not allow it to tell who you are.",
    "temporarily_unavailable": "The login provider cannot be used right now. Please try again in a moment.",
}


def code_form(code: str, settings: OIDCSettings, trip: Trip) -> dict[str, str]:
    form = {
        **settings.token_params,
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": trip.callback_url,
    }
    return {**form, "code_verifier": trip.verifier} if settings.enable_pkce else form


def refresh_form(refresh_token: str) -> dict[str, str]:
    return {"grant_type": "refresh_token", "refresh_token": refresh_token}


def identified(
    form: Mapping[str, str], settings: OIDCSettings, provider: Provider
) -> tuple[dict[str, str], dict[str, str]]:
    """The form and the headers of a request in which the hub says who it is (RFC 6749, section 2.3.1)."""
    if not settings.client_secret:
        return {**form, "client_id": settings.client_id}, {}
    if provider.basic_auth:
        pair = f"{quote_plus(settings.client_id)}:{quote_plus(settings.client_secret)}"
        return dict(form), {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    return {**form, "client_id": settings.client_id, "client_secret": settings.client_secret}, {}


def tokens_of(reply: Reply) -> Tokens:
    """Raises ForbiddenError for a code or refresh token that is no longer good, or for what is no token.

    Any other refusal is about the hub, not about the person: UnavailableError.
    """
    if reply.status != 200:
        error = _error_of(reply.body)
        if error == "invalid_grant":
            raise ForbiddenError(
                "The login provider does not know of this login any more. Please log in again."
            )
        raise unreachable(
            f"the login provider refuses this hub ({quoted(error or f'status {reply.status}')})"
        )
    try:
        tokens = msgspec.json.decode(reply.body, type=Tokens)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise distrusted("there is no token in it") from None
    if tokens.token_type.lower() != "bearer" or not _is_a_token(tokens.access_token):
        raise distrusted("its token is of a kind that is not understood here")
    return tokens


def _error_of(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=_Refusal).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def _is_a_token(text: str) -> bool:
    """What fits into a header (RFC 6750)."""
    return 0 < len(text) <= 16_384 and text.isascii() and text.isprintable() and " " not in text
