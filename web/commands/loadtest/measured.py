"""What was measured: how long each step of a visit took, and what was refused or went wrong."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil

from msgspec import Struct

REASON = 160  # characters


class Refused(Exception):
    """The hub has said no to what it was asked. `status`: of HTTP; `why`: in its words; `retry_after`: seconds."""

    def __init__(self, status: int, why: str, retry_after: float | None = None) -> None:
        super().__init__(f"{status}: {why}"[:REASON])
        self.status = status
        self.retry_after = retry_after


class Failed(Exception):
    """No answer, or one that nobody hopes for."""


class Step(Struct, frozen=True):
    """Seconds, of those that came to their end; None where none did."""

    name: str
    done: int
    refused: int
    failed: int
    median: float | None
    p95: float | None
    p99: float | None
    longest: float | None


class Measured:
    """Of all people together."""

    def __init__(self) -> None:
        self._seconds: dict[str, list[float]] = {}
        self._refused: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        """How often each was said, with the step in which."""

    @contextmanager
    def step(self, name: str, since: float | None = None) -> Iterator[None]:
        """A step that is over when the block ends; Refused and Failed are counted, and go on to the caller.

        `since`: when it began, by the monotonic clock, if that was earlier.
        """
        begin = time.monotonic() if since is None else since
        self._seconds.setdefault(name, [])
        try:
            yield
        except Refused as refused:
            self._refused[name] += 1
            self.reasons[f"{name}: {refused}"] += 1
            raise
        except Failed as failed:
            self._failed[name] += 1
            self.reasons[f"{name}: {failed}"[:REASON]] += 1
            raise
        self._seconds[name].append(time.monotonic() - begin)

    def steps(self) -> list[Step]:
        """In the order in which they were first taken."""
        return [self._summary(name, sorted(found)) for name, found in self._seconds.items()]

    def _summary(self, name: str, found: list[float]) -> Step:
        shares = (percentile(found, share) for share in (0.5, 0.95, 0.99, 1.0))
        return Step(name, len(found), self._refused[name], self._failed[name], *shares)


def percentile(values: list[float], share: float) -> float | None:
    """The least of `values`, which are sorted, that so large a share of them does not exceed; None of none."""
    return values[max(ceil(share * len(values)), 1) - 1] if values else None
