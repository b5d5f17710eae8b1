"""Gathers when users, servers and tokens were last seen, and records it now and then: as one event, mostly.

The one thing the hub may forget: a crash loses what was gathered since the last record.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import trio

from core.errors import UnavailableError
from core.events.activity import STREAM, ActivityRecorded
from core.events.file.store import EventStore, Write
from core.events.hub import ClockCorrected
from core.events.record import HUB, Record

MOST = 1000  # moments in an event: starts and stops need not wait long for their turn with the writer
KINDS = ("users", "servers", "tokens")


class Activity:
    def __init__(self, store: EventStore, resolution: float) -> None:
        """`resolution`: seconds between records."""
        self._store = store
        self.resolution = resolution
        self._version: int | None = None
        self._turn = trio.Lock()
        self.users: dict[str, datetime] = {}
        self.servers: dict[str, datetime] = {}
        self.tokens: dict[str, datetime] = {}

    def saw_user(self, user_id: str, at: datetime) -> None:
        self.users[user_id] = max(at, self.users.get(user_id, at))

    def saw_server(self, server_id: str, at: datetime) -> None:
        self.servers[server_id] = max(at, self.servers.get(server_id, at))

    def saw_token(self, token_id: str, at: datetime) -> None:
        self.tokens[token_id] = max(at, self.tokens.get(token_id, at))

    def on_records(self, records: Sequence[Record]) -> None:
        """A listener of the store, for ClockCorrected. What was seen by a clock that was ahead was seen by now."""
        for record in records:
            if isinstance(record.event, ClockCorrected):
                for kind in KINDS:
                    kept = getattr(self, kind)
                    kept.update((key, min(at, record.event.after)) for key, at in kept.items())

    def interval(self) -> float:
        return max(self.resolution, 1.0)

    async def record(self) -> None:
        """Write down what was gathered. While the log cannot be written it is kept and gathered further."""
        async with self._turn:  # the last one, at shutdown, may meet another
            await self._record()

    async def _record(self) -> None:
        for event in list(self._events()):
            try:
                await self._append(event)
            except UnavailableError:
                self._version = None  # it may have been recorded all the same: look again
                return
            self._forget(event)

    def _events(self) -> Iterator[ActivityRecorded]:
        """All that has been gathered by now."""
        moments = [(kind, key, at) for kind in KINDS for key, at in getattr(self, kind).items()]
        for begin in range(0, len(moments), MOST):
            seen: dict[str, dict[str, datetime]] = {kind: {} for kind in KINDS}
            for kind, key, at in moments[begin : begin + MOST]:
                seen[kind][key] = at
            yield ActivityRecorded(**seen)

    async def _append(self, event: ActivityRecorded) -> None:
        if self._version is None:
            self._version = self._store.version(STREAM)
        records = await self._store.append(Write(STREAM, self._version, [event]), by=HUB)
        self._version = records[-1].version

    def _forget(self, event: ActivityRecorded) -> None:
        """What is recorded, unless it has been seen again since."""
        for kind in KINDS:
            kept = getattr(self, kind)
            for key, at in getattr(event, kind).items():
                if kept.get(key) == at:
                    del kept[key]
