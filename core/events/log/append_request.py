"""What callers hand to the log: events that are recorded together or not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import trio
from msgspec import Struct

from core.events import Event
from core.events.log.side_tables import SideTableChange
from core.events.log.tables import Tables
from core.events.record import By, Record


class VersionError(Exception):
    """Two tasks write one stream: a bug."""


class Write(NamedTuple):
    """Events for one stream, which is expected to be at `version`."""

    stream: str
    version: int
    events: Sequence[Event]


class Outcome(Struct, frozen=True):
    """What a command that may be repeated answers: an HTTP status and a JSON body (empty: none)."""

    status: int
    body: bytes = b""


class IdempotencyRecord(NamedTuple):
    """An idempotency key, recorded with the command's events. `outcome` reads the new state of affairs."""

    key: str
    digest: str
    outcome: Callable[[Tables], Outcome]


class AppendRequest:
    """What one caller appends: all of it or nothing. It comes back with its records, or with an error."""

    __slots__ = ("by", "changes", "error", "idempotency", "records", "task", "writes")

    def __init__(
        self,
        writes: Sequence[Write],
        by: By,
        idempotency: IdempotencyRecord | None = None,
        changes: Sequence[SideTableChange] = (),
    ) -> None:
        self.writes = writes
        self.by = by
        self.idempotency = idempotency
        self.changes = changes  # that are no events, such as the final answer under a key
        self.task: trio.lowlevel.Task | None = None  # who waits for it
        self.records: list[Record] = []
        self.error: Exception | None = None

    @property
    def is_urgent(self) -> bool:
        """Whether it may use the ballast of a full disk: see urgency.py."""
        return any(event.is_urgent for write in self.writes for event in write.events)
