"""What the hub relies on, whatever keeps the log: an SQLite file, memory, or another with a copy in either."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trio

import projections
from core.errors import AlreadyExistsError, HubError, RepeatedError
from core.events.file.database import MEMORY
from core.events.file.store import EventStore
from core.events.file.verify import verify
from core.events.log.append_request import Outcome, VersionError, Write
from core.events.log.protocol import Log
from core.events.log.side_tables import SideTableChange
from core.events.record import Record
from core.events.user import UserDeleted, user_stream
from projections import auth_states
from projections.rebuild import differences, rebuilt
from tests.json_lines import JsonLines
from tests.logs import BY, created, idempotency_record, said

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
START = 1  # batches of a log that has just been made

Opening = Callable[[], EventStore]


@asynccontextmanager
async def running(store: EventStore) -> AsyncIterator[EventStore]:
    try:
        async with trio.open_nursery() as nursery:
            await nursery.start(store.run)
            yield store
            nursery.cancel_scope.cancel()
    finally:
        store.close()


class Keeper:
    """`open`: the log, again and again where it outlives its store."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.outlives = kind != "memory"
        self.path = MEMORY if "memory" in kind else str(folder / "log.sqlite")
        self._lines = str(folder / "log.jsonl") if "lines" in kind else ""
        self.now = NOON

    def open(self) -> EventStore:
        return EventStore(self.path, projections.ALL, now=lambda: self.now, threaded=False, log=self.log())

    def log(self) -> Log | None:
        return JsonLines(self._lines) if self._lines else None


@pytest.fixture(params=["file", "memory", "lines", "lines, memory"])
def keeper(request: pytest.FixtureRequest, tmp_path: Path) -> Keeper:
    return Keeper(request.param, tmp_path)


@pytest.fixture
async def store(keeper: Keeper) -> AsyncIterator[EventStore]:
    async with running(keeper.open()) as store:
        yield store


def check_whole(store: EventStore) -> None:
    """Positions and versions without gaps, times that never go back, and tables that are what the log says."""
    records = all_records(store)
    assert [record.position for record in records] == list(range(1, len(records) + 1))
    for stream in {record.stream for record in records}:
        versions = [record.version for record in records if record.stream == stream]
        assert versions == list(range(1, len(versions) + 1))
    with_fresh = rebuilt(store.db, projections.ALL)
    assert differences(store.db, with_fresh, projections.ALL) == []
    with_fresh.close()
    if store.path != MEMORY:
        verify(store.path)


def all_records(store: EventStore) -> list[Record]:
    found: list[Record] = []
    while records := store.read_all(len(found)):
        found += records
    return found


def deleted(number: int, version: int) -> Write:
    return Write(user_stream(f"u{number}"), version, [UserDeleted()])


def sealed(user: str, state: bytes | None) -> SideTableChange:
    return auth_states.kept(user, state)


# --- append and read ---


async def test_what_is_appended_is_read_in_order_and_by_stream(store: EventStore) -> None:
    first = await store.append(created(1), said("a", 0, 2), by=BY)
    second = await store.append(said("a", 2), by=BY)
    assert all_records(store) == first + second
    assert await store.read("server/a") == [first[1], first[2], *second]
    assert await store.read("server/a", after=2) == second
    assert (store.version("server/a"), store.version("server/b"), store.head) == (3, 0, 4)
    check_whole(store)


@pytest.mark.parametrize(
    ("refused", "error"),
    [
        ([said("a", 7)], VersionError),
        ([created(2), said("a", 0)], VersionError),
        ([created(2), created(3, "user1")], AlreadyExistsError),
    ],
    ids=["a version", "one of two", "a name"],
)
async def test_all_of_an_append_is_recorded_or_nothing(
    store: EventStore, refused: Sequence[Write], error: type[Exception]
) -> None:
    await store.append(created(1), said("a", 0), by=BY)
    before = all_records(store)
    with pytest.raises(error):
        await store.append(*refused, by=BY, changes=[sealed("u1", b"secret")])
    assert all_records(store) == before
    assert auth_states.sealed(store.db, "u1") is None
    check_whole(store)


async def test_who_is_refused_does_not_hold_up_the_others_of_a_commit(store: EventStore) -> None:
    outcomes: dict[int, bool] = {}

    async def make(number: int) -> None:
        try:
            await store.append(created(number, f"user{number % 3}"), by=BY)
        except HubError:
            outcomes[number] = False
        else:
            outcomes[number] = True

    async with trio.open_nursery() as nursery:
        for number in range(9):
            nursery.start_soon(make, number)
    assert sum(outcomes.values()) == 3
    assert {record.stream for record in all_records(store)} == {
        user_stream(f"u{number}") for number, made in outcomes.items() if made
    }
    check_whole(store)


async def test_times_never_go_back_but_for_a_correction_that_is_recorded(
    store: EventStore, keeper: Keeper
) -> None:
    await store.append(said("a", 0), by=BY)
    keeper.now -= timedelta(hours=1)
    await store.append(said("a", 1), by=BY)
    assert [(record.stream, record.at) for record in all_records(store)] == [
        ("server/a", NOON),
        ("clock", keeper.now),
        ("server/a", keeper.now),
    ]
    check_whole(store)


