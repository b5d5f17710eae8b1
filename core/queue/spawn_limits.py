"""Whether one more server may start, has to wait, or is refused. Knows what the log says of all servers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from msgspec import Struct

from core.errors import ThrottledError
from core.events.hub import ClockCorrected, shift
from core.events.record import Record
from core.events.server import (
    ServerDied,
    ServerLost,
    ServerStopped,
    SpawnAdmitted,
    SpawnCancelled,
    SpawnFailed,
    SpawnRequested,
    SpawnSucceeded,
)
from core.plugins.profiles import profile_named
from core.queue.spawn_queue import SpawnQueue
from core.server import Server, Stopped

UNLIMITED = math.inf


class Wait(Struct, frozen=True):
    """`place`: 1 for the next one, of so many that wait. `seconds`: an estimate; None while nobody can tell."""

    place: int
    waiting: int
    seconds: float | None


class Share(Struct, frozen=True):
    """The most that servers of one profile may have of it. 0: no limit of its own."""

    concurrent: int = 0
    active: int = 0


NO_SHARE = Share()


class SpawnLimits:
    """A fold of the log. A server that waits is active (it will be one), but it does not start yet.

    What waits in the queue of its engine does not count among those that start at once: it has had its turn here, and
    nobody knows for how long it holds it. That is not in the log; the next hub is told anew.
    """

    def __init__(self, concurrent: int, active: int, queue: int = 0) -> None:
        self.configure(concurrent, active, queue)
        self._asking: Counter[str] = Counter()  # let in, but not in the log yet, by profile
        self._asking_to_wait: Counter[str] = Counter()
        self._profile_of: dict[str, str] = {}  # of what is active and has one
        self._starting: dict[str, datetime] = {}  # since when
        self._active: set[str] = set()
        self._in_engines_queue: set[str] = set()
        self._have_waited: set[str] = set()  # there: how long their start took says nothing of others
        self.queue = SpawnQueue()

    def configure(
        self, concurrent: int, active: int, queue: int, shares: Mapping[str, Share] | None = None
    ) -> None:
        """How many may start at once, be active, and wait. 0: no limit; nobody waits, who would have to is refused.

        `shares`: of profiles, within that.
        """
        self._shares = dict(shares or {})
        self._concurrent = concurrent or UNLIMITED
        self._most_active = active or UNLIMITED
        self._most_waiting = queue

    @property
    def spawning(self) -> int:
        """How many start, without those that wait in the queue of their engine."""
        return len(self._starting.keys() - self._in_engines_queue)

    @property
    def active(self) -> int:
        return len(self._active)

    @property
    def room(self) -> float:
        """How many more may start now."""
        return self._concurrent - self.spawning - self._asking.total()

    def room_for(self, profile: str) -> float:
        """How many more of this profile; `""`: of none."""
        most = self._shares.get(profile, NO_SHARE).concurrent
        if not most:
            return self.room
        starting = self._starting.keys() - self._in_engines_queue
        mine = sum(1 for server_id in starting if self._profile_of.get(server_id) == profile)
        return min(self.room, most - mine - self._asking[profile])

    def profile_of(self, server_id: str) -> str:
        return self._profile_of.get(server_id, "")

    def wait_of(self, server_id: str) -> Wait | None:
        """None for a server that does not wait."""
        place = self.queue.place(server_id)
        if place is None:
            return None
        at_once = int(min(self._concurrent, len(self.queue)))
        return Wait(place, len(self.queue), self.queue.estimate(place, at_once))

    # --- what has happened ---

    def waits_in_engine(self, server_id: str, waits: bool) -> None:
        """A server that starts stands in the queue of its engine from now on, or does so no more."""
        if waits:
            self._in_engines_queue.add(server_id)
            self._have_waited.add(server_id)
        else:
            self._in_engines_queue.discard(server_id)

    HEARS = (
        SpawnRequested,
        SpawnAdmitted,
        SpawnSucceeded,
        SpawnCancelled,
        SpawnFailed,
        ServerStopped,
        ServerDied,
        ServerLost,
        ClockCorrected,
    )

    def found(
        self, server_id: str, since: datetime | None, user_options: Mapping[str, Any] | None = None
    ) -> None:
        """A server that is active already. `since`: it has been starting, from then on."""
        self._becomes_active(server_id, user_options or {})
        if since is not None:
            self._starting[server_id] = since

    def on_records(self, records: Sequence[Record]) -> None:
        """A listener of the store, for `HEARS`."""
        for record in records:
            if isinstance(record.event, ClockCorrected):
                shift(self._starting, record.event)
                continue
            self._note(record.key, record)

    def _note(self, server_id: str, record: Record) -> None:
        match record.event:
            case SpawnRequested(queued=True, user=user, user_options=options):
                self._becomes_active(server_id, options)
                self.queue.add(server_id, user, record.position)
            case SpawnRequested(user_options=options):
                self._becomes_active(server_id, options)
                self._starting[server_id] = record.at
            case SpawnAdmitted():
                self.queue.remove(server_id, record.position)
                self._starting[server_id] = record.at
            case SpawnSucceeded():
                self._has_started(server_id, record.at)
            case SpawnCancelled():
                self._leaves(server_id)
            case SpawnFailed():
                self._has_started(server_id, record.at)
                self._ends(server_id)
            case ServerStopped() | ServerDied() | ServerLost():
                self._ends(server_id)

    def _becomes_active(self, server_id: str, user_options: Mapping[str, Any]) -> None:
        self._active.add(server_id)
        self._profile_of.pop(server_id, None)
        if profile := profile_named(user_options):
            self._profile_of[server_id] = profile

    def _ends(self, server_id: str) -> None:
        self._leaves(server_id)
        self._active.discard(server_id)
        self._profile_of.pop(server_id, None)

    def _has_started(self, server_id: str, at: datetime) -> None:
        """Well or badly."""
        began = self._starting.pop(server_id, None)
        if began is not None and server_id not in self._have_waited:
            self.queue.started_in((at - began).total_seconds())
        self._forget_wait(server_id)

    def _forget_wait(self, server_id: str) -> None:
        self._in_engines_queue.discard(server_id)
        self._have_waited.discard(server_id)

    def _leaves(self, server_id: str) -> None:
        self._starting.pop(server_id, None)
        self._forget_wait(server_id)
        self.queue.remove(server_id)

    # --- who asks ---

    @contextmanager
    def acquire_slot(self, server: Server, retry_after: int, profile: str = "") -> Iterator[bool]:
        """Hold a place while a start of `server` is asked for: True, one where it waits for its turn.

        Raises ThrottledError where there is neither. `profile`: of that start. `retry_after`: what to tell those turned
        away by the limit on concurrent starts, in seconds.
        """
        if not isinstance(server, Stopped):
            # It has its place, or will be refused for another reason, unless it has stopped before it is asked: then
            # its place may be somebody else's.
            yield self._concurrent < UNLIMITED
            return
        waits = self.room_for(profile) <= 0 or self._others_come_first()
        if waits and self._waiting >= self._most_waiting:
            raise ThrottledError(
                "Too many servers are starting at the moment. "
                f"Please try again in about {in_words(retry_after)}.",
                retry_after,
            )
        if self._is_full(profile):
            raise ThrottledError("The limit of active servers is reached. Please try again in a few minutes.")
        asking = self._asking_to_wait if waits else self._asking
        asking[profile] += 1
        try:
            yield waits
        finally:
            asking[profile] -= 1

    @property
    def _waiting(self) -> int:
        return len(self.queue) + self._asking_to_wait.total()

    def _others_come_first(self) -> bool:
        """Whether somebody waits who is not held up by their profile alone."""
        if not self._shares:
            return self._waiting > 0
        profiles = {self.profile_of(server_id) for server_id in self.queue.order()}
        return any(self.room_for(profile) > 0 for profile in profiles | (+self._asking_to_wait).keys())

    def _is_full(self, profile: str) -> bool:
        asking = self._asking + self._asking_to_wait
        if self.active + asking.total() >= self._most_active:
            return True
        most = self._shares.get(profile, NO_SHARE).active
        mine = sum(1 for found in self._profile_of.values() if found == profile)
        return bool(most) and mine + asking[profile] >= most


def in_words(seconds: int) -> str:
    """Rounded up: to tens of seconds, to minutes above 90. Source: JupyterHub's wording for people."""
    if seconds > 90:
        return f"{math.ceil(seconds / 60)} minutes"
    return f"{math.ceil(seconds / 10) * 10} seconds"
