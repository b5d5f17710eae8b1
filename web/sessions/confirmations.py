"""What is known about whether logins still stand, and for how long that holds."""

from __future__ import annotations

from typing import NamedTuple

import trio

from core.actors.keyed_lock import KeyedLock

REMEMBERED = 50_000  # users


class Confirmed(NamedTuple):
    stands: bool
    until: float  # by trio's clock


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
        until = trio.current_time() + (self._age if seconds is None else seconds)
        self._known[user_id] = Confirmed(stands, until)

    def about(self, user_id: str) -> bool | None:
        """None: somebody should ask."""
        known = self._known.get(user_id)
        return None if known is None or known.until <= trio.current_time() else known.stands
