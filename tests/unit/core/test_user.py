"""The servers a user has, and the end of a user, as a pure state machine. What else changes: test_user_changes.py."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from core.errors import (
    AlreadyExistsError,
    HubError,
    InvalidError,
    LimitError,
    NotFoundError,
    PendingError,
)
from core.events.user import (
    NewsSeen,
    ServerAdded,
    ServerRemovalRequested,
    ServerRemoved,
    ServerRenamed,
    ServerTitled,
    UserDeleted,
    UserDeletionRequested,
)
from core.user import (
    AddServer,
    Change,
    FinishDeletion,
    FinishRemoval,
    NoUser,
    RenameServer,
    RequestDeletion,
    RequestRemoval,
    SeeNews,
    TitleServer,
    User,
    decide,
    evolve,
)

BOB = User("bob", {"v1": "", "v2": "lab"})
LEAVING = replace(BOB, leaving=True)
REMOVING = replace(BOB, removing=frozenset({"v2"}))


@pytest.mark.parametrize(
    ("state", "command", "events", "after"),
    [
        (
            BOB,
            AddServer("v3", "gpu", "GPU", {"x": 1}, limit=2),
            [ServerAdded("v3", "gpu", "GPU", {"x": 1})],
            replace(BOB, servers={**BOB.servers, "v3": "gpu"}),
        ),
        (
            BOB,
            RenameServer("v2", "desk", "v9", limit=1),
            [ServerRenamed("v2", "desk")],
            replace(BOB, servers={"v1": "", "v2": "desk"}),
        ),
        (
            BOB,
            RenameServer("v1", "desk", "v9"),
            [ServerRenamed("v1", "desk", "v9")],
            replace(BOB, servers={"v1": "desk", "v2": "lab", "v9": ""}),
        ),
        (BOB, RenameServer("v2", "lab", "v9"), [], BOB),
        (BOB, TitleServer("v2", "My lab"), [ServerTitled("v2", "My lab")], BOB),
        (BOB, TitleServer("v9", "Gone"), [], BOB),
        (BOB, SeeNews(7), [NewsSeen(7)], replace(BOB, news_seen=7)),
        (replace(BOB, news_seen=7), SeeNews(7), [], replace(BOB, news_seen=7)),
        (BOB, RequestRemoval("v2"), [ServerRemovalRequested("v2")], REMOVING),
        (REMOVING, RequestRemoval("v2"), [], REMOVING),
        (REMOVING, FinishRemoval("v2"), [ServerRemoved("v2")], User("bob", {"v1": ""})),
        (BOB, FinishRemoval("v2"), [], BOB),
        (BOB, RequestDeletion(), [UserDeletionRequested()], LEAVING),
        (BOB, RequestDeletion({"v1"}), [UserDeletionRequested()], LEAVING),
        (BOB, RequestDeletion({"v1", "v2"}), [UserDeletionRequested(), UserDeleted()], NoUser()),
        (LEAVING, RequestDeletion(), [], LEAVING),
        (LEAVING, RequestDeletion({"v1", "v2"}), [UserDeleted()], NoUser()),
        (LEAVING, FinishDeletion(), [UserDeleted()], NoUser()),
        (BOB, FinishDeletion(), [], BOB),
    ],
)
def test_decide_and_evolve(state, command, events, after):
    assert decide(state, command) == events
    for event in events:
        state = evolve(state, event)
    assert state == after


@pytest.mark.parametrize(
    ("state", "command", "refusal"),
    [
        (BOB, AddServer("v3", "lab"), AlreadyExistsError),
        (BOB, AddServer("v3", "gpu", limit=1), LimitError),
        (LEAVING, AddServer("v3", "gpu"), PendingError),
        (BOB, RenameServer("v2", "", "v9"), AlreadyExistsError),
        (BOB, RenameServer("v1", "lab", "v9"), AlreadyExistsError),
        (BOB, RenameServer("v1", "desk", "v9", limit=1), LimitError),
        (BOB, RenameServer("v9", "desk", "v8"), NotFoundError),
        (BOB, RequestRemoval("v1"), InvalidError),
        (BOB, RequestRemoval("v9"), NotFoundError),
        (NoUser(), AddServer("v3", "gpu"), NotFoundError),
        (NoUser(), RequestDeletion(), NotFoundError),
        (NoUser(), Change(admin=True), NotFoundError),
    ],
)
def test_refusals(state, command, refusal):
    with pytest.raises(HubError) as caught:
        decide(state, command)
    assert type(caught.value) is refusal


def test_nothing_happens_to_a_user_who_is_gone():
    assert evolve(NoUser(), ServerAdded("v3", "gpu")) == NoUser()
