"""The writer: what is refused alone, what holds of every log, and what a failing disk makes of it."""

from __future__ import annotations

import contextlib
import resource
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import projections
from core.errors import AlreadyExistsError, RepeatedError, UnavailableError
from core.events.file import log_end, wal
from core.events.file.database import MEMORY, open_for_reading
from core.events.file.disk import is_disk_trouble
from core.events.file.reading import read_stream
from core.events.file.verify import verify
from core.events.file.writer import Writer
from core.events.hub import ClockCorrected
from core.events.log.append_request import AppendRequest, VersionError, Write
from core.events.log.side_tables import SideTableChange
from core.events.record import Record
from projections.rebuild import drift
from tests.logs import BY, Disk, Refusing, commit, created, idempotency_record, rows, said
from tests.unit.conftest import OpenWriter

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "log.sqlite")


@pytest.fixture
def writer() -> Iterator[Writer]:
    made = Writer(MEMORY, projections.ALL)
    yield made
    made.close()


def errors(units: list[AppendRequest]) -> list[type | None]:
    return [type(unit.error) if unit.error else None for unit in units]


# --- what is recorded, and what is refused alone ---


def test_many_units_are_one_transaction(path: str, open_writer: OpenWriter) -> None:
    disk = Disk()
    writer = open_writer(path, projections.ALL, connect=disk.connect)
    before = disk.commits
    commit(writer, *(created(number) for number in range(100)))
    assert disk.commits == before + 1
    assert writer.position == 100


def test_every_commit_is_synced(path: str, open_writer: OpenWriter) -> None:
    writer = open_writer(path, ())
    assert writer.connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert writer.connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_positions_have_no_gap_and_versions_begin_at_one_in_every_stream(writer: Writer) -> None:
    commit(writer, said("a", 0), said("b", 0, 2), said("a", 1))
    commit(writer, said("b", 2), said("a", 2))
    assert rows(writer.connection) == [
        (1, "server/a", 1),
        (2, "server/b", 1),
        (3, "server/b", 2),
        (4, "server/a", 2),
        (5, "server/b", 3),
        (6, "server/a", 3),
    ]


def test_a_unit_gets_its_records(writer: Writer) -> None:
    (unit,) = commit(writer, AppendRequest([said("a", 0, 2), created(1)], BY))
    assert [(r.position, r.stream, r.version, r.by) for r in unit.records] == [
        (1, "server/a", 1, BY),
        (2, "server/a", 2, BY),
        (3, "user/u1", 1, BY),
    ]
    assert unit.records[0].event == said("a", 0).events[0]


@pytest.mark.parametrize("version", [0, 1, 3, 99])
def test_a_wrong_version_refuses_its_unit_alone(writer: Writer, version: int) -> None:
    commit(writer, said("a", 0, 2))
    units = commit(writer, said("b", 0), said("a", version), created(1))
    assert errors(units) == [None, VersionError, None]
    assert [row[1] for row in rows(writer.connection)] == ["server/a", "server/a", "server/b", "user/u1"]


def test_a_wrong_version_is_noticed_on_a_stream_the_writer_has_forgotten(
    path: str, open_writer: OpenWriter
) -> None:
    first = open_writer(path, ())
    commit(first, said("a", 0, 2))
    first.close()
    for wrong in (0, 1, 5):
        again = open_writer(path, ())
        assert errors(commit(again, said("a", wrong))) == [VersionError]
        assert errors(commit(again, said("a", wrong), created(wrong))) == [VersionError, None]
        again.close()
    assert errors(commit(open_writer(path, ()), said("a", 2))) == [None]
    assert verify(path).position == 6


def test_a_unit_of_several_streams_is_recorded_whole_or_not_at_all(writer: Writer) -> None:
    commit(writer, said("a", 0))
    both_wrong = AppendRequest([created(1), said("a", 5)], BY)
    units = commit(writer, both_wrong, AppendRequest([created(2), said("a", 1)], BY))
    assert errors(units) == [VersionError, None]
    assert [row[1] for row in rows(writer.connection)] == ["server/a", "user/u2", "server/a"]


