"""Ids that name what the hub makes: `[a-z][a-z0-9]{25}`, ordered by time.

They serve as they are as a DNS label, a file name or a job name. Time and randomness come from the
caller: only shells make ids, deciding takes them as they come.
"""

from __future__ import annotations

import re
import secrets
import time

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_TIME_DIGITS = 10  # of base 36, in milliseconds: lasts until the year 117,000
_RANDOM_DIGITS = 15  # 77 bits
_PATTERN = re.compile(r"[a-z][a-z0-9]{25}")


def new_id(kind: str) -> str:
    """A new id. `kind` is its one-letter beginning.

    `s` spawn, `u` user, `v` server, `t` token, `g` group, `h` share, `c` share code,
    `o` OAuth code, `i` hub, `j` job.
    """
    return (
        kind + _digits(int(time.time() * 1000), _TIME_DIGITS) + _digits(secrets.randbits(77), _RANDOM_DIGITS)
    )


def is_id(text: str) -> bool:
    return _PATTERN.fullmatch(text) is not None


def _digits(number: int, count: int) -> str:
    out = []
    for _ in range(count):
        number, digit = divmod(number, 36)
        out.append(_ALPHABET[digit])
    return "".join(reversed(out))
