"""What came of a request, by its number: on a log with events put there by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import projections
from core.events.file.database import MEMORY
from core.events.file.writer import Writer
from core.events.log.append_request import AppendRequest, Write
from core.events.record import HUB, By
from core.events.server import ServerDied, SpawnFailed, SpawnRequested, SpawnSucceeded, StopRequested
from core.events.user import UserCreated
from core.naming.ids import moment_of_request, new_request_id
from web.history import of_request as module
from web.history.chosen import Choice, chosen
from web.history.of_request import of_request

START = datetime(2026, 5, 4, 9, tzinfo=UTC)


def number(moment: datetime) -> str:
    return f"{int(moment.timestamp()):08x}0123456789ab"


THEN = number(START + timedelta(minutes=1))


def started(spawn_id: str) -> SpawnRequested:
    return SpawnRequested(spawn_id, "u1", "alice", "", "/user/alice/", {}, "digest")


class Log:
    """One append a minute, from `START` on."""

    def __init__(self) -> None:
        self.now = START
        self.writer = Writer(MEMORY, projections.ALL, lambda: self.now)
        self.add(HUB, "user/u1", 0, UserCreated("alice", "v1"))

    def add(self, by: By, stream: str, version: int, *events: Any) -> int:
        """The position of the last of them."""
        unit = AppendRequest([Write(stream, version, list(events))], by)
        self.writer.commit([unit])
        assert unit.error is None
        self.now += timedelta(minutes=1)
        return self.writer.position

    def of(self, request: str, after: int = 0) -> list[int]:
        return [
            one.position for one in of_request(self.writer.connection, request, after, self.writer.position)
        ]


@pytest.fixture
def log() -> Iterator[Log]:
    log = Log()
    yield log
    log.writer.close()


def test_a_number_tells_when_its_request_came() -> None:
    assert moment_of_request(THEN) == START + timedelta(minutes=1)
    assert re.fullmatch(r"[0-9a-f]{20}", new_request_id())
    made = moment_of_request(new_request_id())
    assert made is not None
    assert abs(datetime.now(UTC) - made) < timedelta(seconds=5)
    for other in ("", "35bde2220934d89d", f"{THEN}0", THEN.upper(), "r1"):
        assert moment_of_request(other) is None


def test_what_a_start_led_to_belongs_to_its_request(log: Log) -> None:
    asked = log.add(By("user/u1", request=THEN), "server/v1", 0, started("s1"))
    ready = log.add(By("hub", cause=asked), "server/v1", 1, SpawnSucceeded("s1"))
    log.add(HUB, "user/u2", 0, UserCreated("bob", "v2"))
    died = log.add(By("hub", cause=ready), "server/v1", 2, ServerDied("s1", 1))
    again = number(log.now)
    second = log.add(By("user/u1", request=again), "server/v1", 3, started("s2"))
    failed = log.add(By("hub", cause=second), "server/v1", 4, SpawnFailed("s2", "No."))
    assert log.of(THEN) == [asked, ready, died]
    assert log.of(again) == [second, failed]
    assert log.of(THEN, after=ready) == []
    found = chosen(log.writer.connection, Choice(request=THEN, types=("server.d*",)), 0, failed)
    assert [one.position for one in found] == [died]
    about = chosen(log.writer.connection, Choice(request=THEN, things=("user/u2",)), 0, failed)
    assert list(about) == []


def test_what_others_do_to_the_server_then_is_theirs(log: Log) -> None:
    asked = log.add(By("user/u1", request=THEN), "server/v1", 0, started("s1"))
    log.add(By("user/u2", request=number(log.now)), "server/v1", 1, StopRequested("s1"))
    assert log.of(THEN) == [asked]


def test_only_what_is_not_older_than_the_number_is_looked_at(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in range(1, 30):
        log.add(HUB, f"user/x{version}", 0, UserCreated(f"x{version}", f"w{version}"))
    late = number(log.now)
    asked = log.add(By("user/u1", request=late), "server/v1", 0, started("s1"))
    looked: list[int] = []
    positions_of_request = module.positions_of_request

    def watched(*arguments: Any) -> list[int]:
        looked.append(arguments[2])
        return positions_of_request(*arguments)

    monkeypatch.setattr(module, "positions_of_request", watched)
    assert log.of(late) == [asked]
    assert min(looked) >= asked - 3


def test_a_clock_that_was_set_back_hides_nothing(log: Log) -> None:
    ahead = number(START + timedelta(days=3))
    asked = log.add(By("user/u1", request=ahead), "server/v1", 0, started("s1"))
    assert log.of(ahead) == [asked]
    log.now = START - timedelta(days=1)
    log.add(HUB, "user/u2", 0, UserCreated("bob", "v2"))
    assert log.of(ahead) == [asked]


def test_numbers_that_tell_nothing_are_looked_for_everywhere(log: Log) -> None:
    asked = log.add(By("user/u1", request="35bde2220934d89d"), "server/v1", 0, started("s1"))
    assert log.of("35bde2220934d89d") == [asked]
    assert log.of("nothing") == []


def test_a_request_of_many_events_is_found_whole(log: Log) -> None:
    by = By("user/u1", request=THEN)
    for index in range(3):
        log.add(by, f"user/m{index}", 0, UserCreated(f"m{index}", f"n{index}"))
    several = [
        AppendRequest([Write(f"user/k{at}", 0, [UserCreated(f"k{at}", f"l{at}")])], by)
        for at in range(module.CHUNK + 20)
    ]
    log.writer.commit(several)
    assert log.of(THEN) == list(range(2, log.writer.position + 1))
