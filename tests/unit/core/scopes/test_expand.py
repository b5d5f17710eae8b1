import pytest

from core.config.roles import DEFAULT_ROLES
from core.scopes import (
    NOBODY,
    NOTHING,
    Definition,
    Owner,
    ScopeError,
    ScopeTable,
    Server,
    Service,
    as_stored,
    excess_scopes,
    excess_to_give,
    expand,
    identify_scopes,
    share_scopes,
    token_scopes,
    with_members,
)
from tests.unit.core.scopes.test_held import MEMBERSHIPS

ALICE = Owner(user="alice")
CULL = Owner(service="cull")
LAB = Server("alice", "lab")
SELF = expand(frozenset({"self"}), ALICE)
ADMIN = expand(frozenset(DEFAULT_ROLES["admin"].scopes), ALICE)


def expanded(raw, owner=NOBODY):
    return expand(frozenset(raw.split()), owner).as_strings()


def test_self_is_these_and_no_more():
    names = """access:servers delete:servers read:servers read:shares read:tokens read:users
        read:users:activity read:users:groups read:users:name read:users:shares servers start:servers tokens
        users:activity users:shares"""
    assert SELF.as_strings() == [f"{name}!user=alice" for name in sorted(names.split())]


@pytest.mark.parametrize(
    ("raw", "owner", "strings"),
    [
        ("self", CULL, ""),
        ("self", NOBODY, ""),
        ("inherit (no_scope)", ALICE, ""),
        ("tokens", NOBODY, "read:tokens tokens"),
        ("tokens!user", ALICE, "read:tokens!user=alice tokens!user=alice"),
        ("tokens!user", CULL, ""),
        ("read:services:name!service", CULL, "read:services:name!service=cull"),
        ("list:users!group=g", NOBODY, "list:users!group=g read:users:name!group=g"),
        ("read:servers!server=alice/", NOBODY, "read:servers!server=alice/"),
        ("read:users!server=alice/lab", NOBODY, ""),
        ("read:servers!user=alice read:users:name", NOBODY, "read:servers!user=alice read:users:name"),
        ("custom:gone shutdown", NOBODY, "shutdown"),  # of a configuration that has changed since
    ],
)
def test_expand(raw, owner, strings):
    assert expanded(raw, owner) == strings.split()


def test_admin_reaches_everything_but_the_shape_of_tokens():
    table = ScopeTable().definitions.keys()
    assert table - ADMIN.held.keys() == {"self", "inherit", "(no_scope)"}
    assert all(reach.everywhere for reach in ADMIN.held.values())


def test_custom_scopes_bring_their_own_subscopes():
    table = ScopeTable(
        {"custom:grades:write": Definition("", ("custom:grades:read",)), "custom:grades:read": Definition("")}
    )
    held = expand(frozenset({"custom:grades:write!user"}), ALICE, table)
    assert held.as_strings() == ["custom:grades:read!user=alice", "custom:grades:write!user=alice"]


def test_a_token_stores_filters_filled_in():
    server_role = DEFAULT_ROLES["server"].scopes
    assert as_stored(server_role, Owner(user="alice", server="alice/lab")) == {
        "users:activity!user=alice",
        "access:servers!server=alice/lab",
    }
    assert as_stored(["self", "inherit", "access:services!service"], ALICE) == {"self", "inherit"}
    with pytest.raises(ScopeError):
        as_stored(["nonsense"], ALICE)


IDENTIFY = "read:users:groups!user=alice read:users:name!user=alice"


