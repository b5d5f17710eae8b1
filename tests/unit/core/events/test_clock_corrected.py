"""A clock that was ahead for a while, and was set back: what is shown and measured from then on."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

import projections
from core.actors.activity import Activity
from core.events.activity import STREAM, ActivityRecorded
from core.events.file.reading import position_at, read_records
from core.events.file.store import EventStore
from core.events.file.verify import BrokenLogError, verify
from core.events.file.writer import Writer
from core.events.hub import ClockCorrected, HubStarted
from core.events.log import command_keys
from core.events.log.append_request import AppendRequest, Write
from core.events.oauth import CodeIssued
from core.events.record import HUB, Record, utc_text
from core.events.server import ServerStopped, SpawnAnswered, SpawnRequested, SpawnSucceeded, StopRequested
from core.events.session import SessionOpened
from core.events.share import ShareCodeExchanged, ShareCodeIssued, ShareGranted
from core.events.token import TokenIssued
from core.events.user import ServerAdded, UserCreated
from core.queue.spawn_limits import SpawnLimits
from core.settings import CallboardSettings
from projections import users
from projections.rebuild import drift
from tests.conftest import hub_in_memory, settings_for_tests
from tests.logs import BY, commit, idempotency_record, said
from tests.unit.core.events.test_chain import rechain, tamper
from web.cli import main
from web.commands.past.moments import parse_position
from web.lifecycle.metrics_of_log import MetricsOfLog
from web.monitoring.metrics import Metrics
from web.proxies.connected import Proxies

NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)
AHEAD = timedelta(days=400)
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")
REQUESTED = SpawnRequested("s1", "u1", "alice", "", "/user/alice/", {}, "digest-of-s1")


class Log:
    """A hub's log: an hour with the right time, a quarter of an hour with one that is ahead, two hours again right."""

    def __init__(self, path: str) -> None:
        self.now = NOW - timedelta(hours=3)
        self.writer = Writer(path, projections.ALL, lambda: self.now)
        self.record(0, "user/u1", 0, UserCreated("alice", "v1"))
        self.record(50, "token/t1", 0, TokenIssued("user/u1", "digest", ["inherit"]))
        self.now += AHEAD
        self.record(10, "server/v1", 0, REQUESTED)
        seen = {"u1": self.now}
        self.record(5, STREAM, 0, ActivityRecorded(seen, {"v1": self.now}, {"t1": self.now}))
        self.now -= AHEAD
        self.record(5, "server/v1", 1, SpawnSucceeded("s1"))
        self.record(70, "server/v1", 2, StopRequested("s1"))

    def record(self, minutes: int, stream: str, version: int, event: object) -> None:
        """After so many minutes."""
        self.now += timedelta(minutes=minutes)
        (unit,) = commit(self.writer, AppendRequest([Write(stream, version, [event])], BY))  # type: ignore[list-item]
        assert unit.error is None

    def records(self) -> list[Record]:
        return read_records(self.writer.connection, 0, 100)


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "log.sqlite")


@pytest.fixture
def log(path: str) -> Iterator[Log]:
    made = Log(path)
    yield made
    made.writer.close()


CORRECTION, ENDS = 5, 7  # positions


def test_the_correction_carries_both_times(log: Log, path: str) -> None:
    correction = log.records()[CORRECTION - 1]
    assert correction.by == HUB
    assert isinstance(correction.event, ClockCorrected)
    assert correction.event.after == correction.at
    assert correction.event.before == log.records()[CORRECTION - 2].at
    assert correction.event.offset == AHEAD - timedelta(minutes=5)
    assert verify(path).position == ENDS


@pytest.mark.parametrize(
    ("hours_ago", "found"),
    [(0.5, ENDS), (1.0, ENDS - 1), (2.0, 2), (2.5, 1), (3.5, 0), (-24 * 500.0, ENDS)],
)
def test_a_moment_is_found_as_if_the_clock_had_been_right(log: Log, hours_ago: float, found: int) -> None:
    moment = NOW - timedelta(hours=hours_ago)
    assert position_at(log.writer.connection, utc_text(moment)) == found
    assert parse_position(log.writer.connection, moment.isoformat()) == found


