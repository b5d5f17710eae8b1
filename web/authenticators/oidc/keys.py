"""A provider's public keys, and which of them may have signed a token."""

from __future__ import annotations

import warnings
from typing import Any

import msgspec
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, OKPKey, RSAKey
from msgspec import Struct

from web.authenticators.oidc.refusals import logger, unreachable

MAX_KEYS = 50
MIN_RSA_BITS = 2048

PublicKey = RSAKey | ECKey | OKPKey

# By what an algorithm's name begins with. There is none for HMAC: a public key is not a shared secret.
_KIND: dict[str, type[RSAKey] | type[ECKey] | type[OKPKey]] = {
    "RS": RSAKey,
    "PS": RSAKey,
    "ES": ECKey,
    "Ed": OKPKey,
}
_KINDS: dict[str, type[RSAKey] | type[ECKey] | type[OKPKey]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}


class _KeySet(Struct, frozen=True):
    keys: list[dict[str, Any]]


class Keys:
    def __init__(self, keys: list[PublicKey]) -> None:
        self._keys = keys

    def candidates(self, algorithm: str, key_id: str | None) -> list[PublicKey]:
        """Those of the right kind: the one of this id, or all if the token names none."""
        kind = _KIND.get(algorithm[:2])
        return [
            key
            for key in self._keys
            if kind is not None
            and isinstance(key, kind)
            and key.get("use", "sig") == "sig"
            and key.get("alg", algorithm) == algorithm
            and (key_id is None or key.get("kid") == key_id)
        ]


def parse_keys(document: bytes) -> Keys:
    """Of a JWK set (RFC 7517) the keys that can be used; others are left out. Raises UnavailableError."""
    try:
        found = msgspec.json.decode(document, type=_KeySet).keys[:MAX_KEYS]
    except msgspec.DecodeError as error:
        raise unreachable(f"the login provider's keys make no sense ({error})") from None
    keys = [key for jwk in found if (key := _public_key(jwk)) is not None]
    if not keys:
        raise unreachable("the login provider has no key that can be used")
    return Keys(keys)


def _public_key(jwk: dict[str, Any]) -> PublicKey | None:
    kind = _KINDS.get(str(jwk.get("kty")))
    if kind is None:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SecurityWarning)  # of short keys, which are left out below
            key = kind.import_key({name: value for name, value in jwk.items() if name != "key_ops"})
        if isinstance(key, RSAKey) and key.public_key.key_size < MIN_RSA_BITS:
            logger.warning("a key of the login provider's has only %d bits", key.public_key.key_size)
            return None
    except (JoseError, ValueError, TypeError, KeyError) as error:
        logger.warning("a key of the login provider's cannot be read: %s", type(error).__name__)
        return None
    return key
