"""Ids that name what the hub makes: `[a-z][a-z0-9]{25}`, ordered by time.

They serve as they are as a DNS label, a file name or a job name. Time and randomness come from the
caller: only shells make ids, deciding takes them as they come.
"""

from __future__ import annotations

import re
import secrets
import time
from datetime import UTC, datetime
from hashlib import sha256

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_TIME_DIGITS = 10  # of base 36, in milliseconds: lasts until the year 117,000
_RANDOM_DIGITS = 15  # 77 bits
_PATTERN = re.compile(r"[a-z][a-z0-9]{25}")
_REQUEST = re.compile(r"([0-9a-f]{8})[0-9a-f]{12}")


def new_id(kind: str) -> str:
    """A new id. `kind` is its one-letter beginning.

    `s` spawn, `u` user, `v` server, `t` token, `g` group, `h` share, `c` share code,
    `o` OAuth code, `i` hub, `j` job.
    """
    return (
        kind + _digits(int(time.time() * 1000), _TIME_DIGITS) + _digits(secrets.randbits(77), _RANDOM_DIGITS)
    )


def derived_id(kind: str, milliseconds: int, source: str) -> str:
    """An id of the same form that is the same whenever it is asked for. `milliseconds`: since 1970."""
    number = int.from_bytes(sha256(source.encode()).digest()) % 36**_RANDOM_DIGITS
    return kind + _digits(milliseconds, _TIME_DIGITS) + _digits(number, _RANDOM_DIGITS)


def is_id(text: str) -> bool:
    return _PATTERN.fullmatch(text) is not None


def new_request_id() -> str:
    """Of an HTTP request: 20 hexadecimal digits, the first 8 of which are the moment, in seconds since 1970."""
    return f"{int(time.time()):08x}{secrets.token_hex(6)}"


def moment_of_request(request_id: str) -> datetime | None:
    """When the request came, to the second; None for what is no such id."""
    found = _REQUEST.fullmatch(request_id)
    return None if found is None else datetime.fromtimestamp(int(found[1], 16), UTC)


def _digits(number: int, count: int) -> str:
    out = []
    for _ in range(count):
        number, digit = divmod(number, 36)
        out.append(_ALPHABET[digit])
    return "".join(reversed(out))
