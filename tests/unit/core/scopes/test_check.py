import pytest

from core.config.roles import DEFAULT_ROLES
from core.scopes import (
    EVERYWHERE,
    NO_GROUPS,
    NOTHING,
    Answer,
    Grant,
    Group,
    Owner,
    Reach,
    Server,
    Service,
    User,
    check,
    check_any,
    expand,
    explain,
    listed,
)
from tests.unit.core.scopes.test_held import MEMBERSHIPS, held

ALLOWED, HIDDEN, ABSENT = Answer.ALLOWED, Answer.HIDDEN, Answer.ABSENT
ALICE, LAB, STUDENTS, CULL = User("alice"), Server("alice", "lab"), Group("students"), Service("cull")


@pytest.mark.parametrize("resource", [ALICE, LAB, STUDENTS, CULL, None])
def test_an_unfiltered_scope_allows_everything_and_an_absent_one_nothing(resource):
    assert check(held("shutdown"), "shutdown", resource, NO_GROUPS) is ALLOWED
    assert check(held("shutdown"), "proxy", resource, NO_GROUPS) is ABSENT
    assert check(NOTHING, "shutdown", resource, NO_GROUPS) is ABSENT


@pytest.mark.parametrize(
    ("scope", "resource", "answer"),
    [
        ("tokens!user=alice", ALICE, ALLOWED),
        ("tokens!user=bob", ALICE, HIDDEN),
        ("tokens!group=students", ALICE, ALLOWED),
        ("tokens!group=tutors", ALICE, HIDDEN),
        ("tokens!server=alice/lab", ALICE, HIDDEN),
        ("tokens!service=alice", ALICE, HIDDEN),
        ("tokens!user=alice", None, ABSENT),  # a filter never covers the hub as a whole
        ("tokens!server=alice/lab", LAB, ALLOWED),
        ("tokens!server=alice/", LAB, HIDDEN),
        ("tokens!server=alice/", Server("alice", ""), ALLOWED),
        ("tokens!user=alice", LAB, ALLOWED),
        ("tokens!user=alice", Server("bob", "alice"), HIDDEN),
        ("tokens!group=students", LAB, ALLOWED),
        ("tokens!group=tutors", LAB, HIDDEN),
        ("tokens!group=students", STUDENTS, ALLOWED),
        ("tokens!group=tutors", STUDENTS, HIDDEN),
        ("tokens!user=students", STUDENTS, HIDDEN),
        ("tokens!service=cull", CULL, ALLOWED),
        ("tokens!user=cull", CULL, HIDDEN),
    ],
)
def test_a_filter_covers(scope, resource, answer):
    assert check(held(scope), "tokens", resource, MEMBERSHIPS) is answer


@pytest.mark.parametrize(
    ("names", "answer"),
    [
        ("tokens shutdown", ALLOWED),
        ("proxy tokens", ALLOWED),
        ("users:activity tokens", ALLOWED),  # one that is hidden does not stop the next
        ("proxy users:activity", HIDDEN),
        ("proxy", ABSENT),
        ("", ABSENT),
    ],
)
def test_any_one_scope_will_do(names, answer):
    scopes = held("tokens!user=alice", "users:activity!user=bob")
    assert check_any(scopes, names.split(), ALICE, NO_GROUPS) is answer


@pytest.mark.parametrize(
    ("raw", "name", "reach"),
    [
        ("list:users", "list:users", EVERYWHERE),
        ("admin:users", "list:users", EVERYWHERE),
        ("list:users!user=alice list:users!group=g", "list:users",
         Reach(users=frozenset({"alice"}), groups=frozenset({"g"}))),
        ("list:users!server=alice/lab", "list:users", None),
        ("list:users!service=cull", "list:users", None),
        ("read:users", "list:users", None),
        ("list:groups!group=g list:groups!user=alice", "list:groups", Reach(groups=frozenset({"g"}))),
        ("list:groups!user=alice", "list:groups", None),
        ("list:services!service=cull", "list:services", Reach(services=frozenset({"cull"}))),
        ("self", "list:users", None),
    ],
)  # fmt: skip
def test_what_a_list_may_show(raw, name, reach):
    assert listed(held(*raw.split()), name) == reach


OWNER = Owner(user="alice")
SELF = Grant("role user", "self")
SHARE = Grant("share of bob/lab", "servers!server=bob/lab")
ADMIN = [Grant("group staff, role admin", scope) for scope in DEFAULT_ROLES["admin"].scopes]


@pytest.mark.parametrize(
    ("grants", "resource", "answer", "through", "elsewhere", "missing"),
    [
        ([SELF], LAB, ALLOWED, [SELF], [], ()),
        ([SELF, SHARE], Server("bob", "lab"), ALLOWED, [SHARE], [SELF], ()),
        ([SELF], Server("bob", "lab"), HIDDEN, [], [SELF], ("start:servers!server=bob/lab",)),
        ([], User("bob"), ABSENT, [], [], ("start:servers!user=bob",)),
        ([SELF], None, ABSENT, [], [], ("start:servers",)),
        (ADMIN, None, ALLOWED, [Grant("group staff, role admin", "admin:servers")], [], ()),
        ([Grant("token", "inherit")], LAB, ABSENT, [], [], ("start:servers!server=alice/lab",)),
    ],
)
def test_explain(grants, resource, answer, through, elsewhere, missing):
    explanation = explain(grants, OWNER, ["start:servers"], resource, MEMBERSHIPS)
    assert explanation.answer is answer
    assert explanation.through == tuple(through)
    assert explanation.elsewhere == tuple(elsewhere)
    assert explanation.missing == missing


def test_explain_agrees_with_check():
    raw = frozenset(grant.scope for grant in (SELF, SHARE))
    for resource in (ALICE, LAB, Server("bob", "lab"), Server("bob", ""), None):
        answer = check(expand(raw, OWNER), "servers", resource, NO_GROUPS)
        assert explain([SELF, SHARE], OWNER, ["servers"], resource, NO_GROUPS).answer is answer


def test_explain_names_what_would_do():
    explanation = explain([], OWNER, ["read:groups", "read:groups:name"], STUDENTS, NO_GROUPS)
    assert explanation.missing == ("read:groups!group=students", "read:groups:name!group=students")
    assert explain([], OWNER, ["list:services"], CULL, NO_GROUPS).missing == ("list:services!service=cull",)
