"""Hours of use by name: who is renamed, deleted, adopted after a restart or moved in from another hub counts once."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlite_utils import Database

import projections
from core.events import Event
from core.events.file.folding import Folding
from core.events.hub import HubStarted
from core.events.record import HUB, By, Record
from core.events.server import ServerAdopted, ServerStopped, SpawnRequested, SpawnSucceeded
from core.events.user import ServerAdded, ServerRenamed, UserCreated, UserDeleted, UserRenamed
from projections.usage.attempt import microseconds
from tests.databases import in_memory
from tests.effort import examples
from web.history.usage import Kind, Summing, Usage
from web.history.use import HOUR

START = datetime(2026, 1, 28, tzinfo=UTC)
IMPORT = By("import", via="command-line/root")
WHAT = ("come", "move in", "rename", "rename server", "delete", "restart", *("start", "ready", "stop") * 3)

steps = st.lists(
    st.tuples(st.floats(1, 20 * 86400), st.integers(0, 2), st.sampled_from(WHAT)), min_size=12, max_size=40
)


class Story:
    """What may happen, in an order in which it can. `people`: ids of those who are there; `names`: of all who were."""

    def __init__(self) -> None:
        self.people: dict[int, str] = {}
        self.names: dict[str, str] = {}
        self.running: dict[str, str] = {}  # from users to attempts
        self.ready: set[str] = set()

    def events(self, number: int, who: int, what: str) -> Iterator[tuple[str, Event]]:
        new, user = f"n{number}", self.people.get(who, "")
        attempt = self.running.get(user, "")
        match what:
            case "come" | "move in" if not user:
                yield from self._come(who, f"u{number}", new, is_moved=what == "move in")
            case "rename" if user:
                self.names[user] = new
                yield f"user/{user}", UserRenamed(new)
            case "rename server" if user:
                yield f"user/{user}", ServerRenamed(f"lab-{user}", new)
            case "start" if user and not attempt:
                yield self._start(user, number)
            case "ready" if attempt and attempt not in self.ready:
                self.ready.add(attempt)
                yield f"server/lab-{user}", SpawnSucceeded(attempt)
            case "stop" if attempt:
                yield self._stop(user)
            case "restart":
                yield "hub", HubStarted("1", f"h{number}", 1)
                adopted = [(one, attempt) for one, attempt in self.running.items() if attempt in self.ready]
                yield from ((f"server/lab-{one}", ServerAdopted(attempt)) for one, attempt in adopted)
            case "delete" if user:
                if attempt:
                    yield self._stop(user)
                yield f"user/{self.people.pop(who)}", UserDeleted()

    def _come(self, who: int, user: str, name: str, *, is_moved: bool) -> Iterator[tuple[str, Event]]:
        """Whoever is moved in has a server that runs."""
        self.people[who], self.names[user] = user, name
        since = START - timedelta(days=400) if is_moved else None
        yield f"user/{user}", UserCreated(name, f"default-{user}", since=since)
        yield f"user/{user}", ServerAdded(f"lab-{user}", "lab")
        if is_moved:
            yield self._start(user, int(user[1:]), since)

    def _start(self, user: str, number: int, since: datetime | None = None) -> tuple[str, Event]:
        self.running[user] = f"s{number}"
        name = self.names[user]
        asked = SpawnRequested(f"s{number}", user, name, "lab", "/", {}, f"d{number}", since=since)
        return f"server/lab-{user}", asked

    def _stop(self, user: str) -> tuple[str, Event]:
        return f"server/lab-{user}", ServerStopped(self.running.pop(user))


def told(steps: Sequence[tuple[float, int, str]]) -> tuple[list[Record], Story]:
    story, records, at = Story(), list[Record](), START
    versions: Counter[str] = Counter()
    for number, (seconds, who, what) in enumerate(steps):
        at += timedelta(seconds=seconds)
        for stream, event in story.events(number, who, what):
            versions[stream] += 1
            by = IMPORT if getattr(event, "since", None) else HUB
            records.append(Record(len(records) + 1, stream, versions[stream], at, by, event))
    return records, story


def folded(records: Sequence[Record]) -> sqlite3.Connection:
    db = in_memory()
    for projection in projections.ALL:
        projection.create(Database(db))
    Folding(projections.ALL).project(db, records)
    return db


def summed(db: sqlite3.Connection, kind: Kind, since: datetime, now: datetime) -> Usage:
    summing = Summing(db, kind, since, now, now)
    for _ in summing.steps():
        pass
    return summing.usage()


def reference(records: Sequence[Record], story: Story, now: datetime) -> dict[str, tuple[float, int]]:
    """By the last name of each: the hours between ready and ended, and the starts."""
    in_use: Counter[str] = Counter()
    starts: Counter[str] = Counter()
    ready: dict[str, int] = {}
    for record in records:
        user, at = record.stream.removeprefix("server/lab-"), microseconds(record.at)
        match record.event:
            case SpawnRequested():
                starts[user] += 1
            case SpawnSucceeded():
                ready[user] = at
            case ServerStopped() if user in ready:
                in_use[user] += at - ready.pop(user)
    in_use.update({user: microseconds(now) - at for user, at in ready.items()})
    return {story.names[user]: (hours(in_use[user]), count) for user, count in starts.items()}


def hours(in_use: int) -> float:
    return round(in_use / HOUR, 4)


@settings(max_examples=examples(60), deadline=None)
@given(steps)
def test_whatever_becomes_of_somebody_they_count_once(steps: list[tuple[float, int, str]]) -> None:
    records, story = told(steps)
    now = START + timedelta(seconds=sum(seconds for seconds, _, _ in steps) + 3600)
    db, expected = folded(records), reference(records, story, now)
    for since in (START, START.replace(day=1)):  # attempt by attempt, and month by month
        found = summed(db, "user", since, now)
        assert {one.name: (one.hours, one.starts) for one in found.items} == expected
        for kind in ("server", "profile"):
            assert summed(db, kind, since, now).total == found.total


def test_how_long_a_start_took_in_another_hub_is_not_known_here() -> None:
    """It is joined whenever this hub is started, which may be days after it was moved in."""
    records, _ = told(
        [(1, 0, "move in"), (86400, 0, "ready"), (60, 1, "come"), (60, 1, "start"), (8, 1, "ready")]
    )
    now = datetime(2026, 3, 1, tzinfo=UTC)
    found = summed(folded(records), "user", START, now)
    assert {one.name: (one.starts, one.median) for one in found.items} == {"n0": (1, None), "n2": (1, 8.0)}
