"""The log as the rest of the hub sees it: who waits, who is told, who reads."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

import projections
from core.errors import AlreadyExistsError, UnavailableError
from core.events.file import store as store_module
from core.events.file.database import MEMORY
from core.events.file.store import EventStore
from core.events.file.verify import verify
from core.events.file.writer import Writer
from core.events.log.append_request import Outcome, VersionError
from core.events.record import Record
from core.events.user import UserCreated
from projections.rebuild import drift, rebuild
from tests.logs import BY, Disk, commit, created, idempotency_record, rows, said
from tests.unit.conftest import OpenWriter


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "log.sqlite")


@asynccontextmanager
async def running(store: EventStore) -> AsyncIterator[EventStore]:
    async with trio.open_nursery() as nursery:
        await nursery.start(store.run)
        yield store
        nursery.cancel_scope.cancel()
    store.close()


@pytest.fixture
async def store() -> AsyncIterator[EventStore]:
    async with running(EventStore(MEMORY, projections.ALL)) as store:
        yield store


def check_whole(store: EventStore) -> None:
    verify(store.path)
    assert drift(store.db, projections.ALL) == []


# --- appending ---


async def test_a_hundred_writers_on_a_real_file_share_commits_and_lose_nothing(path: str) -> None:
    disk = Disk()
    each = 20
    async with running(EventStore(path, projections.ALL, connect=disk.connect)) as store:
        on_records: list[Record] = []
        store.listen(on_records.extend)
        before = disk.commits

        async def write(number: int) -> None:
            for version in range(each):
                (record,) = await store.append(said(f"v{number}", version), by=BY)
                assert record.version == version + 1
                found = store.db.execute("SELECT stream FROM events WHERE position = ?", (record.position,))
                assert found.fetchone() == (f"server/v{number}",), "what is answered can be read"

        async with trio.open_nursery() as nursery:
            for number in range(100):
                nursery.start_soon(write, number)
        assert disk.commits - before < 100 * each / 10
        assert [record.position for record in on_records] == list(range(1, 100 * each + 1))
        assert store.head == 100 * each
        check_whole(store)


async def test_writers_that_are_refused_do_not_hold_up_the_others(path: str) -> None:
    async with running(EventStore(path, projections.ALL)) as store:
        answers: list[str] = []

        async def write(number: int) -> None:
            """A third have a name of their own, a third the same one, a third a wrong version."""
            name = "same" if number % 3 == 1 else None
            try:
                if number % 3 == 2:
                    await store.append(said(f"v{number}", 7), by=BY)
                else:
                    await store.append(created(number, name), by=BY)
            except (AlreadyExistsError, VersionError) as error:
                answers.append(type(error).__name__)
            else:
                answers.append("done")

        async with trio.open_nursery() as nursery:
            for number in range(99):
                nursery.start_soon(write, number)
        assert {answer: answers.count(answer) for answer in answers} == {
            "done": 34,
            "AlreadyExistsError": 32,
            "VersionError": 33,
        }
        assert store.head == 34
        check_whole(store)


async def test_an_append_that_is_cancelled_is_recorded_all_the_same(
    store: EventStore, autojump_clock: object
) -> None:
    with trio.CancelScope() as scope:
        scope.cancel()
        await store.append(created(1), by=BY)
    assert rows(store.db) == [(1, "user/u1", 1)]
    with trio.move_on_after(0):
        await store.append(created(2), by=BY)
    assert store.head == 2


async def test_an_append_under_way_is_not_cancelled_before_it_is_committed(path: str) -> None:
    async with running(EventStore(path, projections.ALL)) as store:
        outcomes: list[bool] = []

        async def write(number: int) -> None:
            with trio.CancelScope() as scope:
                if number % 2:
                    scope.cancel()
                await store.append(created(number), by=BY)
                outcomes.append(True)

        async with trio.open_nursery() as nursery:
            for number in range(50):
                nursery.start_soon(write, number)
        assert outcomes == [True] * 50
        assert store.head == 50


@pytest.mark.parametrize("threaded", [True, False])
async def test_what_is_queued_when_the_writer_ends_is_recorded_and_later_appends_are_refused(
    path: str, threaded: bool
) -> None:
    store = EventStore(path, projections.ALL, threaded=threaded)
    answers: list[tuple[int, int]] = []

    async def append(number: int) -> None:
        (record,) = await store.append(created(number), by=BY)
        answers.append((number, record.position))

    async with trio.open_nursery() as outer:
        async with trio.open_nursery() as nursery:
            await nursery.start(store.run)
            for number in range(5):
                outer.start_soon(append, number)
            while not (store._queue or answers):  # the writer may be quicker than this look
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
        with pytest.raises(UnavailableError, match="shutting down"):
            await store.append(created(99), by=BY)
    there = [(int(stream.removeprefix("user/u")), position) for position, stream, _ in rows(store.db)]
    assert sorted(answers) == sorted(there)
    assert len(there) == 5
    store.close()


async def test_the_store_can_be_run_again(autojump_clock: object) -> None:
    store = EventStore(MEMORY, projections.ALL)
    for number in range(3):
        async with trio.open_nursery() as nursery:
            await nursery.start(store.run)
            await store.append(created(number), by=BY)
            nursery.cancel_scope.cancel()
    assert store.head == 3
    store.close()


async def test_a_batch_has_a_limit_and_all_of_a_longer_queue_is_recorded(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: object
) -> None:
    monkeypatch.setattr(store_module, "BATCH", 7)
    async with running(EventStore(MEMORY, projections.ALL)) as store, trio.open_nursery() as nursery:
        for number in range(50):
            nursery.start_soon(lambda number=number: store.append(created(number), by=BY))
    assert store.head == 50


# --- trouble ---


async def test_while_nothing_can_be_recorded_reads_go_on_and_commands_are_told(path: str) -> None:
    disk = Disk()
    async with running(EventStore(path, projections.ALL, connect=disk.connect)) as store:
        await store.append(said("v1", 0, 3), by=BY)
        disk.fails = {"COMMIT"}
        with pytest.raises(
            UnavailableError, match=r"cannot be written now: disk I/O error\. Nothing was changed"
        ):
            await store.append(said("v1", 3), by=BY)
        assert len(await store.read("server/v1")) == 3
        assert store.trouble == "disk I/O error"
        disk.fails = set()
        await store.append(said("v1", 3), by=BY)
        assert store.trouble == ""
        check_whole(store)


async def test_every_one_of_many_writers_is_answered_by_the_truth_while_the_disk_comes_and_goes(
    path: str,
) -> None:
    disk = Disk()
    async with running(EventStore(path, projections.ALL, connect=disk.connect)) as store:
        on_records: list[Record] = []
        store.listen(on_records.extend)
        done: set[str] = set()
        refused: set[str] = set()

        async def write(number: int) -> None:
            for turn in range(10):
                write = created(number * 1000 + turn)
                try:
                    await store.append(write, by=BY)
                    done.add(write.stream)
                except UnavailableError:
                    refused.add(write.stream)

        async def spoil() -> None:
            for fails in ("COMMIT", "done COMMIT", "INSERT INTO events", "BEGIN", "INSERT INTO names") * 3:
                disk.fails = {fails}
                await trio.sleep(0.01)
                disk.fails = set()
                await trio.sleep(0.01)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(spoil)
            for number in range(30):
                nursery.start_soon(write, number)
        there = {stream for _, stream, _ in rows(store.db)}
        assert done == there
        assert not refused & there
        assert [record.position for record in on_records] == list(range(1, len(there) + 1))
        check_whole(store)


async def test_what_was_recorded_while_the_file_could_not_be_read_is_told_later(path: str) -> None:
    disk = Disk()
    async with running(EventStore(path, projections.ALL, connect=disk.connect)) as store:
        on_records: list[Record] = []
        store.listen(on_records.extend)
        disk.fails, disk.is_gone = {"done COMMIT"}, True
        with pytest.raises(UnavailableError, match="not known"):
            await store.append(created(1), by=BY)
        assert on_records == []
        disk.fails, disk.is_gone = set(), False
        await store.append(created(2), by=BY)
        assert [record.stream for record in on_records] == ["user/u1", "user/u2"]


# --- being told ---


async def test_listeners_hear_before_the_appender_goes_on(store: EventStore, autojump_clock: object) -> None:
    on_records: list[Sequence[Record]] = []
    store.listen(on_records.append)
    records = await store.append(created(1), said("v1", 0), by=BY)
    assert on_records == [records]


async def test_a_listener_is_called_for_batches_in_which_something_is_that_it_is_about(
    store: EventStore, autojump_clock: object
) -> None:
    about_users: list[Sequence[Record]] = []
    store.listen(about_users.append, (UserCreated,))
    await store.append(said("v1", 0), by=BY)
    both = await store.append(created(1), said("v1", 1), by=BY)
    assert about_users == [both]


async def test_a_listener_that_fails_hurts_nobody(
    store: EventStore, autojump_clock: object, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(records: Sequence[Record]) -> None:
        raise KeyError(len(records))

    on_records: list[Sequence[Record]] = []
    store.listen(broken)
    store.listen(on_records.append)
    first = await store.append(created(1), by=BY)
    second = await store.append(created(2), by=BY)
    assert on_records == [first, second]
    assert "events 2 to 2 were not heard" in caplog.text


async def test_what_could_not_be_read_is_told_of_with_the_next(
    store: EventStore, autojump_clock: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer itself recorded it, in a moment in which it could not be told."""

    def unreadable(after: int = 0, count: int = 0) -> list[Record]:
        raise sqlite3.OperationalError("disk I/O error")

    on_records: list[Record] = []
    first = await store.append(created(1), by=BY)
    store.listen(on_records.extend)
    store._listeners.head = 0
    with monkeypatch.context() as patch:
        patch.setattr(store, "read_all", unreadable)
        second = await store.append(created(2), by=BY)
        assert on_records == []
    third = await store.append(created(3), by=BY)
    assert on_records == [*first, *second, *third]


