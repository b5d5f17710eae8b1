"""Comparing secrets."""

from __future__ import annotations

import hmac


def same_secret(given: str, expected: str) -> bool:
    """Whether two secrets are equal, in a time that does not tell how far they are. Any text may be given."""
    return hmac.compare_digest(
        given.encode("utf-8", "surrogatepass"), expected.encode("utf-8", "surrogatepass")
    )
