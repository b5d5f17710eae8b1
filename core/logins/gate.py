"""Slows down who keeps failing to log in, and nobody else.

After a few failures each further attempt under the same name from the same place waits, longer each time. A name is
never locked: from elsewhere its owner comes in at once. Somebody who tries many names from one place waits a little
at each. A place is an IPv4 address or the /64 of an IPv6 address. All of it in bounded memory.

Whoever owes a pause waits in a room of their place, and after it for a turn among those of their place who owed one.
So nobody waits behind them or is refused for their sake: not elsewhere, and not in that place who owes none.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import trio
from msgspec import Struct

from core.errors import ThrottledError
from core.logins.lanes import Lanes
from core.machine.networks import network_of

FREE = 5  # failures of one name from one place that cost nothing
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0  # seconds; doubled with each failure in between
FREE_FROM_PLACE = 100  # failures of any names
PAUSE_FROM_PLACE = 1.0  # seconds, from then on
FORGOTTEN_AFTER = 900.0  # seconds without a failure
REMEMBERED = 10_000  # names from places, and places
WAITING = 1000  # attempts that owe a pause; more than any few places can be
WAITING_OF_PLACE = 50  # of them
WAITING_OF_ONE = 3  # of one name from one place
AT_ONCE = 20  # attempts from one place that are asked about at the same time; the next ones wait for these
AT_ONCE_AFTER_A_PAUSE = 2  # likewise, of those that owed one


class Failures(Struct):
    number: int
    last: float  # by trio's clock


class Attempt(Struct):
    """Somebody tries to log in. Unless they are let in or the attempt is void, they have failed.

    So has who hangs up before the answer: else a wrong password that takes its time would cost nothing.
    """

    is_counted: bool = True
    has_succeeded: bool = False

    def succeeded(self) -> None:
        self.is_counted, self.has_succeeded = False, True

    def void(self) -> None:
        """It says nothing about whoever tried."""
        self.is_counted = False


class LoginGate:
    def __init__(self) -> None:
        self._failures: OrderedDict[str, Failures] = OrderedDict()
        self._under_way: Counter[str] = Counter()
        self._lanes = Lanes(AT_ONCE)
        self._slow_lanes = Lanes(AT_ONCE_AFTER_A_PAUSE, room=WAITING_OF_PLACE)

    @asynccontextmanager
    async def attempt(self, name: str, address: str) -> AsyncIterator[Attempt]:
        """Entered after the pause that is due. Raises ThrottledError where too many wait already."""
        place = network_of(address)
        one, whole = _key(name, place), _key("", place)
        self._under_way[one] += 1
        try:
            async with AsyncExitStack() as turn:
                await self._take_turn(turn, one, whole)
                attempt = Attempt()
                try:
                    yield attempt
                except Exception:
                    attempt.void()
                    raise
                finally:
                    self._judge(attempt, one, whole)
        finally:
            self._under_way[one] -= 1
            if not self._under_way[one]:
                del self._under_way[one]

    async def _take_turn(self, turn: AsyncExitStack, one: str, whole: str) -> None:
        """A place that has failed meanwhile owes a pause when the turn comes, though it owed none before."""
        if not self.pause(one, whole):
            await turn.enter_async_context(self._lanes.turn(whole))
            if not self.pause(one, whole):
                return
            await turn.aclose()
        self._check_room(one, whole)
        seconds = self.pause(one, whole)
        await turn.enter_async_context(self._slow_lanes.turn(whole, after=seconds))

    def _judge(self, attempt: Attempt, one: str, whole: str) -> None:
        if attempt.has_succeeded:
            self._failures.pop(one, None)
        elif attempt.is_counted:
            self._note(one)
            self._note(whole)

    def pause(self, one: str, whole: str) -> float:
        """Seconds. Attempts under way count as failures until they are over: else all could come at once."""
        over = self._number(one) + self._under_way[one] - 1 - FREE
        own = min(FIRST_PAUSE * 2 ** min(over, 10), LONGEST_PAUSE) if over >= 0 else 0.0
        return max(own, PAUSE_FROM_PLACE if self._number(whole) >= FREE_FROM_PLACE else 0.0)

    def _check_room(self, one: str, whole: str) -> None:
        """Asked of who owes a pause: nobody else is ever refused."""
        is_over = self._number(one) + self._under_way[one] - 1 >= FREE
        too_many_of_one = is_over and self._under_way[one] > WAITING_OF_ONE
        if too_many_of_one or self._slow_lanes.is_full(whole) or self._slow_lanes.waiting >= WAITING:
            raise ThrottledError(
                "Too many attempts to log in. Please wait a moment.", math.ceil(LONGEST_PAUSE)
            )

    def _number(self, key: str) -> int:
        known = self._failures.get(key)
        if known is None or trio.current_time() - known.last > FORGOTTEN_AFTER:
            return 0
        return known.number

    def _note(self, key: str) -> None:
        self._failures[key] = Failures(self._number(key) + 1, trio.current_time())
        self._failures.move_to_end(key)
        if len(self._failures) > REMEMBERED:
            self._failures.popitem(last=False)


def _key(name: str, place: str) -> str:
    """Of one length, however long a name somebody sends."""
    return hashlib.sha256(f"{place}\0{name}".encode(errors="replace")).hexdigest()