async def test_waiting_ends_with_the_next_event_of_that_stream(
    store: EventStore, autojump_clock: object
) -> None:
    ended: list[str] = []

    async def wait(stream: str) -> None:
        await store.wait_stream(stream)
        ended.append(stream)

    async with trio.open_nursery() as nursery:
        for stream in ("server/a", "server/a", "server/b"):
            nursery.start_soon(wait, stream)
        await trio.testing.wait_all_tasks_blocked()
        await store.append(said("a", 0), by=BY)
        await trio.testing.wait_all_tasks_blocked()
        assert ended == ["server/a", "server/a"]
        nursery.start_soon(store.wait_any)
        await trio.testing.wait_all_tasks_blocked()
        await store.append(said("b", 0), by=BY)


async def test_who_gives_up_waiting_leaves_nothing_behind(store: EventStore, autojump_clock: object) -> None:
    for number in range(10):
        with trio.move_on_after(1):
            await store.wait_stream(f"server/{number}")
    assert store._listeners._lots == {}


# --- reading ---


async def test_a_long_stream_is_read_in_chunks_and_others_get_their_turn(
    store: EventStore, autojump_clock: object
) -> None:
    await store.append(said("v1", 0, 1000), by=BY)
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(others)
        records = await store.read("server/v1")
        nursery.cancel_scope.cancel()
    assert [record.version for record in records] == list(range(1, 1001))
    assert turns >= 1000 / store_module.CHUNK - 1
    assert [record.version for record in await store.read("server/v1", 998)] == [999, 1000]
    assert await store.read("server/v1", 1000) == []
    assert store.version("server/v1") == 1000
    assert store.version("server/none") == 0


