"""How deep JSON goes.

A decoder goes as deep as the stack has room for where it is called: what could be read in one place cannot in another.
So there is a bound, far below any stack's, on all that is kept.
"""

from __future__ import annotations

import re

DEEPEST = 100  # lists and objects in each other, of what anybody sends
DEEPEST_EVENT = 110  # of an event, which has what was sent within it
_TEXTS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_BRACKETS = re.compile(rb"[\[\]{}]")


def is_nested_too_deeply(json: bytes, most: int = DEEPEST) -> bool:
    """Also of what is no JSON something is said, and soon."""
    if json.count(b"[") + json.count(b"{") <= most:
        return False
    depth = 0
    for bracket in _BRACKETS.findall(_TEXTS.sub(b"", json)):
        depth += 1 if bracket in b"[{" else -1
        if depth > most:
            return True
    return False
