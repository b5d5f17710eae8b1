"""When each route was last used, gathered in memory."""

import time
from datetime import UTC, datetime


class Activity:
    def __init__(self) -> None:
        self._latest: dict[str, float] = {}

    def note(self, spec: str) -> None:
        self._latest[spec] = time.time()

    def take(self) -> dict[str, float]:
        """What is new since this was asked last, in seconds since 1970."""
        taken, self._latest = self._latest, {}
        return taken

    def put_back(self, taken: dict[str, float]) -> None:
        """What could not be told."""
        self._latest = taken | self._latest

    def last(self, spec: str) -> datetime | None:
        at = self._latest.get(spec)
        return None if at is None else datetime.fromtimestamp(at, UTC)

    def forget(self, spec: str) -> None:
        self._latest.pop(spec, None)