def test_a_projection_that_refuses_refuses_that_unit_alone_and_keeps_nothing_of_it(
    open_writer: OpenWriter,
) -> None:
    writer = open_writer(MEMORY, (Refusing("eve"),))
    units = commit(writer, created(1), AppendRequest([said("a", 0), created(2, "eve")], BY), created(3))
    assert errors(units) == [None, AlreadyExistsError, None]
    assert writer.connection.execute("SELECT stream FROM seen").fetchall() == [("user/u1",), ("user/u3",)]
    assert [row[1] for row in rows(writer.connection)] == ["user/u1", "user/u3"]


def test_two_users_of_one_batch_cannot_have_one_name(writer: Writer) -> None:
    units = commit(writer, created(1, "eve"), created(2, "eve"), created(3, "adam"))
    assert errors(units) == [None, AlreadyExistsError, None]


def test_a_wrong_statement_of_a_projection_is_a_bug_of_its_unit_and_no_trouble_of_the_disk(
    open_writer: OpenWriter,
) -> None:
    class Wrong(Refusing):
        def project(self, db: sqlite3.Connection, record: object) -> None:
            if record.event.name == "eve":  # type: ignore[attr-defined]
                db.execute("INSERT INTO no_such_table VALUES (1)")

    writer = open_writer(MEMORY, (Wrong(),))
    units = commit(writer, created(1), created(2, "eve"), created(3))
    assert errors(units) == [None, sqlite3.OperationalError, None]
    assert writer.trouble == ""


def test_a_unit_that_ends_the_transaction_takes_its_batch_along_and_no_later_one(
    path: str, open_writer: OpenWriter
) -> None:
    class Wild(Refusing):
        calls = 0

        def project(self, db: sqlite3.Connection, record: Record) -> None:
            self.calls += 1
            if record.stream == "user/u2":
                if self.calls > 2:  # at the second attempt, when each is tried alone
                    db.execute("ROLLBACK")
                raise ValueError

    writer = open_writer(path, (Wild(),))
    units = commit(writer, created(1), created(2), created(3))
    assert errors(units) == [UnavailableError] * 3
    assert rows(writer.connection) == []
    assert errors(commit(writer, created(3))) == [None]
    assert verify(path).position == 1


def test_text_that_is_no_text_refuses_its_unit_alone(writer: Writer) -> None:
    units = commit(writer, created(1), created(2, "\ud800"), created(3))
    assert errors(units) == [None, UnicodeEncodeError, None]


def test_versions_stay_right_when_the_writer_forgets_them(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_end, "KNOWN_VERSIONS", 3)
    for version in range(5):
        units = commit(writer, *(said(f"v{number}", version) for number in range(10)))
        assert errors(units) == [None] * 10


# --- times ---


def seconds_recorded(writer: Writer) -> list[tuple[str, int]]:
    """Which streams, and how many seconds after noon."""
    found = rows(writer.connection, "stream, at")
    return [(stream, round((datetime.fromisoformat(at) - NOON).total_seconds())) for stream, at in found]


def test_recorded_times_decrease_at_a_correction_alone(path: str, open_writer: OpenWriter) -> None:
    """Also where it is the next writer that finds the clock set back."""
    ticks = iter([0, 500, 60, 63, 67, -3600, 8])
    writer = open_writer(path, (), lambda: NOON + timedelta(seconds=next(ticks)))
    for version in range(5):
        commit(writer, said("a", version))
    writer.close()
    again = open_writer(path, (), lambda: NOON + timedelta(seconds=next(ticks)))
    for version in range(5, 7):
        commit(again, said("a", version))
    a, clock = "server/a", "clock"
    assert seconds_recorded(again) == [
        *[(a, 0), (a, 500), (clock, 60), (a, 60), (a, 63), (a, 67)],
        *[(clock, -3600), (a, -3600), (a, 8)],
    ]
    corrections = [record.event for record in read_stream(again.connection, "clock", 0, 10)]
    assert corrections == [
        ClockCorrected(NOON + timedelta(seconds=500), NOON + timedelta(seconds=60)),
        ClockCorrected(NOON + timedelta(seconds=67), NOON + timedelta(seconds=-3600)),
    ]
    assert verify(path).position == 9


