"""Encryption of what is secret and must be kept: with the first key, and read with any of them.

Keys and format are JupyterHub's (`c.CryptKeeper.keys`, Fernet tokens of JSON), so that keys may be carried over.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from core.settings import ConfigError

ENVIRONMENT = "JUPYTERHUB_CRYPT_KEY"
KEY_BYTES = 32


class SealError(Exception):
    """What was kept cannot be read: none of the keys fits."""


class CryptKeeper:
    def __init__(self, keys: Sequence[bytes]) -> None:
        """32 bytes each. Without any, nothing can be sealed or opened."""
        fernets = [Fernet(base64.urlsafe_b64encode(key)) for key in keys]
        self._first = fernets[0] if fernets else None
        self._all = MultiFernet(fernets) if fernets else None

    def __bool__(self) -> bool:
        return self._first is not None

    def seal(self, secret: dict[str, Any]) -> bytes:
        assert self._first is not None, "asked only where there is a key"
        return self._first.encrypt(msgspec.json.encode(secret))

    def open(self, sealed: bytes) -> dict[str, Any]:
        """Raises SealError."""
        if self._all is None:
            raise SealError("there is no key")
        try:
            return msgspec.json.decode(self._all.decrypt(sealed), type=dict[str, Any])
        except (InvalidToken, msgspec.DecodeError):
            raise SealError("none of the keys fits") from None

    def is_sealed_with_first(self, sealed: bytes) -> bool:
        if self._first is None:
            return False
        try:
            self._first.decrypt(sealed)
        except InvalidToken:
            return False
        return True


def load_keys(given: Sequence[str], environ: Mapping[str, str]) -> CryptKeeper:
    """With the keys of the configuration, else those of the environment (`;` between them). Raises ConfigError."""
    if given:
        return CryptKeeper([_key(text, "c.CryptKeeper.keys") for text in given])
    texts = map(str.strip, environ.get(ENVIRONMENT, "").split(";"))
    return CryptKeeper([_key(text, ENVIRONMENT) for text in texts if text])


def _key(text: str, source: str) -> bytes:
    """Raises ConfigError, which does not show the key."""
    try:
        if len(text) == 2 * KEY_BYTES:
            return bytes.fromhex(text)
        key = base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except (ValueError, binascii.Error):
        key = b""
    if len(key) != KEY_BYTES:
        raise ConfigError(
            f"{source}: a key is {KEY_BYTES} random bytes in hex or base64: openssl rand -hex {KEY_BYTES}"
        )
    return key
