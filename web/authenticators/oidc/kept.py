"""A document of the provider's that is kept for a while, fetched by one task at a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import trio

from core.errors import HubError
from web.authenticators.oidc.refusals import logger

T = TypeVar("T")

KEEP = 3600.0  # seconds after which it is fetched again
RETRY = 10.0  # seconds between two fetches, whatever anybody sends


class Kept(Generic[T]):
    """An old document is better than none: it stays in use while a new one cannot be had."""

    def __init__(self, fetch: Callable[[], Awaitable[T]]) -> None:
        """`fetch` raises HubError when there is nothing to be had."""
        self._fetch = fetch
        self._lock = trio.Lock()
        self._value: T | None = None
        self._fetched = self._asked = float("-inf")
        self._trouble: HubError | None = None

    async def get(self) -> T:
        """Raises the HubError of the last fetch, for `RETRY` seconds without asking again."""
        if self._value is None or self._is_due():
            await self.renew()
        if self._value is None:
            assert self._trouble is not None
            raise type(self._trouble)(self._trouble.message)
        return self._value

    def _is_due(self) -> bool:
        """Old, and nobody else is about to fetch it: one login may wait for that, not all."""
        return trio.current_time() - self._fetched > KEEP and not self._lock.locked()

    async def renew(self) -> None:
        """Fetch it again, unless that was tried a moment ago."""
        async with self._lock:
            if trio.current_time() - self._asked < RETRY:
                return
            try:
                self._value = await self._fetch()
                self._fetched = trio.current_time()
            except HubError as error:
                self._trouble = error
                logger.warning("a document of the login provider could not be had: %s", error.message)
            # Not before, so that who has waited for a slow one does not ask again; not after a cancelled fetch.
            self._asked = trio.current_time()