def test_a_small_step_back_is_waited_for(writer: Writer) -> None:
    ticks = iter([5.0, 4.0, 4.9, 6.0])
    writer.now = lambda: NOON + timedelta(seconds=next(ticks))
    for version in range(4):
        commit(writer, said("a", version))
    assert seconds_recorded(writer) == [("server/a", at) for at in (5, 5, 5, 6)]


def test_nothing_is_said_of_the_clock_where_there_is_nothing_to_record(writer: Writer) -> None:
    ticks = iter([60, 0, 0])
    writer.now = lambda: NOON + timedelta(seconds=next(ticks))
    commit(writer, said("a", 0))
    commit(writer, AppendRequest((), BY, changes=[SideTableChange("log_facts", "a", b"b")]))
    assert seconds_recorded(writer) == [("server/a", 60)]
    commit(writer, said("a", 7), said("a", 1))  # the first is refused
    assert seconds_recorded(writer) == [("server/a", 60), ("clock", 0), ("server/a", 0)]


@pytest.mark.parametrize("company", [[], [said("a", 1)]], ids=["alone", "in company"])
def test_a_refused_unit_leaves_no_time_behind(writer: Writer, company: list[Write]) -> None:
    """Were the moment of what was refused remembered, what follows would bear a time that never was."""
    ticks = iter([0, 1000, 7])
    writer.now = lambda: NOON + timedelta(seconds=next(ticks))
    commit(writer, said("a", 0))
    refused = [said("b", 9), *company]  # a wrong version
    assert errors(commit(writer, *refused)) == [VersionError, *(None for _ in company)]
    commit(writer, said("a", 1 + len(company)))
    on_records = [("server/a", 1000), ("clock", 7)] if company else []
    assert seconds_recorded(writer) == [("server/a", 0), *on_records, ("server/a", 7)]


# --- nothing is changed afterwards ---


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET payload = '{}' WHERE position = 1",
        "DELETE FROM events WHERE position = 2",
        "DELETE FROM events",
        "INSERT OR REPLACE INTO events SELECT 1, 'x', 1, type, payload, at, principal, via, request, cause, digest"
        " FROM events WHERE position = 2",
    ],
)
def test_what_is_recorded_cannot_be_changed(writer: Writer, statement: str) -> None:
    commit(writer, said("a", 0, 3))
    before = rows(writer.connection, "*")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        writer.connection.execute(statement)
    assert rows(writer.connection, "*") == before


# --- when the disk says no ---


def check_answers(path: str, units: list[AppendRequest]) -> None:
    """Each unit's answer is the truth, and the log is a whole one."""
    log = open_for_reading(path)
    there = {row[1] for row in rows(log)}
    for unit in units:
        stream = unit.writes[0].stream
        assert (unit.error is None) == (stream in there), (stream, unit.error)
        assert bool(unit.records) == (unit.error is None)
    verify(path)
    assert drift(log, projections.ALL) == []
    log.close()


@pytest.mark.parametrize(
    "fails", ["BEGIN", "INSERT INTO events", "INSERT INTO users", "COMMIT", "done COMMIT"]
)
@pytest.mark.parametrize("refused", [False, True])
@pytest.mark.parametrize("code", [sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_FSYNC])
def test_after_a_failure_every_answer_is_what_the_file_says(
    path: str, fails: str, refused: bool, code: int, open_writer: OpenWriter
) -> None:
    """`refused`: one of the batch is refused anyway, so that they are tried one by one."""
    disk = Disk()
    disk.code = code
    writer = open_writer(path, projections.ALL, connect=disk.connect)
    commit(writer, created(1))
    disk.fails = {fails}
    units = commit(writer, created(2), *([created(3, "user1")] if refused else []), created(4))
    check_answers(path, units)
    happened = fails == "done COMMIT"
    assert (units[0].error is None) is happened
    if not happened:
        assert {type(unit.error) for unit in units} == {UnavailableError}
        assert "Nothing was changed" in str(units[0].error)
        assert writer.trouble
    disk.fails = set()
    later = commit(writer, created(5), created(6))
    assert errors(later) == [None, None]
    assert writer.trouble == ""
    check_answers(path, [*units, *later])