async def test_no_read_on_the_event_loop_is_longer_than_200_rows(
    store: EventStore, autojump_clock: object
) -> None:
    await store.append(said("v1", 0, 500), by=BY)
    assert len(store.read_all(0, 1000)) == 200
    assert [record.position for record in store.read_all(497)] == [498, 499, 500]


async def test_a_reader_and_the_writer_do_not_wait_for_each_other(path: str) -> None:
    async with running(EventStore(path, projections.ALL)) as store:
        cursor = None
        for number in range(50):
            await store.append(created(number), by=BY)
            cursor = store.db.execute(
                "SELECT position FROM events ORDER BY position"
            )  # left open across awaits
            cursor.fetchone()
        assert cursor is not None
        cursor.close()
        check_whole(store)


# --- idempotency keys ---


async def test_a_key_is_taken_in_the_transaction_of_its_events(
    store: EventStore, autojump_clock: object
) -> None:
    await store.append(created(1), by=BY, idempotency=idempotency_record("k1"))
    assert store.stored_outcome("k1") == ("body", Outcome(201, b'{"made":true}'))
    with pytest.raises(VersionError):
        await store.append(created(1), by=BY, idempotency=idempotency_record("k2"))
    assert store.stored_outcome("k2") is None


async def test_the_final_answer_replaces_the_first_but_never_that_of_another_request(
    store: EventStore, autojump_clock: object
) -> None:
    await store.append(created(1), by=BY, idempotency=idempotency_record("key", "body", 202))
    await store.store_outcome("key", "body", Outcome(201, b"{}"))
    assert store.stored_outcome("key") == ("body", Outcome(201, b"{}"))
    await store.store_outcome("key", "another body", Outcome(409, b""))
    assert store.stored_outcome("key") == ("body", Outcome(201, b"{}"))