def test_since_shows_what_happened_since(log: Log, path: str) -> None:
    def shown(*arguments: str) -> list[int]:
        told = CliRunner().invoke(main, ["log", "--db", path, "--json", *arguments])
        assert told.exit_code == 0, told.stderr
        return [json.loads(line)["position"] for line in told.stdout.splitlines()]

    assert shown("--since", (NOW - timedelta(hours=1)).isoformat()) == [ENDS]
    assert shown("--since", (NOW - timedelta(hours=2.5)).isoformat()) == [2, 3, 4, 5, 6, 7]
    assert shown("--until", (NOW - timedelta(hours=1)).isoformat()) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("table", ["users", "tokens", "servers"])
def test_nobody_was_last_seen_in_the_future(log: Log, table: str) -> None:
    """A server whose last activity were 400 days ahead would never be culled."""
    latest = log.writer.connection.execute(f"SELECT max(last_activity) FROM {table}").fetchone()[0]
    assert latest == utc_text(log.records()[CORRECTION - 1].at)
    assert drift(log.writer.connection, projections.ALL) == []


def test_a_server_has_run_for_as_long_as_it_has(log: Log) -> None:
    (started,) = log.writer.connection.execute("SELECT started FROM servers WHERE id = 'v1'").fetchone()
    correction = log.records()[CORRECTION - 1]
    assert started == utc_text(correction.at - timedelta(minutes=5))


def test_what_was_given_ahead_of_time_lives_no_longer_than_it_was_meant_to(log: Log) -> None:
    """Also in the tables as they are rebuilt; what was given before that keeps its end."""
    meant, earlier = timedelta(hours=1), timedelta(minutes=90)
    log.record(0, "session/early", 0, SessionOpened("u1", "d0", log.now + earlier))
    log.record(0, "user/u1", 1, ServerAdded("v2", "lab"))
    before = log.now
    log.now += AHEAD
    for event in (
        SessionOpened("u1", "d1", log.now + meant),
        TokenIssued("user/u1", "d2", ["self"], expires_at=log.now + meant),
        ShareCodeIssued("u1", "v2", "d3", ["access:servers"], log.now + meant),
        CodeIssued("service/ops", "u1", "d4", [], log.now + meant),
    ):
        log.record(0, f"{type(event).__name__}/late", 0, event)
    log.now -= AHEAD
    log.record(0, "hub", 0, HubStarted("1"))
    for table in ("sessions", "tokens", "share_codes", "oauth_codes"):
        rows = log.writer.connection.execute(f"SELECT expires_at FROM {table} WHERE id = 'late'").fetchall()
        assert rows == [(utc_text(before + meant),)], table
    (early,) = log.writer.connection.execute("SELECT expires_at FROM sessions WHERE id = 'early'").fetchone()
    assert early == utc_text(before + earlier)
    assert drift(log.writer.connection, projections.ALL) == []


def test_no_table_holds_a_moment_that_has_not_come(log: Log) -> None:
    """But where something ends. All of this is recorded ahead of time."""
    log.now += AHEAD
    ends = log.now + timedelta(days=1)
    log.record(1, "user/u2", 0, UserCreated("bob", "v2"))
    log.record(1, "server/v1", 3, ServerStopped("s1"))
    log.record(1, "server/v1", 4, replace(REQUESTED, spawn_id="s2", token_digest="digest-of-s2"))
    log.record(1, "server/v1", 5, SpawnAnswered("s2", "http://127.0.0.1:1"))
    log.record(1, "session/e1", 0, SessionOpened("u1", "d1", ends))
    log.record(1, "share/h1", 0, ShareGranted("u1", "v1", "user/u2", ["access:servers"]))
    log.record(1, "share-code/c1", 0, ShareCodeIssued("u1", "v1", "d2", ["access:servers"], ends))
    log.record(1, "share-code/c1", 1, ShareCodeExchanged("u2"))
    log.now -= AHEAD
    log.record(1, "hub", 0, HubStarted("1"))
    found = list(moments_of(log.writer.connection))
    assert {(table, column) for table, column, _ in found if column != "expires_at"} == {
        *(
            ("users", "created"),
            ("users", "last_activity"),
            ("servers", "started"),
            ("servers", "last_activity"),
        ),
        *(("tokens", "created"), ("tokens", "last_activity"), ("sessions", "opened"), ("routes", "at")),
        *(("shares", "created"), ("share_codes", "created"), ("share_codes", "last_exchanged_at")),
        *(("share_code_uses", "at"), ("share_news", "at")),
    }
    assert [one for one in found if one[1] != "expires_at" and one[2] > utc_text(log.now)] == []