def test_a_refusal_that_rests_on_what_was_lost_is_not_told(path: str, open_writer: OpenWriter) -> None:
    """Of two users of one name the second is refused; but if the first is lost, the name is free."""
    disk = Disk()
    writer = open_writer(path, projections.ALL, connect=disk.connect)
    disk.fails = {"COMMIT"}
    units = commit(writer, created(1, "eve"), created(2, "eve"))
    assert errors(units) == [UnavailableError, UnavailableError]


@pytest.mark.parametrize("happened", [False, True])
def test_a_file_that_cannot_be_read_back_leaves_doubt_and_is_taken_up_later(
    path: str, happened: bool, open_writer: OpenWriter
) -> None:
    disk = Disk()
    writer = open_writer(path, projections.ALL, connect=disk.connect)
    disk.fails = {"done COMMIT" if happened else "COMMIT"}
    disk.is_gone = True
    (lost,) = commit(writer, created(1))
    assert isinstance(lost.error, UnavailableError)
    assert "not known" in str(lost.error)
    (early,) = commit(writer, created(2))
    assert "Nothing was changed" in str(early.error)
    disk.is_gone, disk.fails = False, set()
    assert errors(commit(writer, created(3))) == [None]
    assert [row[1] for row in rows(writer.connection)] == (["user/u1"] if happened else []) + ["user/u3"]
    verify(path)


@pytest.mark.parametrize("fails", ["INSERT INTO command_keys", "COMMIT", "done COMMIT"])
def test_a_key_without_events_is_answered_by_the_truth_too(
    path: str, fails: str, open_writer: OpenWriter
) -> None:
    disk = Disk()
    writer = open_writer(path, projections.ALL, connect=disk.connect)
    disk.fails = {fails}
    (unit,) = commit(writer, AppendRequest([Write("user/u1", 0, [])], BY, idempotency_record("key")))
    assert (unit.error is None) == (fails == "done COMMIT")
    taken = writer.connection.execute("SELECT count(*) FROM command_keys").fetchone()[0]
    assert taken == (1 if unit.error is None else 0)


def test_a_bug_in_the_writer_refuses_its_batch_and_no_later_one(
    path: str, monkeypatch: pytest.MonkeyPatch, open_writer: OpenWriter
) -> None:
    writer = open_writer(path, projections.ALL)
    with monkeypatch.context() as patch:
        patch.setattr(writer, "now", lambda: None)
        units = commit(writer, created(1), created(2))
    assert all(unit.error is not None for unit in units)
    check_answers(path, units)
    assert errors(commit(writer, created(1))) == [None]


def test_a_database_that_may_not_grow_refuses_and_recovers(path: str, open_writer: OpenWriter) -> None:
    writer = open_writer(path, projections.ALL)
    commit(writer, created(0))
    (pages,) = writer.connection.execute("PRAGMA page_count").fetchone()
    writer.connection.execute(f"PRAGMA max_page_count = {pages}")
    units = [
        unit
        for begin in range(1, 10_001, 100)
        for unit in commit(writer, *(created(number) for number in range(begin, begin + 100)))
    ]
    refused = [unit for unit in units if unit.error]
    assert refused, "the pages filled up within 10,000 users"
    assert "full" in str(refused[0].error)
    check_answers(path, units)
    # The connection was opened again, and so knows of no limit any more.
    assert errors(commit(writer, created(20_000))) == [None]


def test_what_a_failed_commit_left_behind_is_written_over(path: str, open_writer: OpenWriter) -> None:
    disk = Disk()
    writer = open_writer(path, projections.ALL, connect=disk.connect)
    disk.fails = {"COMMIT"}
    commit(writer, created(1))
    facts = dict(writer.connection.execute("SELECT name, value FROM log_facts").fetchall())
    assert "last_trouble" in facts


def test_what_cannot_be_written_over_may_come_back_and_so_is_not_known(
    path: str, open_writer: OpenWriter
) -> None:
    disk = Disk()
    writer = open_writer(path, projections.ALL, connect=disk.connect)
    disk.fails = {"COMMIT", "INSERT OR REPLACE INTO log_facts"}
    (unit,) = commit(writer, created(1))
    assert "is not known" in str(unit.error)


