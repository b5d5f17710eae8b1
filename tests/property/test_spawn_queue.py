"""Turns to start, whoever asks and gives up in whichever order: fair, in order, and the same after a restart."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from core.errors import ThrottledError
from core.events.record import HUB, Record
from core.events.server import (
    ServerEvent,
    ServerStopped,
    SpawnAdmitted,
    SpawnCancelled,
    SpawnFailed,
    SpawnRequested,
    SpawnSucceeded,
)
from core.queue.spawn_limits import SpawnLimits
from core.queue.spawn_queue import SpawnQueue
from core.server import Stopped

START = datetime(2030, 1, 1, tzinfo=UTC)
USERS = ["alice", "bob", "carol", "dave"]
AT_ONCE, MOST_WAITING = 2, 12


class KeyedLock(RuleBasedStateMachine):
    """Two may start at once, twelve may wait; the rest is turned away."""

    def __init__(self) -> None:
        super().__init__()
        self.limits = SpawnLimits(AT_ONCE, 0, MOST_WAITING)
        self.log: list[Record] = []
        self.starting: list[str] = []
        self.desired_state: dict[str, tuple[str, int]] = {}  # what waits: whose, since when
        self.turns: list[tuple[str, int]] = []  # who had one, when

    def tell(self, server: str, event: ServerEvent) -> int:
        position = len(self.log) + 1
        at = START + timedelta(seconds=position)
        self.log.append(Record(position, f"server/{server}", position, at, HUB, event))
        self.limits.on_records(self.log[-1:])
        return position

    @rule(user=st.sampled_from(USERS))
    def ask(self, user: str) -> None:
        server = f"{user}-{len(self.log)}"
        try:
            with self.limits.acquire_slot(Stopped(), 30) as queued:
                request = SpawnRequested(server, user, user, "", "/", {}, "", queued=queued)
                position = self.tell(server, request)
        except ThrottledError:
            assert len(self.desired_state) == MOST_WAITING
            return
        if queued:
            self.desired_state[server] = (user, position)
        else:
            assert not self.desired_state, "somebody who waits was overtaken"
            self.starting.append(server)

    @precondition(lambda self: self.limits.room > 0 and self.desired_state)
    @rule()
    def call(self) -> None:
        server = self.limits.queue.order()[0]
        user, since = self.desired_state.pop(server)
        assert since == min(
            at for whose, at in [*self.desired_state.values(), (user, since)] if whose == user
        )
        self.turns.append((user, self.tell(server, SpawnAdmitted(server))))
        self.starting.append(server)
        self.check_fair(user)

    def check_fair(self, user: str) -> None:
        """Between two turns of a user, everybody who waited all the time has had one."""
        mine = [at for whose, at in self.turns if whose == user][-2:]
        if len(mine) < 2:
            return
        before, now = mine
        had = {whose for whose, at in self.turns if before < at < now}
        for other, since in self.desired_state.values():
            assert other == user or since > before or other in had, f"{user} overtook {other} twice"

    @precondition(lambda self: self.starting)
    @rule(which=st.integers(0, 9), well=st.booleans())
    def end(self, which: int, well: bool) -> None:
        server = self.starting.pop(which % len(self.starting))
        self.tell(server, SpawnSucceeded(server) if well else SpawnFailed(server, "no room"))

    @precondition(lambda self: self.desired_state)
    @rule(which=st.integers(0, 11))
    def give_up(self, which: int) -> None:
        server = sorted(self.desired_state)[which % len(self.desired_state)]
        del self.desired_state[server]
        self.tell(server, SpawnCancelled(server))
        self.tell(server, ServerStopped(server))

    @invariant()
    def never_more_start_than_may(self) -> None:
        assert self.limits.spawning == len(self.starting) <= AT_ONCE

    @invariant()
    def all_who_wait_have_a_place_of_their_own(self) -> None:
        places = [self.limits.queue.place(server) for server in self.desired_state]
        assert sorted(place or 0 for place in places) == list(range(1, len(self.desired_state) + 1))

    @invariant()
    def each_has_their_first_before_anybody_has_their_second(self) -> None:
        users = [server.partition("-")[0] for server in self.limits.queue.order()]
        rounds = [len(list(own)) for _, own in itertools.groupby(sorted(users))]
        first = users[: len(rounds)]
        assert len(set(first)) == len(first)

    @invariant()
    def the_log_alone_gives_the_same_order(self) -> None:
        again = SpawnLimits(AT_ONCE, 0, MOST_WAITING)
        again.on_records(self.log)
        assert again.queue.order() == self.limits.queue.order()
        assert (again.spawning, again.active) == (self.limits.spawning, self.limits.active)

    @invariant()
    def so_does_what_a_hub_finds_that_restarts(self) -> None:
        """The wishes, in any order, and the last turns of those who wait."""
        queue = SpawnQueue()
        for server, (user, since) in sorted(self.desired_state.items()):
            queue.add(server, user, since)
        for user, at in self.turns:
            queue.had_turn(user, at)
        assert queue.order() == self.limits.queue.order()

    def teardown(self) -> None:
        """If nobody else asks, all turns come, in the order that was shown."""
        shown = list(self.limits.queue.order())
        came = []
        while self.desired_state:
            while self.limits.room <= 0:
                self.end(0, True)
            came.append(self.limits.queue.order()[0])
            self.call()
        assert came == shown


TestTurns = KeyedLock.TestCase
