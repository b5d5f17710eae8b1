"""Proof that a request a browser sends with its cookies was meant by the hub's own pages. Pure.

A browser adds the cookie to whatever request any page makes it send. So what may change something has to come with a
token as well, which only a page of the hub could read. The token belongs to one session and is worth nothing in
another: a cookie that some other page has planted proves nothing.
Source of the rules: JupyterHub 6.1.1; stricter where a GET acts (CVE-2026-40864).
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Collection
from typing import assert_never
from urllib.parse import urlsplit

from msgspec import Struct

from core.secrets.same_secret import same_secret
from web.sessions.proofs import Proof

ANONYMOUS_LIFE = 3600  # seconds: of the token in a login form

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
PAGE_VIEWS = frozenset({"", "navigate"})  # values of Sec-Fetch-Mode; old browsers and programs send none
WINDOWS = frozenset({"", "document"})  # values of Sec-Fetch-Dest: what fills a window ...
FRAMES = WINDOWS | {"frame", "iframe"}  # ... or a part of one


class Fetch(Struct, frozen=True):
    """What a browser says about how a request came to be; `""` for what it does not say."""

    method: str
    mode: str = ""
    site: str = ""
    dest: str = ""
    origin: str = ""


def needs_token(fetch: Fetch, proof: Proof = Proof.READS) -> bool:
    """`proof`: what the route demands where it is asked by GET."""
    if fetch.method not in SAFE_METHODS:
        return True
    goes_there = fetch.mode in PAGE_VIEWS
    match proof:
        case Proof.NONE:
            return False
        case Proof.VISIT:
            return not (goes_there and fetch.dest in WINDOWS)
        case Proof.VISIT_OR_FRAME:
            return not (goes_there and fetch.dest in FRAMES)
        case Proof.READS:
            is_own_image = fetch.mode == "no-cors" and fetch.site == "same-origin"
            return not (goes_there or fetch.mode == "websocket" or is_own_image)
        case _:
            assert_never(proof)


def is_foreign(fetch: Fetch, own: Collection[str]) -> bool:
    """Whether another site's page sent this, which no token excuses. `own`: the hosts of the hub, in lower case.

    Over plain HTTP browsers do not name the site, but they do name the origin.
    """
    if fetch.method in SAFE_METHODS:
        return False
    if fetch.site:
        return fetch.site == "cross-site"
    return bool(fetch.origin) and _host(fetch.origin) not in own


def _host(origin: str) -> str:
    try:
        return urlsplit(origin).hostname or ""
    except ValueError:
        return ""


class XsrfTokens:
    def __init__(self, key: bytes) -> None:
        self._key = key

    def of_session(self, session_id: str) -> str:
        return self._sign(f"session\0{session_id}")

    def anonymous(self, visitor: str, now: float, nonce: str) -> str:
        """For the login form. `visitor`: what little tells browsers apart before anybody has logged in.

        `nonce`: tells apart those that even come from one address; random, without a dot.
        """
        start = f"{int(now):x}.{nonce}"
        return f"{start}.{self._sign(f'anonymous{chr(0)}{start}{chr(0)}{visitor}')}"

    def is_anonymous(self, token: str, visitor: str, now: float) -> bool:
        at, _, rest = token.partition(".")
        nonce, dot, _ = rest.partition(".")
        try:
            age = now - int(at, 16)
        except ValueError:
            return False
        if not dot or not -1 <= age <= ANONYMOUS_LIFE:
            return False
        return same_secret(token, self.anonymous(visitor, int(at, 16), nonce))

    def _sign(self, text: str) -> str:
        digest = hmac.digest(self._key, text.encode("utf-8", "surrogatepass"), "sha256")
        return urlsafe_b64encode(digest).decode().rstrip("=")
