"""Progress messages of a spawn on their way to the log: few enough to keep for ever.

A burst of ten is kept as it comes, then two a second; what comes faster is merged into the latest.
"""

from __future__ import annotations

from core.events.server import SpawnProgressed
from core.plugins.spawner import Progress

BURST = 10.0
PER_SECOND = 2.0
SOON = 0.02  # messages wait this long, so that the ones of a quick start join its next event


class Messages:
    """`due`: when those that wait should be recorded at the latest; None if none wait."""

    def __init__(self, now: float) -> None:
        self.due: float | None = None
        self._allowance = BURST
        self._since = now
        self._waiting: list[Progress] = []

    def add(self, message: Progress, now: float) -> None:
        self._refill(now)
        if len(self._waiting) >= max(1, int(self._allowance)):
            self._waiting.pop()
        self._waiting.append(message)
        if self.due is None:
            self.due = now + (SOON if self._allowance >= 1 else (1 - self._allowance) / PER_SECOND)

    def take(self, now: float) -> list[Progress]:
        """Those that wait, to be recorded now."""
        self._refill(now)
        self._allowance = max(0.0, self._allowance - len(self._waiting))
        taken, self._waiting, self.due = self._waiting, [], None
        return taken

    def put_back(self, taken: list[Progress], now: float, pause: float) -> None:
        """They could not be recorded; try again after `pause` seconds."""
        self._refill(now)
        self._allowance = min(BURST, self._allowance + len(taken))
        self._waiting = [*taken, *self._waiting]
        if self._waiting:
            self.due = now + pause

    def _refill(self, now: float) -> None:
        self._allowance = min(BURST, self._allowance + (now - self._since) * PER_SECOND)
        self._since = now


def as_event(spawn_id: str, message: Progress) -> SpawnProgressed:
    extra = message.extra | {"waiting": True} if message.is_waiting else message.extra
    return SpawnProgressed(spawn_id, message.message, message.progress, message.html_message, extra)
