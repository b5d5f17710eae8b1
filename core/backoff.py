"""How long to wait before something that failed is tried again: longer and longer, and in step with nobody."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import count

from msgspec import Struct

JITTER = 0.5  # the most that chance takes from a delay; what it takes is its share of that
_ENOUGH = 100  # failures in a row after which a delay has long stopped growing


class Backoff(Struct, frozen=True):
    """`first`, `longest`: seconds. Each delay is `growth` times the last, less what chance takes from it.

    So whoever failed at the same moment does not come back at the same moment, and nobody waits longer than `longest`.
    """

    first: float
    longest: float
    growth: float = 2.0

    def after(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row: 1 or more."""
        return self.most(failures) * (1 - JITTER * random.random())  # noqa: S311 -- no secret

    def most(self, failures: int) -> float:
        """The same if chance takes nothing."""
        return min(self.first * self.growth ** min(failures - 1, _ENOUGH), self.longest)

    def delays(self) -> Iterator[float]:
        """What to wait after the first failure of a row, the second, and so on for ever."""
        return map(self.after, count(1))