@pytest.mark.parametrize(
    ("code", "is_trouble"),
    [
        (sqlite3.SQLITE_FULL, True),
        (sqlite3.SQLITE_IOERR_WRITE, True),
        (sqlite3.SQLITE_IOERR_FSYNC, True),
        (sqlite3.SQLITE_BUSY, True),
        (sqlite3.SQLITE_READONLY, True),
        (sqlite3.SQLITE_CORRUPT, True),
        (sqlite3.SQLITE_CONSTRAINT_UNIQUE, False),
        (sqlite3.SQLITE_ERROR, False),
        (sqlite3.SQLITE_MISMATCH, False),
        (sqlite3.SQLITE_TOOBIG, False),
    ],
)
def test_what_counts_as_trouble_of_the_disk(code: int, is_trouble: bool) -> None:
    assert is_disk_trouble(Disk().error("x", code)) is is_trouble


# --- a WAL that readers hold up ---


def test_the_wal_stays_short_with_readers_around(
    path: str, monkeypatch: pytest.MonkeyPatch, open_writer: OpenWriter
) -> None:
    """There is always some reader in the middle of something; none for long."""
    monkeypatch.setattr(wal, "LIMIT", 6 * 2**20)  # more than the WAL has in any case
    monkeypatch.setattr(wal, "RETRY", 0.0)
    writer = open_writer(path, ())
    over = threading.Event()

    def read() -> None:
        with contextlib.closing(open_for_reading(path)) as reader:
            while not over.is_set():
                reader.execute("BEGIN")
                reader.execute("SELECT count(*) FROM events").fetchone()
                time.sleep(0.02)
                reader.execute("COMMIT")

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
        time.sleep(0.007)
    longest = 0
    for turn in range(400):
        assert errors(commit(writer, said(f"v{turn}", 0, 100))) == [None]
        longest = max(longest, Path(f"{path}-wal").stat().st_size)
    over.set()
    for reader in readers:
        reader.join()
    assert longest < 8 * 2**20
    verify(path)


def test_a_reader_that_never_ends_does_not_hold_up_the_writer(
    path: str, monkeypatch: pytest.MonkeyPatch, open_writer: OpenWriter
) -> None:
    monkeypatch.setattr(wal, "LIMIT", 0)
    writer = open_writer(path, ())
    commit(writer, said("v", 0))
    reader = open_for_reading(path)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM events").fetchone()
    for version in range(1, 200):
        assert errors(commit(writer, said("v", version))) == [None]
    assert reader.execute("SELECT count(*) FROM events").fetchone() == (1,)
    reader.close()


# --- a disk that really is full: in a process of its own, for the limit is the process's ---

FULL_DISK = """
import os, resource, signal, sys
import projections
from core.errors import UnavailableError
from core.events.file.database import open_for_reading
from core.events.log.append_request import AppendRequest
from core.events.file.verify import verify
from core.events.file.writer import Writer
from projections.rebuild import drift
from tests.logs import BY, commit, created, said

path, limit = sys.argv[1], int(sys.argv[2])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
writer = Writer(path, projections.ALL)
limit += os.stat(path + "-wal").st_size
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
there, refused = [], []
for number in range(3000):
    (unit,) = commit(writer, created(number))
    (refused if unit.error else there).append(number)
    assert unit.error is None or isinstance(unit.error, UnavailableError), unit.error
    if len(refused) == 20:
        break
assert there and refused, (len(there), len(refused))
reader = open_for_reading(path)
assert reader.execute("SELECT count(*) FROM users").fetchone() == (len(there),)
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
(unit,) = commit(writer, created(5000))
assert unit.error is None and not writer.trouble, unit.error
names = [name for (name,) in reader.execute("SELECT stream FROM events ORDER BY position")]
assert names == [f"user/u{number}" for number in [*there, 5000]]
verify(path)
assert drift(reader, projections.ALL) == []
print("ok", len(there))
"""


@pytest.mark.parametrize("limit", [50_000, 300_000, 1_000_001])
def test_a_file_that_may_not_grow_refuses_and_recovers(path: str, limit: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, path, str(limit)], capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith("ok"), done.stderr
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


def test_a_key_taken_before_is_told_even_where_the_command_would_be_refused(writer: Writer) -> None:
    commit(writer, AppendRequest([created(1, "eve")], BY, idempotency_record("key")))
    units = commit(writer, AppendRequest([created(2, "eve")], BY, idempotency_record("key")), created(3))
    assert errors(units) == [RepeatedError, None]
