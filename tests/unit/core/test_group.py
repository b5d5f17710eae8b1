"""Groups as a pure state machine: a table of what each command does in each state."""

from __future__ import annotations

import pytest

from core.errors import AlreadyExistsError, HubError, NotFoundError
from core.events.group import GroupCreated, GroupDeleted, PropertiesReplaced, UsersJoined, UsersLeft
from core.group import (
    Create,
    Delete,
    Group,
    Join,
    Leave,
    NoGroup,
    ReplaceProperties,
    decide,
    evolve,
)

NONE = NoGroup()
PAIR = Group("students", frozenset({"u1", "u2"}), {"room": 3})


@pytest.mark.parametrize(
    ("state", "command", "events"),
    [
        (NONE, Create("students"), [GroupCreated("students")]),
        (NONE, Create("students", ("u2", "u1", "u2")), [GroupCreated("students", ("u2", "u1"))]),
        (NONE, Create("students", (), {"room": 3}), [GroupCreated("students", (), {"room": 3})]),
        (PAIR, Join(("u3", "u1", "u3")), [UsersJoined(("u3",))]),
        (PAIR, Join(("u1", "u2")), []),
        (PAIR, Join(()), []),
        (PAIR, Leave(("u1", "u3")), [UsersLeft(("u1",))]),
        (PAIR, Leave(("u3",)), []),
        (PAIR, ReplaceProperties({"room": 3}), []),
        (PAIR, ReplaceProperties({}), [PropertiesReplaced({})]),
        (PAIR, Delete(), [GroupDeleted()]),
    ],
)
def test_decide(state, command, events):
    assert decide(state, command) == events


@pytest.mark.parametrize(
    ("state", "command", "refusal"),
    [
        (PAIR, Create("students"), AlreadyExistsError),
        (NONE, Join(("u1",)), NotFoundError),
        (NONE, Leave(("u1",)), NotFoundError),
        (NONE, ReplaceProperties({}), NotFoundError),
        (NONE, Delete(), NotFoundError),
    ],
)
def test_refusals(state, command, refusal):
    with pytest.raises(HubError) as caught:
        decide(state, command)
    assert type(caught.value) is refusal


@pytest.mark.parametrize(
    ("state", "event", "after"),
    [
        (NONE, GroupCreated("a", ("u1",), {"x": 1}), Group("a", frozenset({"u1"}), {"x": 1})),
        (PAIR, UsersJoined(("u3",)), Group("students", frozenset({"u1", "u2", "u3"}), {"room": 3})),
        (PAIR, UsersLeft(("u1", "u9")), Group("students", frozenset({"u2"}), {"room": 3})),
        (PAIR, PropertiesReplaced({}), Group("students", PAIR.users)),
        (PAIR, GroupDeleted(), NONE),
        (NONE, UsersJoined(("u3",)), NONE),
        (NONE, GroupDeleted(), NONE),
    ],
)
def test_evolve(state, event, after):
    assert evolve(state, event) == after
