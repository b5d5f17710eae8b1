"""The digest chain: each row's digest covers the row before it, so nothing can be changed behind the hub's back.

The payload enters as its own SHA-256: it could be erased one day and the chain would still verify.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

GENESIS = bytes(32)


class Row(NamedTuple):
    """An event as it is stored, in the order of the columns of table `events`."""

    position: int
    stream: str
    version: int
    type: str
    payload: bytes
    at: str
    principal: str
    via: str
    request: str
    cause: int | None
    digest: bytes


COLUMNS = ", ".join(Row._fields)


def digest_of(
    previous: bytes,
    position: int,
    stream: str,
    version: int,
    tag: str,
    payload: bytes,
    at: str,
    principal: str,
    via: str,
    request: str,
    cause: int | None,
) -> bytes:
    """SHA-256 over the digest before, every column as a netstring, and the SHA-256 of the payload."""
    text = (stream, str(version), tag, at, principal, via, request, "" if cause is None else str(cause))
    columns = b"".join([b"%d:%b," % (len(raw), raw) for raw in map(str.encode, text)])
    whole = b"%b%d,%b%b" % (previous, position, columns, hashlib.sha256(payload).digest())
    return hashlib.sha256(whole).digest()


def is_link(previous: bytes, row: Row) -> bool:
    """Whether `row` follows, unchanged, the row whose digest is `previous`."""
    return digest_of(previous, *row[:-1]) == row.digest
