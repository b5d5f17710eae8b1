"""Who waits for a turn to start, and in which order turns come. Pure: a function of positions in the log.

Round-robin among users, first come first served within one: whoever asks for fifty servers at once waits for
the fiftieth, and keeps nobody else from their first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

RECENT = 20  # starts that the estimate looks back on


class SpawnQueue:
    """Each round gives every user who waits one turn. In it the users come in the order of what they had last.

    That is the position of their last turn, if they have waited ever since, else of their oldest wish. So the
    order is in the log, and a hub that restarts goes on where the last one was.
    """

    def __init__(self) -> None:
        self._by_user: dict[
            str, dict[str, int]
        ] = {}  # the servers that wait, and the positions of the wishes
        self._last_turns: dict[str, int] = {}  # of users who wait
        self._user_of: dict[str, str] = {}
        self._order: list[str] | None = None
        self._places: dict[str, int] | None = None
        self._durations: deque[float] = deque(maxlen=RECENT)

    def __len__(self) -> int:
        return len(self._user_of)

    def __contains__(self, server: object) -> bool:
        return server in self._user_of

    def add(self, server: str, user: str, position: int) -> None:
        """`position`: of the event that asked, in the log."""
        self._by_user.setdefault(user, {})[server] = position
        self._user_of[server] = user
        self._forget_order()

    def had_turn(self, user: str, position: int) -> None:
        """`position`: of the event that gave a server of this user its turn; it matters while others of theirs wait."""
        if user in self._by_user:
            self._last_turns[user] = position
            self._forget_order()

    def remove(self, server: str, turn: int | None = None) -> None:
        """It wants its turn no more, or has got it, by the event at position `turn`."""
        user = self._user_of.pop(server, None)
        if user is None:
            return
        del self._by_user[user][server]
        if turn is not None:
            self._last_turns[user] = turn
        if not self._by_user[user]:
            del self._by_user[user]
            self._last_turns.pop(user, None)
        self._forget_order()

    def order(self) -> list[str]:
        """All that wait, as their turns would come if nobody else asked."""
        if self._order is None:
            self._order = list(self._rounds())
        return self._order

    def _rounds(self) -> Iterator[str]:
        users = sorted(self._by_user, key=self._last_had)
        rows = [sorted(self._by_user[user], key=self._by_user[user].__getitem__) for user in users]
        turn = 0
        while rows:
            yield from (row[turn] for row in rows)
            turn += 1
            rows = [row for row in rows if turn < len(row)]

    def _last_had(self, user: str) -> int:
        return max(self._last_turns.get(user, 0), min(self._by_user[user].values()))

    def place(self, server: str) -> int | None:
        """1 for the next one; None for one that does not wait."""
        if self._places is None:
            self._places = {waiting: place for place, waiting in enumerate(self.order(), start=1)}
        return self._places.get(server)

    def _forget_order(self) -> None:
        self._order = self._places = None

    # --- how long it takes ---

    def started_in(self, seconds: float) -> None:
        """How long a start took, from its turn to its end."""
        self._durations.append(seconds)

    def estimate(self, place: int, at_once: int) -> float | None:
        """Seconds until that place has its turn, with so many starting at once; None while nobody can tell."""
        if not self._durations:
            return None
        usual = sum(self._durations) / len(self._durations)
        return usual * -(-place // max(1, at_once))