# --- follow ---


async def test_who_listens_is_told_of_everything_once_and_in_order(store: EventStore) -> None:
    told: list[Record] = []
    store.listen(told.extend)
    for number in range(3):
        await store.append(created(number), said(f"v{number}", 0), by=BY)
    assert told == all_records(store)


async def test_who_waits_goes_on_with_the_next_event(store: EventStore, autojump_clock: object) -> None:
    ended: list[str] = []

    async def wait(name: str, wait: Callable[[], object]) -> None:
        await wait()  # type: ignore[misc]
        ended.append(name)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait, "a", lambda: store.wait_stream("server/a"))
        nursery.start_soon(wait, "any", store.wait_any)
        await trio.sleep(1)
        await store.append(said("b", 0), by=BY)
        await trio.sleep(1)
        assert ended == ["any"]
        await store.append(said("a", 0), by=BY)
    assert ended == ["any", "a"]


# --- what is no event ---


async def test_a_key_is_taken_with_its_events_and_answered_later(store: EventStore) -> None:
    await store.append(created(1), by=BY, idempotency=idempotency_record("key"))
    assert store.stored_outcome("key") == ("body", Outcome(201, b'{"made":true}'))
    with pytest.raises(RepeatedError):
        await store.append(created(2), by=BY, idempotency=idempotency_record("key"))
    await store.store_outcome("key", "body", Outcome(202))
    await store.store_outcome("key", "another", Outcome(409))
    assert store.stored_outcome("key") == ("body", Outcome(202))
    await store.forget_keys(NOON + timedelta(seconds=1))
    assert store.stored_outcome("key") is None
    check_whole(store)


async def test_a_change_goes_with_its_events_and_with_their_user(store: EventStore) -> None:
    await store.append(created(1), by=BY, changes=[sealed("u1", b"\xff\0")])
    assert auth_states.sealed(store.db, "u1") == b"\xff\0"
    await store.append(deleted(1, 1), by=BY)
    assert auth_states.sealed(store.db, "u1") is None


@pytest.mark.parametrize(
    ("replaces", "is_made"), [(b"one", True), (b"two", False), (None, False)], ids=["same", "other", "none"]
)
async def test_a_change_may_ask_for_what_it_replaces(
    store: EventStore, replaces: bytes | None, is_made: bool
) -> None:
    await store.amend(sealed("u1", b"one"))
    await store.amend(auth_states.kept("u1", b"new", replaces=replaces))
    assert auth_states.sealed(store.db, "u1") == (b"new" if is_made else b"one")


async def test_a_value_may_be_for_where_there_is_none(store: EventStore) -> None:
    await store.amend(auth_states.kept("u1", b"one", replaces=None))
    assert auth_states.sealed(store.db, "u1") == b"one"
    await store.amend(sealed("u1", None), sealed("u2", b"two"))
    assert auth_states.some(store.db, "") == [("u2", b"two")]


# --- a store after the other ---


async def play(store: EventStore) -> None:
    """A little of all there is, in one commit and in several."""
    async with trio.open_nursery() as nursery:
        for number in range(3):
            nursery.start_soon(store_user, store, number)
    await store.append(said("a", 0, 3), by=BY)
    await store.append(deleted(1, 1), by=BY)
    await store.store_outcome("key2", "body", Outcome(204))


async def store_user(store: EventStore, number: int) -> None:
    name = f"u{number}"
    await store.append(
        created(number), by=BY, idempotency=idempotency_record(f"key{number}"), changes=[sealed(name, b"s")]
    )


def contents(store: EventStore) -> dict[str, object]:
    return {
        "id": store.id,
        "salt": store.fact("salt"),
        "records": all_records(store),
        "keys": [store.stored_outcome(f"key{number}") for number in range(3)],
        "secrets": auth_states.some(store.db, ""),
        "shapes": store.db.execute("SELECT * FROM event_shapes ORDER BY type").fetchall(),
    }


async def test_nothing_is_lost_from_one_store_to_the_next(keeper: Keeper) -> None:
    if not keeper.outlives:
        async with running(keeper.open()) as store:
            await play(store)
            assert auth_states.some(store.db, "") == [("u0", b"s"), ("u2", b"s")]
            check_whole(store)
        return
    async with running(keeper.open()) as store:
        await play(store)
        before = contents(store)
    assert before["secrets"] == [("u0", b"s"), ("u2", b"s")]
    async with running(keeper.open()) as store:
        assert contents(store) == before
        (record,) = await store.append(said("a", 3), by=BY)
        assert (record.position, store.head) == (len(before["records"]) + 1,) * 2  # type: ignore[arg-type]
        with pytest.raises(RepeatedError):
            await store.append(created(9), by=BY, idempotency=idempotency_record("key1"))
        check_whole(store)