def moments_of(db: sqlite3.Connection) -> Iterator[tuple[str, str, str]]:
    """Table, column and value of all moments in the tables."""
    for table in (table for projection in projections.ALL for table in projection.TABLES):
        for row in db.execute(f"SELECT * FROM {table}").fetchall():
            columns = [name for name, *_ in db.execute(f"SELECT * FROM {table} LIMIT 0").description]
            for column, value in zip(columns, row, strict=True):
                if isinstance(value, str) and MOMENT.fullmatch(value):
                    yield table, column, value


async def test_an_unused_session_ends_though_the_clock_was_ahead() -> None:
    idle = CallboardSettings(session_idle_timeout=600)
    async with hub_in_memory(replace(settings_for_tests(), callboard=idle)) as hub:
        alice = users.by_name(hub.store.db, "alice")
        assert alice is not None
        secret = (await hub.sessions.open(alice.id, address="")).secret
        now = datetime.now(UTC)
        assert hub.sessions.find(secret, now + timedelta(days=10)) is None
        assert hub.sessions.find(secret, now + timedelta(minutes=9)) is not None
        hub.sessions._used = {key: at + timedelta(days=10) for key, at in hub.sessions._used.items()}
        correction = ClockCorrected(now + timedelta(days=10), now)
        hub.sessions.on_records([Record(1, "clock", 1, now, HUB, correction)])
        assert hub.sessions.find(secret, now + timedelta(minutes=11)) is None


def test_what_was_seen_by_the_clock_that_was_ahead_was_seen_by_now(log: Log) -> None:
    activity = Activity(EventStore(":memory:"), 30)
    activity.saw_user("u1", NOW + AHEAD)
    activity.saw_token("t1", NOW - timedelta(days=1))
    activity.on_records(log.records())
    assert activity.users == {"u1": log.records()[CORRECTION - 1].at}
    assert activity.tokens == {"t1": NOW - timedelta(days=1)}


def test_durations_across_a_correction_use_its_offset(log: Log) -> None:
    """What lies between the last event before the correction and the correction is not known."""
    limits, metrics = SpawnLimits(0, 0), Metrics()
    limits.on_records(log.records())
    assert limits.queue.estimate(1, 1) == pytest.approx(5 * 60)
    MetricsOfLog(metrics, Proxies()).on_records(log.records())
    told = metrics.as_text().decode()
    assert 'server_spawn_duration_seconds_sum{reason="",status="success"} 300.0' in told


def test_keys_taken_ahead_of_time_are_forgotten(path: str, log: Log) -> None:
    log.now += AHEAD
    commit(log.writer, AppendRequest([said("x", 0)], BY, idempotency_record("k1")))
    log.now -= AHEAD
    commit(log.writer, AppendRequest([said("x", 1)], BY, idempotency_record("k2")))
    expired = command_keys.expired(log.writer.connection, utc_text(NOW - timedelta(days=1)), utc_text(NOW))
    commit(log.writer, AppendRequest((), BY, changes=expired))
    assert log.writer.connection.execute("SELECT key FROM command_keys").fetchall() == [("k2",)]


LIES = {
    "before": ("payload", "replace(payload, '2027', '2028')"),
    "after": ("at", "'2026-05-04T07:00:00.000000Z'"),
    "no back": ("at", "'2028-05-04T07:00:00.000000Z'"),
    "no times": ("payload", '\'{"type":"hub.clock-corrected"}\''),
}


@pytest.mark.parametrize(("column", "value"), LIES.values(), ids=LIES)
def test_a_correction_excuses_no_other_times_than_its_own(path: str, column: str, value: str) -> None:
    made = Log(path)
    made.writer.close()
    tamper(path, f"UPDATE events SET {column} = {value} WHERE position = {CORRECTION}")
    rechain(path)
    with pytest.raises(BrokenLogError, match=f"event {CORRECTION}: the correction of the clock"):
        verify(path)
