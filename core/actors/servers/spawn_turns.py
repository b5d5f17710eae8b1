"""Calls servers that wait to start, as room comes up: those whose work is there to be called."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

import trio

from core.events.record import Record
from core.queue.spawn_limits import SpawnLimits
from core.server import Server

GATHERING = 2.0  # seconds a new hub gives the servers that wait to be there


class SpawnTurns:
    """A server that was called holds its place until the log has it starting, or its work is gone.

    A server whose actor is away (dead of a bug, say) keeps its place in the queue; the next one is called instead.
    """

    def __init__(self, limits: SpawnLimits) -> None:
        self._limits = limits
        self._present: dict[str, trio.Event] = {}
        self._called: set[str] = set()
        self._are_all_there = trio.Event()
        self.is_open = not limits.queue

    async def open(self) -> None:
        """Call nobody before those whom the last hub left waiting are there, for then it would be out of turn."""
        if not self.is_open:
            with trio.move_on_after(GATHERING):
                await self._are_all_there.wait()
            self.is_open = True
            self.call()

    @asynccontextmanager
    async def wait_turn(self, server_id: str, timeout: float) -> AsyncIterator[bool]:
        """Wait for the turn of a server that is queued, and hold it in the body. False: it did not come in time."""
        call = self._present[server_id] = trio.Event()
        self._called.discard(server_id)
        if not self.is_open and all(server in self._present for server in self._limits.queue.order()):
            self._are_all_there.set()
        try:
            self.call()
            with trio.move_on_after(timeout):
                await call.wait()
            yield call.is_set()
        finally:
            if self._present.get(server_id) is call:
                del self._present[server_id]
                self._called.discard(server_id)
                self.call()

    @contextmanager
    def acquire_slot(self, server: Server, retry_after: int, profile: str = "") -> Iterator[bool]:
        """As SpawnLimits.acquire_slot; a place that is given back goes to whoever waits."""
        try:
            with self._limits.acquire_slot(server, retry_after, profile) as waits:
                yield waits
        finally:
            self.call()

    def waits_in_engine(self, server_id: str, waits: bool) -> None:
        """As of SpawnLimits; the room that one leaves goes to whoever waits here."""
        self._limits.waits_in_engine(server_id, waits)
        self.call()

    def on_records(self, records: Sequence[Record]) -> None:
        """A listener of the store, after the limits and for what they hear."""
        self.call()

    def call(self) -> None:
        """Whoever's turn it is."""
        queue = self._limits.queue
        if not self.is_open:
            return
        if not queue:
            self._called.clear()
            return
        self._called = {server for server in self._called if server in queue}
        room = self._limits.room - len(self._called)
        for server in queue.order() if room > 0 else ():
            if server in self._present and server not in self._called and self._has_room(server):
                self._called.add(server)
                self._present[server].set()
                room -= 1
            if room <= 0:
                return

    def _has_room(self, server: str) -> bool:
        """In its own profile: one that is full holds up none but its own."""
        profile = self._limits.profile_of(server)
        called = sum(1 for one in self._called if self._limits.profile_of(one) == profile)
        return self._limits.room_for(profile) > called
