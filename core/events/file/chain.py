"""The digest chain: each row's digest covers the row before it, so nothing can be changed behind the hub's back.

The payload enters as its own SHA-256: it could be erased one day and the chain would still verify.
`verify.py` checks the chain, on purpose without a line of this file.
"""

from __future__ import annotations

import functools
from hashlib import sha256

GENESIS = 64 * "0"


@functools.lru_cache(maxsize=4096)  # streams and principals come again and again
def netstring(value: str | int | None) -> str:
    """A column on its way into a digest: how many bytes of UTF-8, and which. None is the empty text."""
    text = "" if value is None else str(value)
    return f"{len(text.encode())}:{text},"


def columns_of(position: int, stream: str, version: int, tag: str, envelope: str) -> str:
    """The netstrings of all columns but payload and digest, in their order; but for the numbers they are made."""
    first, third = str(position), str(version)
    return f"{len(first)}:{first},{stream}{len(third)}:{third},{tag}{envelope}"


def digest_of(previous: str, columns: str, payload: bytes) -> str:
    """SHA-256 over the digest before, the netstrings of the other columns, and the SHA-256 of the payload.

    Digests go in and come out as hexadecimal digits.
    """
    return sha256(f"{previous}{columns}{sha256(payload).hexdigest()}".encode()).hexdigest()
