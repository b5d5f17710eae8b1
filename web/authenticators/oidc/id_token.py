"""From an ID token, as it comes, to claims that can be believed: the signature first, then what it says."""

from __future__ import annotations

import binascii
import warnings
from collections.abc import Awaitable, Callable, Collection
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError, SecurityWarning
from msgspec import Struct

from web.authenticators.oidc.claims import Expected, check_access_token, check_claims, parse_claims
from web.authenticators.oidc.keys import Keys, PublicKey
from web.authenticators.oidc.refusals import distrusted, quoted

MAX_HEADER = 2048  # bytes: some providers put a certificate's digest there


class Signed(Struct, frozen=True):
    algorithm: str
    payload: bytes


class _Registry(jws.JWSRegistry):
    max_header_length = MAX_HEADER


class Verifier:
    def __init__(
        self,
        algorithms: Collection[str],
        keys: Callable[[], Awaitable[Keys]],
        newer_keys: Callable[[], Awaitable[Keys]],
    ) -> None:
        """`algorithms`: those allowed, of asymmetric ones. `newer_keys`: for a key that has not been seen."""
        self._algorithms = tuple(algorithms)
        self._keys = keys
        self._newer_keys = newer_keys

    async def claims(
        self, id_token: str, expected: Expected, access_token: str, now: float
    ) -> dict[str, Any]:
        """Raises ForbiddenError for a token that proves nothing, UnavailableError where keys cannot be had."""
        signed = await self._signed(id_token)
        token, claims = parse_claims(signed.payload)
        check_claims(token, expected, now)
        check_access_token(token, access_token, signed.algorithm)
        return claims

    async def _signed(self, id_token: str) -> Signed:
        algorithm, key_id = self._read_header(id_token)
        candidates = (await self._keys()).candidates(algorithm, key_id)
        if not candidates:
            candidates = (await self._newer_keys()).candidates(algorithm, key_id)
        if not candidates:
            raise distrusted("its ID token is signed with a key that the provider does not list")
        return verified(id_token, algorithm, candidates)

    def _read_header(self, id_token: str) -> tuple[str, str | None]:
        """The algorithm, which must be allowed, and the key's id. Nothing of it is believed yet."""
        try:
            header = jws.extract_compact(id_token.encode(), registry=_Registry()).headers()
        except (JoseError, ValueError, TypeError, KeyError, binascii.Error):
            raise distrusted("its ID token is malformed") from None
        algorithm, key_id = header.get("alg"), header.get("kid")
        if algorithm not in self._algorithms:
            raise distrusted(f"its ID token is signed with {quoted(algorithm)}, which is not allowed here")
        if "crit" in header or "b64" in header or not isinstance(key_id, str | None):
            raise distrusted("its ID token is of a kind that is not understood here")
        return algorithm, key_id


def verified(id_token: str, algorithm: str, candidates: Collection[PublicKey]) -> Signed:
    """The content, if one of these keys has signed it. Raises ForbiddenError."""
    for key in candidates:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SecurityWarning)  # of "EdDSA", an older name of Ed25519
                content = jws.deserialize_compact(
                    id_token, key, registry=_Registry(algorithms=[algorithm], strict_check_header=False)
                )
        except (JoseError, ValueError, TypeError, KeyError, binascii.Error):
            continue
        if content.payload is not None:
            return Signed(algorithm, content.payload)
    raise distrusted("its ID token's signature is wrong")
