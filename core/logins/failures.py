"""Counts failed attempts to log in, and records them now and then as one event.

So nobody who is not known here can make the log grow by more than an event a minute. A crash forgets what was
counted since the last one.
"""

from __future__ import annotations

import logging
from collections import Counter

import trio

from core.errors import UnavailableError
from core.events.access import STREAM, AccessRefused
from core.events.file.store import EventStore, Write
from core.events.record import HUB

PERIOD = 60.0  # seconds between events
COUNTED = 1000  # addresses, and users, that are told apart between two events
NAMED = 20  # of them that an event names
MAX_ADDRESS = 64  # characters
OTHERS = "others"

logger = logging.getLogger("callboard.login")


class Refusals:
    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._turn = trio.Lock()
        self._logins = 0
        self._tokens = 0
        self._addresses: Counter[str] = Counter()
        self._users: Counter[str] = Counter()

    def login(self, address: str, user_id: str = "") -> None:
        """`user_id`: of the user whose name was tried, if there is one."""
        self._logins += 1
        self._from(address)
        if user_id:
            _count(self._users, user_id)

    def token(self, address: str) -> None:
        self._tokens += 1
        self._from(address)

    def _from(self, address: str) -> None:
        _count(self._addresses, address[:MAX_ADDRESS])

    async def record(self) -> None:
        """Write down what was counted. While the log cannot be written it is kept and counted further."""
        async with self._turn:  # the last one, at shutdown, may meet another
            await self._record()

    async def _record(self) -> None:
        if not (self._logins or self._tokens):
            return
        logins, tokens, addresses, users = self._logins, self._tokens, self._addresses, self._users
        self._logins, self._tokens, self._addresses, self._users = 0, 0, Counter(), Counter()
        event = AccessRefused(
            logins, tokens, dict(addresses.most_common(NAMED)), dict(users.most_common(NAMED))
        )
        logger.warning(
            "refused: %d failed logins, %d unknown tokens (from %d addresses)",
            logins,
            tokens,
            len(addresses),
        )
        try:
            await self._store.append(Write(STREAM, self._store.version(STREAM), [event]), by=HUB)
        except UnavailableError as error:
            logger.warning("refused attempts are not recorded yet: %s", error)
            self._logins += logins
            self._tokens += tokens
            for counted, before in ((self._addresses, addresses), (self._users, users)):
                for name, number in before.items():
                    _count(counted, name, number)


def _count(counted: Counter[str], name: str, number: int = 1) -> None:
    counted[name if name in counted or len(counted) < COUNTED else OTHERS] += number
