"""The loop for what only decides: turns, folding, and what a failed append leaves."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import trio

import projections
from core.actors import entity
from core.actors.entity import Entities
from core.actors.keyed_lock import KeyedLock
from core.errors import AlreadyExistsError, NotFoundError, RepeatedError, UnavailableError
from core.events.file.database import MEMORY
from core.events.file.store import EventStore
from core.events.user import UserEvent, user_stream
from core.user import (
    AddServer,
    AnyUser,
    Change,
    Command,
    Create,
    NoUser,
    RequestDeletion,
    User,
    decide,
    evolve,
)
from tests.logs import BY, Disk, idempotency_record, rows, said

Users = Entities[AnyUser, Command, UserEvent]


@pytest.fixture
async def store(autojump_clock: object) -> AsyncIterator[EventStore]:
    made = EventStore(MEMORY, projections.ALL)
    async with trio.open_nursery() as nursery:
        await nursery.start(made.run)
        yield made
        nursery.cancel_scope.cancel()
    made.close()


def entities(store: EventStore) -> Users:
    return Entities(store, user_stream, NoUser(), decide, evolve)


@pytest.fixture
def users(store: EventStore) -> Users:
    return entities(store)


async def test_the_answer_is_the_state_the_command_left(users: Users) -> None:
    assert await users.ask("u1", Create("alice", "v1"), by=BY) == User("alice", {"v1": ""})
    assert await users.ask("u1", Change(admin=True), by=BY) == User("alice", {"v1": ""}, admin=True)


async def test_a_command_that_changes_nothing_appends_nothing(store: EventStore, users: Users) -> None:
    await users.ask("u1", Create("alice", "v1"), by=BY)
    await users.ask("u1", Change(name="alice"), by=BY)
    assert store.head == 1


async def test_others_find_the_same_state_by_folding(store: EventStore, users: Users) -> None:
    await users.ask("u1", Create("alice", "v1"), by=BY)
    await users.ask("u1", AddServer("v2", "lab"), by=BY)
    state = await entities(store).ask("u1", RequestDeletion(), by=BY)
    assert state == User("alice", {"v1": "", "v2": "lab"}, leaving=True)


async def test_a_refusal_is_raised_and_nothing_is_recorded(store: EventStore, users: Users) -> None:
    with pytest.raises(NotFoundError):
        await users.ask("u1", RequestDeletion(), by=BY)
    await users.ask("u1", Create("alice", "v1"), by=BY)
    with pytest.raises(AlreadyExistsError):
        await users.ask("u2", Create("alice", "v2"), by=BY)
    assert rows(store.db) == [(1, "user/u1", 1)]
    assert await users.ask("u2", Create("bob", "v2"), by=BY) == User("bob", {"v2": ""})


async def test_commands_of_one_entity_take_turns_and_those_of_others_do_not_wait(
    store: EventStore, users: Users
) -> None:
    for number in range(20):
        await users.ask(f"u{number}", Create(f"user{number}", f"v{number}"), by=BY)

    async def add(user: int, server: int) -> None:
        await users.ask(f"u{user}", AddServer(f"v{user}-{server}", f"s{server}"), by=BY)

    async with trio.open_nursery() as nursery:
        for user in range(20):
            for server in range(10):
                nursery.start_soon(add, user, server)
    assert [store.version(user_stream(f"u{user}")) for user in range(20)] == [11] * 20


async def test_a_caller_who_gives_up_while_waiting_changes_nothing(store: EventStore, users: Users) -> None:
    await users.ask("u1", Create("alice", "v1"), by=BY)
    with trio.CancelScope() as scope:
        scope.cancel()
        await users.ask("u1", Change(admin=True), by=BY)
    assert await users.ask("u1", Change(), by=BY) == User("alice", {"v1": ""})


async def test_states_are_forgotten_and_folded_again(
    store: EventStore, users: Users, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entity, "KEPT", 3)
    for number in range(10):
        await users.ask(f"u{number}", Create(f"user{number}", f"v{number}"), by=BY)
    for number in range(10):
        state = await users.ask(f"u{number}", Change(admin=True), by=BY)
        assert state == User(f"user{number}", {f"v{number}": ""}, admin=True)


async def test_what_goes_along_is_recorded_with_it_or_not_at_all(store: EventStore, users: Users) -> None:
    await users.ask("u1", Create("alice", "v1"), by=BY, also=[said("v1", 0)])
    with pytest.raises(AlreadyExistsError):
        await users.ask("u2", Create("alice", "v2"), by=BY, also=[said("v2", 0)])
    assert rows(store.db) == [(1, "user/u1", 1), (2, "server/v1", 1)]
    assert await users.ask("u1", Change(admin=True), by=BY) == User("alice", {"v1": ""}, admin=True)


async def test_a_claim_is_recorded_even_where_nothing_happens(store: EventStore, users: Users) -> None:
    await users.ask("u1", Create("alice", "v1"), by=BY)
    await users.ask("u1", Change(), by=BY, idempotency=idempotency_record("key"))
    assert store.stored_outcome("key") is not None
    with pytest.raises(RepeatedError):
        await users.ask("u1", Change(admin=True), by=BY, idempotency=idempotency_record("key"))
    assert store.head == 1


@pytest.mark.parametrize("happened", [False, True])
async def test_after_an_append_of_unknown_fate_the_log_is_asked(tmp_path: object, happened: bool) -> None:
    """The file could not be read back: the next command folds what is there, whichever way it went."""
    disk = Disk()
    store = EventStore(f"{tmp_path}/log.sqlite", projections.ALL, threaded=False, connect=disk.connect)
    users = entities(store)
    async with trio.open_nursery() as nursery:
        await nursery.start(store.run)
        await users.ask("u1", Create("alice", "v1"), by=BY)
        disk.fails, disk.is_gone = {"done COMMIT" if happened else "COMMIT"}, True
        with pytest.raises(UnavailableError):
            await users.ask("u1", Change(admin=True), by=BY)
        disk.fails, disk.is_gone = set(), False
        state = await users.ask("u1", AddServer("v2", "lab"), by=BY)
        assert state == User("alice", {"v1": "", "v2": "lab"}, admin=happened)
        nursery.cancel_scope.cancel()
    store.close()


async def test_turns_leave_nothing_behind(autojump_clock: object) -> None:
    turns = KeyedLock()
    order: list[str] = []

    async def take(key: str, name: str) -> None:
        async with turns.take(key):
            order.append(name)
            await trio.sleep(1)

    async with trio.open_nursery() as nursery:
        for name in ("a", "b", "c"):
            nursery.start_soon(take, "key", name)
            await trio.sleep(0.1)
        with trio.move_on_after(0.1):
            await take("key", "impatient")
        nursery.start_soon(take, "another", "free")
        await trio.sleep(0.1)
        assert order == ["a", "free"]
    assert order == ["a", "free", "b", "c"]
    assert len(turns) == 0
