"""What an ID token must say before anybody believes it. Pure: the time comes in.

Source: OpenID Connect Core 1.0, sections 2 and 3.1.3.7; RFC 7519.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import msgspec
from msgspec import Struct

from core.secrets.same_secret import same_secret
from web.authenticators.oidc.refusals import distrusted, quoted

_HASH = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}


class IDToken(Struct, frozen=True):
    """Times are seconds since 1970."""

    iss: str
    sub: str
    aud: str | list[str]
    exp: int | float
    iat: int | float
    nbf: int | float | None = None
    nonce: str | None = None
    azp: str | None = None
    at_hash: str | None = None


class Expected(Struct, frozen=True):
    """`nonce`: None after a refresh, where the provider need not repeat it. `subject`: of the login before."""

    issuer: str
    client_id: str
    nonce: str | None = None
    subject: str | None = None
    leeway: float = 30


def parse_claims(payload: bytes) -> tuple[IDToken, dict[str, Any]]:
    """What is checked, and all that is said. Raises ForbiddenError."""
    try:
        return msgspec.json.decode(payload, type=IDToken), msgspec.json.decode(payload, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise distrusted(f"its ID token is malformed ({error})") from None


def check_claims(token: IDToken, expected: Expected, now: float) -> None:
    """Raises ForbiddenError, worded for the person, at the first thing that is wrong."""
    _check_issuer(token, expected)
    _check_audience(token, expected)
    _check_times(token, expected.leeway, now)
    if not token.sub or len(token.sub) > 255:
        raise distrusted("its ID token does not say who it is about")
    if expected.subject is not None and token.sub != expected.subject:
        raise distrusted("its ID token is about somebody else")
    if expected.nonce is not None and not same_secret(token.nonce or "", expected.nonce):
        raise distrusted("its ID token was not made for this login (nonce)")


def check_access_token(token: IDToken, access_token: str, algorithm: str) -> None:
    """`at_hash`, if there is one, ties the access token to the ID token. Raises ForbiddenError."""
    if token.at_hash is None:
        return
    if not same_secret(token.at_hash, at_hash(access_token, algorithm)):
        raise distrusted("its access token is not the one that the ID token was made for")


def at_hash(access_token: str, algorithm: str) -> str:
    """The left half of the hash that the algorithm uses; SHA-512 for Ed25519."""
    digest = _HASH.get(algorithm[-3:], hashlib.sha512)(access_token.encode()).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()


def _check_issuer(token: IDToken, expected: Expected) -> None:
    if token.iss != expected.issuer:
        raise distrusted(f"its ID token comes from {quoted(token.iss)}, not from {quoted(expected.issuer)}")


def _check_audience(token: IDToken, expected: Expected) -> None:
    audience = [token.aud] if isinstance(token.aud, str) else token.aud
    if expected.client_id not in audience:
        raise distrusted("its ID token is meant for another program than this hub (audience)")
    if len(audience) > 1 and token.azp is None:
        raise distrusted("its ID token is meant for several programs, and does not say for which it was made")
    if token.azp is not None and token.azp != expected.client_id:
        raise distrusted("its ID token was made for another program than this hub (authorized party)")


def _check_times(token: IDToken, leeway: float, now: float) -> None:
    if now >= token.exp + leeway:
        raise distrusted("its ID token has expired; are the clocks right?")
    if token.nbf is not None and now < token.nbf - leeway:
        raise distrusted("its ID token is not valid yet; are the clocks right?")
    if now < token.iat - leeway:
        raise distrusted("its ID token was made in the future; are the clocks right?")
