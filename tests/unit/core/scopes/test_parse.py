import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.scopes import (
    BUILT_IN,
    NOBODY,
    NOTHING,
    STANDARD,
    Definition,
    Filter,
    Owner,
    Scope,
    ScopeError,
    ScopeTable,
    expand,
    fill_in,
    parse_scope,
    void_scopes,
    why_void,
)


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("servers", Scope("servers")),
        ("servers!user=alice", Scope("servers", Filter.USER, "alice")),
        ("servers!group=students", Scope("servers", Filter.GROUP, "students")),
        ("servers!server=alice/lab", Scope("servers", Filter.SERVER, "alice/lab")),
        ("servers!server=alice/", Scope("servers", Filter.SERVER, "alice/")),
        ("access:services!service=grader", Scope("access:services", Filter.SERVICE, "grader")),
        ("servers!user", Scope("servers", Filter.USER)),
        ("servers!server", Scope("servers", Filter.SERVER)),
        ("access:services!service", Scope("access:services", Filter.SERVICE)),
        ("groups!group=a b=c!d", Scope("groups", Filter.GROUP, "a b=c!d")),  # groups' names are free text
        ("self", Scope("self")),
        ("inherit", Scope("inherit")),
        ("(no_scope)", Scope("(no_scope)")),
    ],
)
def test_a_scope_is_read_and_written_the_same(text, scope):
    assert parse_scope(text) == scope
    assert str(scope) == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("nonsense", "Unknown scope"),
        ("read:all", "Unknown scope"),
        ("", "Unknown scope"),
        (" servers", "Unknown scope"),
        ("Servers", "Unknown scope"),
        ("all", "'inherit'"),
        ("servers!", "unknown filter"),
        ("servers!users=alice", "unknown filter"),
        ("servers!User=alice", "unknown filter"),
        ("servers!user=", "empty"),
        ("servers!group=", "empty"),
        ("servers!server=", "empty"),
        ("servers!group", "needs a value"),
    ],
)
def test_what_is_not_a_scope_is_refused_by_name(text, reason):
    with pytest.raises(ScopeError) as refused:
        parse_scope(text)
    assert repr(text) in refused.value.message
    assert reason in refused.value.message
    assert isinstance(refused.value, ValueError)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("servers!server=alice", "USER/SERVER"),
        ("servers!server=/lab", "USER/SERVER"),
        ("servers!user=alice!group=students", "two filters"),
        ("servers!user=alice!server", "two filters"),
        ("self!user=alice", "takes no filter"),
        ("inherit!user", "takes no filter"),
        ("(no_scope)!server=alice/", "takes no filter"),
    ],
)
def test_a_filter_that_names_nothing_is_a_scope_that_allows_nothing(text, reason):
    """As in JupyterHub, which starts with such a configuration."""
    scope = parse_scope(text)
    assert str(scope) == text
    assert why_void(scope).startswith(f"Scope {text!r} matches nothing: ")
    assert reason in why_void(scope)
    assert void_scopes([text, "servers"]) == [why_void(scope)]
    assert expand(frozenset({text}), Owner("alice", "cull", "alice/")) == NOTHING


names = st.text(st.sampled_from("ab/!="), max_size=4)


@given(names.filter(lambda name: "/" not in name[1:]), st.sampled_from(sorted(BUILT_IN)))
def test_no_server_filter_without_a_server_is_worth_anything(value, name):
    assert expand(frozenset({f"{name}!server={value}"}), Owner("alice", "cull", "alice/")) == NOTHING


@pytest.mark.parametrize(
    "text", ["servers", "servers!user", "servers!server=a/", "groups!group=a b=c!d", "self"]
)
def test_what_may_match_is_not_void(text):
    assert why_void(parse_scope(text)) == ""


@pytest.mark.parametrize(
    ("text", "owner", "filled_in"),
    [
        ("servers", NOBODY, "servers"),
        ("servers!user", Owner(user="alice"), "servers!user=alice"),
        ("servers!user=bob", Owner(user="alice"), "servers!user=bob"),
        ("servers!user", Owner(service="cull"), None),
        ("access:services!service", Owner(service="cull"), "access:services!service=cull"),
        ("access:services!service", Owner(user="alice", service="grader"), "access:services!service=grader"),
        ("access:services!service", Owner(user="alice"), None),
        ("access:servers!server", Owner(user="alice", server="alice/"), "access:servers!server=alice/"),
        ("access:servers!server", Owner(user="alice"), None),
    ],
)
def test_a_filter_without_a_value_is_the_owners(text, owner, filled_in):
    scope = fill_in(parse_scope(text), owner)
    assert (scope and str(scope)) == filled_in


def test_every_scope_is_described_and_every_subscope_defined():
    for name, definition in BUILT_IN.items():
        assert definition.description, name
        assert set(definition.subscopes) <= BUILT_IN.keys(), name


@pytest.mark.parametrize(
    ("name", "below"),
    [
        ("servers", "servers read:servers start:servers delete:servers read:users:name"),
        ("list:users", "list:users read:users:name"),
        ("users:activity", "users:activity read:users:activity"),
        ("admin:servers", "admin:servers admin:server_state servers read:servers start:servers delete:servers"
                          " read:users:name"),
        ("shares", "shares access:servers read:shares users:shares groups:shares read:users:shares"
                   " read:groups:shares"),
        ("read:roles", "read:roles read:roles:users read:roles:services read:roles:groups"),
        ("access:servers", "access:servers"),
    ],
)  # fmt: skip
def test_a_scope_brings_all_below_it(name, below):
    assert set(STANDARD.below(name)) == set(below.split())


def test_a_servers_filter_leaves_out_reading_users():
    assert "read:users:name" not in STANDARD.below("servers", on_a_server=True)
    assert STANDARD.below("read:users", on_a_server=True) == ()


def test_custom_scopes_may_form_a_circle():
    table = ScopeTable(
        {
            "custom:one": Definition("One.", ("custom:two",)),
            "custom:two": Definition("Two.", ("custom:one",)),
        }
    )
    assert set(table.below("custom:one")) == set(table.below("custom:two")) == {"custom:one", "custom:two"}
    assert parse_scope("custom:one!user=alice", table).value == "alice"
    with pytest.raises(ScopeError):
        parse_scope("custom:one")
