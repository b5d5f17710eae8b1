"""How many event streams there may be: each is a connection and some memory for as long as its reader likes."""

from __future__ import annotations

from collections import Counter

from core.errors import ThrottledError

RETRY_AFTER = 30  # seconds


class StreamPlaces:
    """`most_each`: for one principal. `refused`: how many found no place."""

    def __init__(self, most: int, most_each: int) -> None:
        self._most = most
        self._most_each = most_each
        self._taken: Counter[str] = Counter()
        self.taken = 0
        self.refused = 0

    def take(self, principal: str) -> StreamPlace:
        """Raises ThrottledError."""
        if self._taken[principal] >= self._most_each:
            raise self._refusal(
                f"{self._most_each} streams are open with your credentials, and no more may be."
            )
        if self.taken >= self._most:
            raise self._refusal(f"{self._most} streams are open, and this hub has no more.")
        self.taken += 1
        self._taken[principal] += 1
        return StreamPlace(self, principal)

    def leave(self, principal: str) -> None:
        self.taken -= 1
        self._taken[principal] -= 1
        if not self._taken[principal]:
            del self._taken[principal]

    def _refusal(self, message: str) -> ThrottledError:
        self.refused += 1
        return ThrottledError(message, RETRY_AFTER)


class StreamPlace:
    """Held for one stream, and left once."""

    __slots__ = ("_is_left", "_places", "_principal")

    def __init__(self, places: StreamPlaces, principal: str) -> None:
        self._places = places
        self._principal = principal
        self._is_left = False

    def leave(self) -> None:
        if not self._is_left:
            self._is_left = True
            self._places.leave(self._principal)
