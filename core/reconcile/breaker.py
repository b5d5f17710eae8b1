"""Whether an engine answers, by what has come of asking it. Time comes in with each answer and failure. Pure."""

from __future__ import annotations

from datetime import datetime

PATIENCE = 5.0  # seconds of failures in a row after which an engine counts as silent


class Breaker:
    """Opens once an engine has failed to tell what runs in it for PATIENCE seconds, and closes with its next answer.

    That an attempt cannot be asked after opens nothing: its node may be lost, and the engine well. `since`: when it
    was last heard of, while it is open.
    """

    def __init__(self, silent_since: datetime | None = None) -> None:
        """`silent_since`: as the last hub has left it."""
        self.since = silent_since
        self._heard_at: datetime | None = None
        self._failing_from: float | None = None

    @property
    def is_open(self) -> bool:
        return self.since is not None

    def answered(self, at: datetime) -> None:
        self._heard_at, self._failing_from, self.since = at, None, None

    def failed(self, now: float, at: datetime) -> None:
        """`now`: by a clock that nobody sets. `at`: for people."""
        if self._failing_from is None:
            self._failing_from = now
            self._heard_at = self._heard_at or at
        if self.since is None and now - self._failing_from >= PATIENCE:
            self.since = self._heard_at