@pytest.mark.parametrize(
    ("stored", "owned", "client", "strings"),
    [
        ("", SELF, None, IDENTIFY),
        ("", ADMIN, None, IDENTIFY),
        ("", NOTHING, None, ""),
        ("(no_scope)", SELF, None, IDENTIFY),
        ("shutdown", SELF, None, IDENTIFY),  # dropped without a word; works again once the owner holds it
        ("shutdown", ADMIN, None, IDENTIFY + " shutdown"),
        ("read:tokens", SELF, None, IDENTIFY + " read:tokens!user=alice"),
        ("read:servers!server=alice/lab", SELF, None, "read:servers!server=alice/lab " + IDENTIFY),
        ("read:tokens!group=students", SELF, None, IDENTIFY + " read:tokens!user=alice"),
        ("read:tokens!group=tutors", SELF, None, IDENTIFY),
        ("", SELF, LAB, "access:servers!server=alice/lab " + IDENTIFY),
        ("", SELF, Server("bob", ""), IDENTIFY),  # the owner may not use it
        ("", ADMIN, Server("bob", ""), "access:servers!server=bob/ " + IDENTIFY),
        ("", ADMIN, Service("grader"), "access:services!service=grader " + IDENTIFY),
        ("delete:servers!server", SELF, LAB,
         "access:servers!server=alice/lab delete:servers!server=alice/lab " + IDENTIFY),
    ],
)  # fmt: skip
def test_a_token_may_at_most_what_its_owner_may(stored, owned, client, strings):
    scopes = token_scopes(frozenset(stored.split()), ALICE, owned, MEMBERSHIPS, client=client)
    assert scopes.as_strings() == sorted(strings.split())


@pytest.mark.parametrize("owned", [SELF, ADMIN, NOTHING])
def test_inherit_is_exactly_the_owners(owned):
    assert token_scopes(frozenset({"inherit", "tokens"}), ALICE, owned, MEMBERSHIPS) == owned


def test_a_share_works_for_tokens_too_also_one_with_a_group():
    owned = expand(frozenset({"self", "servers!server=carol/lab"}), ALICE)
    oauth = token_scopes(frozenset(), ALICE, owned, MEMBERSHIPS, client=Server("carol", "lab"))
    assert "access:servers!server=carol/lab" not in oauth.as_strings()  # only what was shared
    narrow = token_scopes(frozenset({"start:servers!server=carol/lab"}), ALICE, owned, MEMBERSHIPS)
    assert "start:servers!server=carol/lab" in narrow.as_strings()


def test_a_services_token_identifies_the_service():
    owned = expand(frozenset({"read:services"}), CULL)
    assert token_scopes(frozenset(), CULL, owned, MEMBERSHIPS).as_strings() == [
        "read:services:name!service=cull"
    ]
    assert identify_scopes(NOBODY) == frozenset()


@pytest.mark.parametrize(
    ("requested", "owned", "excess"),
    [
        ("", NOTHING, ""),
        ("inherit", NOTHING, ""),
        ("self", SELF, ""),
        ("self", NOTHING, "self"),
        ("tokens!user=alice", SELF, ""),
        ("tokens!user", SELF, ""),
        ("tokens", SELF, "tokens"),
        ("read:servers!server=alice/lab", SELF, ""),
        ("tokens!user=bob read:tokens!user=alice", SELF, "tokens!user=bob"),
        ("list:users!user=alice", SELF, "list:users!user=alice"),
        ("shutdown proxy!user=x", ADMIN, ""),
        ("tokens!user=bob", expand(frozenset({"tokens!group=students"})), ""),
        ("tokens!group=students", expand(frozenset({"tokens!user=alice", "tokens!user=bob"})),
         "tokens!group=students"),
        ("access:services!service", SELF, ""),  # means nothing for a user, so it is not too much
    ],
)  # fmt: skip
def test_excess_scopes(requested, owned, excess):
    assert excess_scopes(requested.split(), ALICE, owned, MEMBERSHIPS) == excess.split()


def test_what_can_be_read_once_only_is_in_excess_all_the_same():
    assert excess_scopes(iter(["tokens", "self"]), ALICE, SELF, MEMBERSHIPS) == ["tokens"]


GRADES = ScopeTable({"custom:grades:read": Definition("")})


