"""A log that fails where told to, before or after it has taken a batch."""

from __future__ import annotations

from collections.abc import Sequence

from core.events.log.protocol import Batch, Log


class PowerCut(BaseException):
    """The hub ends here, as if it had been killed."""


class FailingLog:
    """`before`, `after`: what the next append raises, with nothing kept or with all of it. `on_read`: every read."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self.before: BaseException | None = None
        self.after: BaseException | None = None
        self.on_read: BaseException | None = None

    def append(self, batch: Batch) -> None:
        before, after = self.before, self.after
        self.before = self.after = None
        if before is not None:
            raise before
        self._log.append(batch)
        if after is not None:
            raise after

    def read(self, after: int, count: int) -> Sequence[Batch]:
        if self.on_read is not None:
            raise self.on_read
        return self._log.read(after, count)

    def close(self) -> None:
        self._log.close()
