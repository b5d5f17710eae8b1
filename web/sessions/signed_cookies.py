"""Login cookies that another hub has signed, from which its users were moved in.

Such a cookie names its owner by what that hub knew them by, and is worth nothing without its signature, which is made
with the secret file. It is read here and never made.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from datetime import datetime, timedelta
from hashlib import sha256

LONGEST = 1000  # characters
_BEGIN = "2|1:0|"


def owner_digest(cookie_id: str) -> str:
    """What is recorded of the owner's name in cookies. No digest of a session's secret looks like it."""
    return f"signed:{sha256(cookie_id.encode()).hexdigest()}"


def owner_of(cookie: str, name: str, secret: bytes, life: timedelta, now: datetime) -> str | None:
    """What the owner was known by, if the cookie of this name was signed with this secret no longer ago than `life`.

    Source of the format: tornado, signed values of version 2 (`2|1:0|10:TIME|LENGTH:NAME|LENGTH:VALUE|SIGNATURE`).
    """
    if not cookie.startswith(_BEGIN) or len(cookie) > LONGEST:
        return None
    signed, _, signature = cookie.rpartition("|")
    expected = hmac.digest(secret, f"{signed}|".encode(), "sha256").hex()
    if not hmac.compare_digest(expected.encode(), signature.encode()):
        return None
    at, called, value = map(_field, signed.removeprefix(_BEGIN).split("|", 2))
    if called != name or not at.isdecimal() or now.timestamp() - int(at) >= life.total_seconds():
        return None
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def _field(text: str) -> str:
    """What is behind `LENGTH:`."""
    return text.partition(":")[2]