@pytest.mark.parametrize(
    ("given", "owned", "excess"),
    [
        ("inherit", "self", "inherit"),
        ("inherit", "everything", ""),
        ("inherit", "everything but custom", "inherit"),
        ("self", "self", "self"),
        ("self", "everything but custom", ""),
        ("servers!user", "self", "servers!user"),
        ("servers!user read:servers!user", "servers", ""),
        ("servers!server", "servers!user=alice", "servers!server"),
        ("servers!server tokens!user", "servers", "tokens!user"),
        ("servers!user=alice", "servers!user=alice", ""),
        ("servers!user=bob", "servers!user=alice", "servers!user=bob"),
        ("access:services!service", "access:services!service=grader", ""),
        ("access:services!service", "access:services!service=cull", "access:services!service"),
        ("self!user=bob inherit!user tokens!server=x", "self", ""),  # void
        ("(no_scope)", "self", ""),
    ],
)
def test_who_gives_a_scope_gives_all_that_it_can_come_to_mean(given, owned, excess):
    admin = set(DEFAULT_ROLES["admin"].scopes)
    raw = {"everything": admin | {"custom:grades:read"}, "everything but custom": admin}.get(owned, {owned})
    held = expand(frozenset(raw), ALICE, GRADES)
    grader = Owner(service="grader")
    assert excess_to_give(given.split(), grader, held, MEMBERSHIPS, GRADES) == excess.split()


@pytest.mark.parametrize("table", [ScopeTable(), GRADES], ids=["built in", "with custom ones"])
def test_no_form_of_a_scope_can_be_given_by_who_holds_nothing(table):
    for name in table.definitions.keys() - {"(no_scope)"}:
        forms = (
            [name]
            if name in ("self", "inherit")
            else [name, *(f"{name}!{kind}" for kind in ("user", "server"))]
        )
        assert excess_to_give(forms, NOBODY, NOTHING, MEMBERSHIPS, table) == sorted(forms)


def test_asking_for_an_unknown_scope_is_an_error():
    with pytest.raises(ScopeError):
        excess_scopes(["nonsense"], ALICE, ADMIN, MEMBERSHIPS)
    with pytest.raises(ScopeError):
        excess_to_give(["nonsense"], ALICE, ADMIN, MEMBERSHIPS)


@pytest.mark.parametrize(
    ("requested", "granted"),
    [
        (None, {"access:servers!server=alice/lab"}),
        ([], set()),
        (["access:servers"], {"access:servers!server=alice/lab"}),
        (["access:servers!server=alice/lab", "read:servers"],
         {"access:servers!server=alice/lab", "read:servers!server=alice/lab"}),
        (["read:users!server=alice/lab"], {"read:users!server=alice/lab"}),  # of no use, but accepted
    ],
)  # fmt: skip
def test_a_share_is_about_one_server(requested, granted):
    assert share_scopes(requested, LAB) == granted


@pytest.mark.parametrize(
    "scope",
    ["access:servers!server=alice/", "access:servers!user=alice", "access:servers!server", "self", "inherit"],
)
def test_a_share_cannot_be_about_more(scope):
    with pytest.raises(ScopeError):
        share_scopes([scope], LAB)


def test_sharing_takes_holding_each_scope_on_that_server():
    sharer = expand(frozenset({"self", "shares!user"}), ALICE)
    granted = share_scopes(["servers", "admin:server_state"], LAB)
    assert excess_scopes(granted, ALICE, sharer, MEMBERSHIPS) == ["admin:server_state!server=alice/lab"]


def test_members_of_groups_are_named_for_those_who_know_no_groups():
    held = expand(frozenset({"access:servers!group=students", "tokens!group=students"}))
    named = with_members(held, MEMBERSHIPS).as_strings()
    assert set(named) - set(held.as_strings()) == {"access:servers!user=alice", "access:servers!user=bob"}
    assert with_members(SELF, MEMBERSHIPS) is SELF
