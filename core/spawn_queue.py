"""Who waits for a turn to start, and in which order turns come. Pure.

Round-robin among users, first come first served within one: whoever asks for fifty servers at once waits for
the fiftieth, and keeps nobody else from their first.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator

RECENT = 20  # starts that the estimate looks back on


class SpawnQueue:
    def __init__(self) -> None:
        self._by_user: OrderedDict[str, OrderedDict[str, int]] = OrderedDict()  # in the order of their turns
        self._user_of: dict[str, str] = {}
        self._places: dict[str, int] | None = None
        self._durations: deque[float] = deque(maxlen=RECENT)

    def __len__(self) -> int:
        return len(self._user_of)

    def __contains__(self, server: object) -> bool:
        return server in self._user_of

    def add(self, server: str, user: str, position: int) -> None:
        """`position`: of the event that asked, in the log. They need not come in order after a restart."""
        waiting = self._by_user.setdefault(user, OrderedDict())
        waiting[server] = position
        self._by_user[user] = OrderedDict(sorted(waiting.items(), key=lambda item: item[1]))
        self._user_of[server] = user
        self._places = None

    def remove(self, server: str) -> None:
        """It has got its turn, or wants it no more."""
        user = self._user_of.pop(server, None)
        if user is None:
            return
        del self._by_user[user][server]
        if not self._by_user[user]:
            del self._by_user[user]
        self._places = None

    def settle(self) -> None:
        """After a restart, when all are there: users get their turns in the order of their oldest wish."""
        oldest = sorted(self._by_user.items(), key=lambda item: min(item[1].values()))
        self._by_user = OrderedDict(oldest)
        self._places = None

    def take(self) -> str | None:
        """The server whose turn it is; its user's next turn comes after everybody else's."""
        if not self._by_user:
            return None
        user, waiting = next(iter(self._by_user.items()))
        server = next(iter(waiting))
        self.remove(server)
        if user in self._by_user:
            self._by_user.move_to_end(user)
        return server

    def order(self) -> Iterator[str]:
        """All that wait, as their turns would come if nobody else asked."""
        rows = [list(waiting) for waiting in self._by_user.values()]
        for turn in range(max(map(len, rows), default=0)):
            for row in rows:
                if turn < len(row):
                    yield row[turn]

    def place(self, server: str) -> int | None:
        """1 for the next one; None for one that does not wait."""
        if self._places is None:
            self._places = {waiting: place for place, waiting in enumerate(self.order(), start=1)}
        return self._places.get(server)

    def started_in(self, seconds: float) -> None:
        """How long a start took, from its turn to its end."""
        self._durations.append(seconds)

    def estimate(self, place: int, at_once: int) -> float | None:
        """Seconds until that place has its turn, with so many starting at once; None while nobody can tell."""
        if not self._durations:
            return None
        usual = sum(self._durations) / len(self._durations)
        return usual * -(-place // max(1, at_once))
