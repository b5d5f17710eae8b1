"""The log of a busy hub: a course of 1,500 people who start and stop their servers all week, as a hub records it."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import NamedTuple

import projections
from core.events import Event
from core.events.file.writer import Writer
from core.events.group import GroupCreated, UsersJoined, UsersLeft, group_stream
from core.events.log.append_request import AppendRequest, Write
from core.events.record import HUB, By
from core.events.server import (
    ServerStopped,
    SpawnAnswered,
    SpawnFailed,
    SpawnRequested,
    SpawnSucceeded,
    StopRequested,
    server_stream,
)
from core.events.user import UserCreated, user_stream
from core.naming.ids import new_id
from tests.logs import commit

DAYS = 6
TOGETHER = timedelta(minutes=5)  # what happens within is recorded at once
FIRST_HOUR, LAST_HOUR = 8, 18
FAILING = 0.03  # of all starts
BUSIEST, OF_BUSIEST = "student-0001", 0.2  # of all starts, as far as there is time for them
LONG_NAME = "a-student-with-a-name-that-is-as-long-as-names-of-people-get-in-some-places"


class Happening(NamedTuple):
    """`by`: the id of the user who did it, "" for the hub."""

    at: datetime
    stream: str
    event: Event
    by: str = ""


class Person(NamedTuple):
    user: str
    server: str
    name: str


class Course:
    """`ends`: when the last of it has happened. The same `seed` gives the same week."""

    def __init__(self, people: int, starts: int, ends: datetime, seed: int = 1) -> None:
        self._random = random.Random(seed)
        self._starts, self._ends = starts, ends
        self._begins = ends - timedelta(days=DAYS)
        names = [LONG_NAME, *(f"student-{number:04}" for number in range(1, people))]
        self._people = [Person(new_id("u"), new_id("v"), name) for name in names]

    def happenings(self) -> list[Happening]:
        """In the order of their times."""
        return sorted((*self._arrivals(), *self._work()), key=lambda one: one.at)

    def _arrivals(self) -> Iterator[Happening]:
        for one in self._people:
            yield Happening(self._begins, user_stream(one.user), UserCreated(one.name, one.server))
        group, users = group_stream(new_id("g")), tuple(one.user for one in self._people)
        later = self._begins + timedelta(hours=1)
        yield Happening(later, group, GroupCreated("students", users[:1]))
        yield Happening(later, group, UsersJoined(users[1:]))
        yield Happening(later + timedelta(hours=1), group, UsersLeft(users[-3:]))

    def _work(self) -> Iterator[Happening]:
        """Nobody starts what runs already."""
        free: dict[str, datetime] = {}
        for at in sorted(self._some_time() for _ in range(self._starts)):
            is_busiest = self._random.random() < OF_BUSIEST
            person = self._people[1] if is_busiest else self._random.choice(self._people)
            if free.get(person.user, at) <= at:
                start = list(self._start(person, at))
                free[person.user] = start[-1].at + TOGETHER
                yield from start

    def _start(self, person: Person, at: datetime) -> Iterator[Happening]:
        stream, spawn = server_stream(person.server), new_id("s")
        asked = SpawnRequested(
            spawn, person.user, person.name, "", f"/user/{person.name}/", {"profile": "small"}, new_id("d")
        )
        yield Happening(at, stream, asked, person.user)
        ready = at + timedelta(seconds=self._random.uniform(4, 60))
        if self._random.random() < FAILING:
            yield Happening(ready, stream, SpawnFailed(spawn, "no machine had room for it"))
            return
        most = 10 if person.name == BUSIEST else 240
        stops = min(self._ends, ready + timedelta(minutes=self._random.uniform(5, most)))
        yield Happening(ready, stream, SpawnAnswered(spawn, "http://127.0.0.1:12345"))
        yield Happening(ready, stream, SpawnSucceeded(spawn))
        yield Happening(stops, stream, StopRequested(spawn), person.user)
        yield Happening(stops, stream, ServerStopped(spawn, 0))

    def _some_time(self) -> datetime:
        """By day, and most in the morning."""
        hour = min(LAST_HOUR, FIRST_HOUR + self._random.expovariate(1 / 3))
        day = self._begins.replace(hour=0, minute=0) + timedelta(days=self._random.randrange(DAYS))
        return max(
            self._begins + timedelta(hours=3), min(day + timedelta(hours=hour), self._ends - TOGETHER * 4)
        )


def make_busy_log(path: str, people: int = 1500, starts: int = 6000, ends: datetime | None = None) -> int:
    """How many events it has."""
    course = Course(people, starts, ends or datetime.now(UTC) - timedelta(minutes=30))
    clock = [datetime.min]
    writer = Writer(path, projections.ALL, now=lambda: clock[0])
    versions: dict[str, int] = {}
    try:
        for span, happened in groupby(
            course.happenings(), lambda one: one.at.timestamp() // TOGETHER.total_seconds()
        ):
            clock[0] = datetime.fromtimestamp(span * TOGETHER.total_seconds(), UTC)
            refused = [unit.error for unit in commit(writer, *_units(happened, versions)) if unit.error]
            assert not refused
        return writer.position
    finally:
        writer.close()


def _units(happened: Iterable[Happening], versions: dict[str, int]) -> Iterator[AppendRequest]:
    for one in happened:
        version = versions.get(one.stream, 0)
        versions[one.stream] = version + 1
        by = By(user_stream(one.by)) if one.by else HUB
        yield AppendRequest([Write(one.stream, version, [one.event])], by)
