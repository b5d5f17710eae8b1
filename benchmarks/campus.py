"""The log of a campus after some years: users, tokens, groups, sessions and many lives of servers, all of them over.

Appended as a hub appends it, projections and all; what is asked for is a number of users and one of events.

    python -m benchmarks.campus FILE --users 100000 --events 1000000
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice

import trio

import projections
from core.events.activity import STREAM as ACTIVITY
from core.events.activity import ActivityRecorded
from core.events.file.store import EventStore, Write
from core.events.group import GroupCreated, UsersJoined, group_stream
from core.events.record import HUB
from core.events.server import (
    ServerStopped,
    SpawnAnswered,
    SpawnRequested,
    SpawnSucceeded,
    StopRequested,
    server_stream,
)
from core.events.session import SessionEnded, SessionOpened, session_stream
from core.events.token import TokenIssued, token_stream
from core.events.user import UserCreated, user_stream
from core.naming.ids import new_id

TEAM = 500  # users in a group
AT_ONCE = 1000  # writes in an append
SEEN = 200  # users in a batch of activity
ADMINS = 3


class Campus:
    """`writes` gives what happened, in order: people come first, then they work until the log is long enough."""

    def __init__(self, users: int, events: int) -> None:
        self._left = events
        self._now = datetime.now(UTC)
        self._people = [(new_id("u"), new_id("v"), f"user-{number:06}") for number in range(users)]
        self._versions: dict[str, int] = {}

    def writes(self) -> Iterator[Write]:
        for write in (*self._arrivals(), *self._teams()):
            yield self._counted(write)
        for number, person in enumerate(cycle(self._people)):
            for write in self._working_day(number, *person):
                if self._left <= 0:
                    return
                yield self._counted(write)

    def _counted(self, write: Write) -> Write:
        self._left -= len(write.events)
        self._versions[write.stream] = write.version + len(write.events)
        return write

    def _next(self, stream: str, *events: object) -> Write:
        return Write(stream, self._versions.get(stream, 0), events)  # type: ignore[arg-type]

    def _arrivals(self) -> Iterator[Write]:
        for number, (user, server, name) in enumerate(self._people):
            yield self._next(user_stream(user), UserCreated(name, server, admin=number < ADMINS))
            token = TokenIssued(user_stream(user), new_id("d"), ["inherit"], "a notebook")
            yield self._next(token_stream(new_id("t")), token)

    def _teams(self) -> Iterator[Write]:
        for begin in range(0, len(self._people), TEAM):
            first, *others = (user for user, _, _ in self._people[begin : begin + TEAM])
            joined = [UsersJoined((user,)) for user in others]  # as they came, one by one
            yield self._next(group_stream(new_id("g")), GroupCreated(f"team-{begin:06}", (first,)), *joined)

    def _working_day(self, number: int, user: str, server: str, name: str) -> Iterator[Write]:
        """Somebody logs in, works, and ends the server; every other one logs out too."""
        session, spawn = session_stream(new_id("e")), new_id("s")
        until = self._now + timedelta(days=14)
        yield self._next(session, SessionOpened(user, new_id("d"), until, "192.0.2.1"))
        prefix = f"/user/{name}/"
        scopes = [f"access:servers!server={name}/", f"users:activity!user={name}"]
        begun = SpawnRequested(spawn, user, name, "", prefix, {"profile": "small"}, new_id("d"), scopes)
        answered = SpawnAnswered(spawn, "http://127.0.0.1:12345")
        yield self._next(server_stream(server), begun, answered, SpawnSucceeded(spawn))
        yield self._next(server_stream(server), StopRequested(spawn), ServerStopped(spawn, 0))
        if number % 2:
            yield self._next(session, SessionEnded("They logged out."))
        if number % SEEN == SEEN - 1:
            moment = self._now - timedelta(minutes=number % 5000)
            people = (self._people[one % len(self._people)] for one in range(number - SEEN + 1, number + 1))
            yield self._next(ACTIVITY, ActivityRecorded({user: moment for user, _, _ in people}))


async def make(path: str, users: int, events: int) -> None:
    store = EventStore(path, projections.ALL)
    writes = Campus(users, events).writes()
    try:
        async with trio.open_nursery() as nursery:
            await nursery.start(store.run)
            while batch := list(islice(writes, AT_ONCE)):
                await store.append(*batch, by=HUB)
            nursery.cancel_scope.cancel()
    finally:
        store.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file")
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--events", type=int, default=1_000_000)
    asked = parser.parse_args()
    began = time.process_time()
    trio.run(make, asked.file, asked.users, asked.events)
    print(f"{asked.events} events in {time.process_time() - began:.0f} s of CPU", file=sys.stderr)


if __name__ == "__main__":
    main()