# --- projections that are new, changed, or come back ---


class Count:
    """How many users were ever made."""

    NAME = "count"
    VERSION = 1
    TABLES = ("made",)
    EVENTS = projections.users.EVENTS[:1]

    def create(self, db: object) -> None:
        db.table("made").create({"stream": str}, strict=True)  # type: ignore[attr-defined]

    def project(self, db: sqlite3.Connection, record: Record) -> None:
        db.execute("INSERT INTO made VALUES (?)", (f"{record.stream} v{self.VERSION}",))

    def made(self, writer: Writer) -> list[str]:
        return [row[0] for row in writer.connection.execute("SELECT stream FROM made ORDER BY rowid")]


def test_a_new_projection_is_filled_when_the_log_is_opened(path: str, open_writer: OpenWriter) -> None:
    writer = open_writer(path, ())
    commit(writer, created(1), created(2))
    writer.close()
    count = Count()
    again = open_writer(path, (count,))
    assert count.made(again) == ["user/u1 v1", "user/u2 v1"]
    again.close()


def test_a_projection_whose_version_was_raised_is_filled_anew(path: str, open_writer: OpenWriter) -> None:
    writer = open_writer(path, (Count(),))
    commit(writer, created(1))
    writer.close()
    changed = Count()
    changed.VERSION = 2
    again = open_writer(path, (changed,))
    assert changed.made(again) == ["user/u1 v2"]
    again.close()


def test_a_projection_that_was_away_lacks_nothing_when_it_comes_back(
    path: str, open_writer: OpenWriter
) -> None:
    for number, kept in enumerate([(Count(),), (), (Count(),)]):
        writer = open_writer(path, kept)
        commit(writer, created(number))
        writer.close()
    writer = open_writer(path, (Count(),))
    assert Count().made(writer) == ["user/u0 v1", "user/u1 v1", "user/u2 v1"]
    writer.close()


def test_a_hub_killed_while_it_filled_a_projection_fills_it_at_the_next_start(
    path: str, open_writer: OpenWriter
) -> None:
    class Dies(Count):
        def project(self, db: sqlite3.Connection, record: Record) -> None:
            if record.position == 2:
                raise KeyboardInterrupt
            super().project(db, record)

    writer = open_writer(path, ())
    commit(writer, created(1), created(2))
    writer.close()
    with pytest.raises(KeyboardInterrupt):
        open_writer(path, (Dies(),))
    again = open_writer(path, (Count(),))
    assert Count().made(again) == ["user/u1 v1", "user/u2 v1"]
    again.close()


def test_a_table_that_was_spoilt_is_made_right_by_a_rebuild(path: str, open_writer: OpenWriter) -> None:
    writer = open_writer(path, projections.ALL)
    commit(writer, created(1), created(2))
    writer.connection.execute("UPDATE users SET name = 'mallory' WHERE id = 'u1'")
    writer.connection.execute("DELETE FROM names")
    found = drift(writer.connection, projections.ALL)
    assert any(line.startswith("users: only kept:") and "mallory" in line for line in found)
    assert any(line.startswith("names: only rebuilt:") for line in found)
    assert rebuild(writer.connection, projections.ALL) == 2
    assert drift(writer.connection, projections.ALL) == []
    writer.close()


async def test_a_log_that_cannot_be_read_is_unavailable_and_no_more() -> None:
    """Whoever records now and then tries again later."""
    async with running(EventStore(MEMORY, projections.ALL)) as store:
        store.db.execute("DROP TABLE events")
        with pytest.raises(UnavailableError, match="cannot be read now"):
            store.version("user/u1")
