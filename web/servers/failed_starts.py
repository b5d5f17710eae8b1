"""Starts that fail one after another: the hub then ends by itself, for whoever watches it to start it afresh.

Source: JupyterHub's `Spawner.consecutive_failure_limit`. Servers and proxy go on without it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from core.events.record import Record
from core.events.server import SpawnFailed, SpawnSucceeded


class FailedStarts:
    """Counts errors since the last success. What was refused (a status below 500) is neither."""

    HEARS = (SpawnSucceeded, SpawnFailed)

    def __init__(self, limit: int, give_up: Callable[[int], None]) -> None:
        self._limit = limit
        self._give_up = give_up
        self._failed = 0

    def on_records(self, records: Sequence[Record]) -> None:
        """A listener of the store, for `HEARS`."""
        for record in records:
            match record.event:
                case SpawnSucceeded():
                    self._failed = 0
                case SpawnFailed(status=status) if status >= 500:
                    self._failed += 1
                    if self._failed == self._limit:
                        self._give_up(self._failed)
