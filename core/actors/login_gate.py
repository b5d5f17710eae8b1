"""Slows down who keeps failing to log in, and nobody else.

After a few failures each further attempt under the same name from the same address waits, longer each time. A
name is never locked: from elsewhere its owner comes in at once. Somebody who tries many names from one address
waits a little at each. All of it in bounded memory, and with a bounded number of people waiting.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio
from msgspec import Struct

from core.errors import ThrottledError

FREE = 5  # failures of one name from one address that cost nothing
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0  # seconds; doubled with each failure in between
FREE_FROM_ADDRESS = 100  # failures of any names
PAUSE_FROM_ADDRESS = 1.0  # seconds, from then on
FORGOTTEN_AFTER = 900.0  # seconds without a failure
REMEMBERED = 10_000  # names from addresses, and addresses
WAITING = 500  # attempts
WAITING_OF_ONE = 3  # of one name from one address


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
        self._waiting = 0

    @asynccontextmanager
    async def attempt(self, name: str, address: str) -> AsyncIterator[Attempt]:
        """Entered after the pause that is due. Raises ThrottledError where too many wait already."""
        one, whole = _key(name, address), _key("", address)
        self._check_room(one)
        self._under_way[one] += 1
        try:
            await self._pause(self.pause(one, whole))
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
        return max(own, PAUSE_FROM_ADDRESS if self._number(whole) >= FREE_FROM_ADDRESS else 0.0)

    def _check_room(self, one: str) -> None:
        over = self._number(one) + self._under_way[one] - FREE
        if self._waiting >= WAITING or (over >= 0 and self._under_way[one] >= WAITING_OF_ONE):
            raise ThrottledError(
                "Too many attempts to log in. Please wait a moment.", math.ceil(LONGEST_PAUSE)
            )

    async def _pause(self, seconds: float) -> None:
        if not seconds:
            return
        self._waiting += 1
        try:
            await trio.sleep(seconds)
        finally:
            self._waiting -= 1

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


def _key(name: str, address: str) -> str:
    """Of one length, however long a name somebody sends."""
    return hashlib.sha256(f"{address}\0{name}".encode(errors="replace")).hexdigest()
