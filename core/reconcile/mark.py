"""The mark on what a spawner starts: which log, and where in it, knows of it.

So a hub can tell whether its log is the newest. A spawner gets the mark with the attempt, keeps it where its backend
keeps what it knows of the attempt (a file, a label of a container, an annotation of a pod, the comment of a batch job),
and tells it with what runs. It is made of letters, digits, `-`, `_` and `.` alone, a few hundred as a rule: too many
for a label of Kubernetes, but not for an annotation. It holds no secret, and only the hub can make it: it ends in an
HMAC under a key that is derived from the secret file.
"""

from __future__ import annotations

import base64
import binascii
import hmac

import msgspec
from msgspec import Struct

PURPOSE = "mark"  # what its key is derived for


class Mark(Struct, frozen=True):
    """`position`: of the SpawnRequested in the log of that id. The names: those of that moment, see SpawnRequested."""

    log: str
    position: int
    spawn_id: str
    user: str
    server: str


def sealed(mark: Mark, key: bytes) -> str:
    body = base64.urlsafe_b64encode(msgspec.json.encode(mark)).decode().rstrip("=")
    return f"{body}.{_seal(body, key)}"


def opened(text: str, key: bytes) -> Mark | None:
    """None for what was not made with this key."""
    body, _, seal = text.partition(".")
    if not hmac.compare_digest(seal.encode(), _seal(body, key).encode()):
        return None
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)), type=Mark)
    except (binascii.Error, msgspec.DecodeError):
        return None


def _seal(body: str, key: bytes) -> str:
    return hmac.digest(key, body.encode(), "sha256").hex()
