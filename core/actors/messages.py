"""Progress messages of a spawn on their way to the log: few enough to keep for ever.

A burst of ten is kept as it comes, then two a second; what comes faster is merged into the latest.
"""

from __future__ import annotations

from core.events.server import SpawnProgressed
from core.spawner import Progress

BURST = 10.0
PER_SECOND = 2.0
SOON = 0.02  # messages wait this long, so that the ones of a quick start join its next event


class Messages:
    def __init__(self, now: float) -> None:
        self._allowance = BURST
        self._since = now
        self._waiting: list[Progress] = []
        self._due: float | None = None

    def add(self, message: Progress, now: float) -> None:
        self._refill(now)
        if len(self._waiting) >= max(1, int(self._allowance)):
            self._waiting.pop()
        self._waiting.append(message)
        if self._due is None:
            self._due = now + (SOON if self._allowance >= 1 else (1 - self._allowance) / PER_SECOND)

    @property
    def due(self) -> float | None:
        """When the waiting messages should be recorded at the latest; None if none wait."""
        return self._due

    def take(self, spawn_id: str, now: float) -> list[SpawnProgressed]:
        self._refill(now)
        self._allowance = max(0.0, self._allowance - len(self._waiting))
        waiting, self._waiting, self._due = self._waiting, [], None
        return [SpawnProgressed(spawn_id, m.message, m.progress, m.html_message, m.extra) for m in waiting]

    def _refill(self, now: float) -> None:
        self._allowance = min(BURST, self._allowance + (now - self._since) * PER_SECOND)
        self._since = now
