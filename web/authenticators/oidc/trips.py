"""The state of a login under way at a provider: a cookie that nobody can read, change or use twice."""

from __future__ import annotations

import binascii
import secrets
from collections.abc import Callable

import msgspec
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from msgspec import Struct

from core.errors import ForbiddenError
from core.secrets.same_secret import same_secret

LIFE = 600  # seconds a login may take at the provider
MAX_URL = 800  # bytes: a cookie has room for little more
MAX_USED = 100_000  # trips that are remembered as ended

_HEADER = {"alg": "dir", "enc": "A256GCM"}


class Trip(Struct, frozen=True):
    """`state` comes back in the URL, `nonce` in the ID token; `verifier` (PKCE) goes to the provider in the end."""

    state: str
    nonce: str
    verifier: str
    callback_url: str
    next_url: str
    ends: float


class Trips:
    def __init__(self, secret: bytes, now: Callable[[], float]) -> None:
        """`secret`: 32 bytes. `now`: seconds since 1970."""
        self._key = OctKey.import_key(secret)
        self._now = now
        self._used: dict[str, float] = {}  # state: when it would have ended; the oldest first

    def begin(self, callback_url: str, next_url: str) -> tuple[Trip, str]:
        """The trip, and the cookie to take along. Too long a `next_url` is forgotten."""
        trip = Trip(
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48),
            callback_url=callback_url,
            next_url=next_url if len(next_url.encode()) <= MAX_URL else "",
            ends=self._now() + LIFE,
        )
        return trip, jwe.encrypt_compact(_HEADER, msgspec.json.encode(trip), self._key)

    def end(self, cookie: str, state: str) -> Trip:
        """The trip this browser has begun, once. Raises ForbiddenError."""
        if not cookie:
            raise ForbiddenError(
                "This browser has not begun a login here, or it took too long. Please log in again."
            )
        trip = self._open(cookie)
        if not same_secret(trip.state, state):
            raise ForbiddenError(
                "This is the answer to another login than this browser's. Please log in again."
            )
        if self._now() >= trip.ends:
            raise ForbiddenError("The login took too long. Please log in again.")
        if trip.state in self._used:
            raise ForbiddenError("This login has been used already. Please log in again.")
        self._remember(trip)
        return trip

    def _open(self, cookie: str) -> Trip:
        try:
            content = jwe.decrypt_compact(cookie, self._key, algorithms=list(_HEADER.values())).plaintext
            return msgspec.json.decode(content or b"", type=Trip)
        except (JoseError, ValueError, TypeError, KeyError, binascii.Error):
            raise ForbiddenError("This login was not begun here. Please log in again.") from None

    def _remember(self, trip: Trip) -> None:
        now = self._now()
        while self._used:
            oldest = next(iter(self._used))
            if self._used[oldest] > now and len(self._used) < MAX_USED:
                break
            del self._used[oldest]
        self._used[trip.state] = trip.ends
