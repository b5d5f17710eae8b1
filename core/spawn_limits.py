"""May one more server start? Counts the servers that start and those that are active, hub-wide."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

from core.errors import ThrottledError
from core.server import Server, Spawning, Stopped


class SpawnLimits:
    """`concurrent`, `active`: 0 for no limit."""

    def __init__(self, concurrent: int, active: int) -> None:
        self.configure(concurrent, active)
        self._asking = 0  # let in, but not yet spawning
        self.spawning = 0
        self.active = 0

    def configure(self, concurrent: int, active: int) -> None:
        self._concurrent = concurrent
        self._active_limit = active

    def moved(self, before: Server, after: Server) -> None:
        """A server went from one phase to another."""
        self.spawning += isinstance(after, Spawning) - isinstance(before, Spawning)
        self.active += isinstance(before, Stopped) - isinstance(after, Stopped)

    @contextmanager
    def admit(self, server: Server, retry_after: int) -> Iterator[None]:
        """Hold a place while a start of `server` is asked for. Raises ThrottledError where there is none.

        `retry_after`: what to tell those turned away by the limit on concurrent starts, in seconds.
        """
        if not isinstance(server, Stopped):
            yield  # it has its place, or will be refused for another reason
            return
        if self._concurrent and self.spawning + self._asking >= self._concurrent:
            raise ThrottledError(
                "Too many servers are starting at the moment. "
                f"Please try again in about {_in_words(retry_after)}.",
                retry_after,
            )
        if self._active_limit and self.active + self._asking >= self._active_limit:
            raise ThrottledError("The limit of active servers is reached. Please try again in a few minutes.")
        self._asking += 1
        try:
            yield
        finally:
            self._asking -= 1


def _in_words(seconds: int) -> str:
    """Rounded up: to tens of seconds, to minutes above 90. Source: JupyterHub's wording for people."""
    if seconds > 90:
        return f"{math.ceil(seconds / 60)} minutes"
    return f"{math.ceil(seconds / 10) * 10} seconds"
