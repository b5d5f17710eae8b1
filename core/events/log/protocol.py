"""The log, where it is kept elsewhere than in the file that the hub reads.

That file is a copy of the log then, with the tables folded from it and a cursor. What may refuse an append (versions,
claimed names, keys) is looked at in the file's open transaction; next the log takes the batch, and the file commits
last. What lies between the two commits when a hub is killed is caught up with from the cursor.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from core.events.log.side_tables import SideTableChange

Row = tuple[int, str, int, str, str, str, str, str, str, int | None, str]
"""An event as it is stored: position, stream, version, type, payload, at, principal, via, request, cause, digest."""


class Unit(Struct, frozen=True):
    """What one append adds: its events, and its changes that are no events, which come after them."""

    rows: tuple[Row, ...]
    changes: tuple[SideTableChange, ...] = ()


class Batch(Struct, frozen=True):
    """What one commit adds. Numbers begin at 1 and have no gaps."""

    number: int
    units: tuple[Unit, ...]


class LogUnreachableError(Exception):
    """The log could not be asked, or could not write; whether it did is to be read."""


class Log(Protocol):
    """Never changes or loses what it has taken. Called from the writer's thread alone."""

    def append(self, batch: Batch) -> None:
        """Keep all of the batch or nothing; returns once it is safe from a power cut.

        Raises LogLostError, and keeps nothing, where `batch.number` is not the next: another hub writes this log.
        Raises LogUnreachableError, OSError.
        """

    def read(self, after: int, count: int) -> Sequence[Batch]:
        """The next batches, from number `after` + 1 on, `count` at most. To follow is to read on from there.

        Raises LogUnreachableError, OSError.
        """

    def close(self) -> None:
        """Closing what is closed is fine."""
