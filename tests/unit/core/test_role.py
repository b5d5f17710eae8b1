"""Roles as a pure state machine: a table of what each command does in each state."""

from __future__ import annotations

import pytest

from core.errors import NotFoundError
from core.events.role import RoleDefined, RoleGranted, RoleRemoved, RoleWithdrawn
from core.role import Define, GrantExactly, GrantRole, NoRole, Remove, Role, Withdraw, decide, evolve

NONE = NoRole()
TUTOR = Role("Helps.", ("read:users",), False, frozenset({"user/u1", "group/g1", "service/cull"}))


def exactly(*holders: str, kinds: str = "user group service") -> GrantExactly:
    return GrantExactly(frozenset(kinds.split()), frozenset(holders))


@pytest.mark.parametrize(
    ("state", "command", "events"),
    [
        (NONE, Define("Helps.", ("read:users",)), [RoleDefined("Helps.", ("read:users",))]),
        (TUTOR, Define("Helps.", ("read:users",)), []),
        (TUTOR, Define("Helps.", ()), [RoleDefined("Helps.", ())]),
        (
            TUTOR,
            Define("Helps.", ("read:users",), managed=True),
            [RoleDefined("Helps.", ("read:users",), True)],
        ),
        (TUTOR, GrantRole(frozenset({"user/u2", "user/u1"})), [RoleGranted(("user/u2",))]),
        (TUTOR, GrantRole(frozenset({"user/u1"})), []),
        (TUTOR, Withdraw(frozenset({"user/u1", "user/u2"})), [RoleWithdrawn(("user/u1",))]),
        (TUTOR, Withdraw(frozenset({"user/u2"})), []),
        (NONE, Withdraw(frozenset({"user/u2"})), []),
        (TUTOR, exactly("user/u1", "group/g1", "service/cull"), []),
        (TUTOR, exactly("user/u2", kinds="user"), [RoleGranted(("user/u2",)), RoleWithdrawn(("user/u1",))]),
        (TUTOR, exactly(kinds=""), []),
        (TUTOR, exactly(), [RoleWithdrawn(("group/g1", "service/cull", "user/u1"))]),
        (TUTOR, Remove(), [RoleRemoved()]),
        (NONE, Remove(), []),
    ],
)
def test_decide(state, command, events):
    assert decide(state, command) == events


@pytest.mark.parametrize("command", [GrantRole(frozenset({"user/u1"})), exactly("user/u1")])
def test_a_role_that_does_not_exist_cannot_be_granted(command):
    with pytest.raises(NotFoundError):
        decide(NONE, command)


@pytest.mark.parametrize(
    ("state", "event", "after"),
    [
        (NONE, RoleDefined("Helps.", ("self",), True), Role("Helps.", ("self",), True)),
        (TUTOR, RoleDefined("", ()), Role("", (), False, TUTOR.holders)),
        (
            TUTOR,
            RoleGranted(("user/u2",)),
            Role("Helps.", ("read:users",), False, TUTOR.holders | {"user/u2"}),
        ),
        (
            TUTOR,
            RoleWithdrawn(("user/u1", "service/cull")),
            Role("Helps.", ("read:users",), False, frozenset({"group/g1"})),
        ),
        (TUTOR, RoleRemoved(), NONE),
        (NONE, RoleGranted(("user/u2",)), NONE),
    ],
)
def test_evolve(state, event, after):
    assert evolve(state, event) == after
