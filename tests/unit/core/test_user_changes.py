"""What changes of a user come to: name, admin flag, and what the login says."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from core.errors import AlreadyExistsError, NotFoundError
from core.events.user import AdminGranted, AdminRevoked, UserCreated, UserInfoChanged, UserRenamed
from core.user import Change, Create, NoUser, User, decide, evolve

BOB = User("bob", {"v1": ""}, user_info={"name": "Bob"})
BOSS = replace(BOB, admin=True)


@pytest.mark.parametrize(
    ("state", "command", "events", "after"),
    [
        (
            NoUser(),
            Create("bob", "v1", True),
            [UserCreated("bob", "v1", True)],
            User("bob", {"v1": ""}, True),
        ),
        (BOB, Change(), [], BOB),
        (BOB, Change("bob", False, {"name": "Bob"}), [], BOB),
        (BOB, Change("rob"), [UserRenamed("rob")], replace(BOB, name="rob")),
        (BOB, Change(admin=True), [AdminGranted()], BOSS),
        (BOSS, Change(admin=True), [], BOSS),
        (BOSS, Change(admin=False), [AdminRevoked()], BOB),
        (BOB, Change(user_info=None), [UserInfoChanged(None)], replace(BOB, user_info=None)),
        (
            BOB,
            Change("rob", True, {}),
            [UserRenamed("rob"), AdminGranted(), UserInfoChanged({})],
            replace(BOB, name="rob", admin=True, user_info={}),
        ),
    ],
)
def test_changes(state, command, events, after):
    assert decide(state, command) == events
    for event in events:
        state = evolve(state, event)
    assert state == after


@pytest.mark.parametrize(
    ("state", "command", "refusal"),
    [(BOB, Create("bob", "v2"), AlreadyExistsError), (NoUser(), Change("rob"), NotFoundError)],
)
def test_refusals(state, command, refusal):
    with pytest.raises(refusal):
        decide(state, command)
