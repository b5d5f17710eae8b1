"""What is known about whether logins still stand, and for how long that holds."""

from __future__ import annotations

import math
from typing import NamedTuple

import trio

from core.actors.keyed_lock import KeyedLock

REMEMBERED = 50_000  # users


class Confirmed(NamedTuple):
    """`until`, `since`: by trio's clock."""

    stands: bool
    until: float
    since: float


class Confirmations:
    """What is known about logins, in memory: after a restart everybody is asked about once."""

    def __init__(self, age: float) -> None:
        """`age`: seconds for which a confirmed login need not be confirmed again."""
        self._age = age
        self._known: dict[str, Confirmed] = {}
        self.turns = KeyedLock()  # of users who are being asked about

    def note(self, user_id: str, *, stands: bool = True, seconds: float | None = None) -> None:
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        now = trio.current_time()
        self._known[user_id] = Confirmed(stands, now + (self._age if seconds is None else seconds), now)

    def about(self, user_id: str, *, after: float = -math.inf) -> bool | None:
        """None: somebody should ask. `after`: what was known by then does not count."""
        known = self._known.get(user_id)
        if known is None or known.until <= trio.current_time() or known.since <= after:
            return None
        return known.stands
