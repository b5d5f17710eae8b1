import re

import pytest

from core.config.roles import DEFAULT_ROLES, Role, RoleError, RoleMembers, load_custom_scopes, load_roles
from core.scopes import Definition, ScopeTable, parse_scope

NONE = frozenset()


def one(**spec):
    loaded = load_roles([spec], services=["cull"])
    return loaded.roles[spec["name"]], loaded.members[spec["name"]], loaded.warnings


def test_default_roles_are_valid_and_kept_without_a_configuration():
    loaded = load_roles([])
    assert loaded.roles == DEFAULT_ROLES
    assert loaded.warnings == ()


def test_a_role_of_the_configuration():
    role, members, warnings = one(
        name="tutor",
        description="May look after students.",
        scopes=["read:users!group=students", "list:users!group=students"],
        users=["alice"],
        services=["cull"],
        groups=["tutors"],
    )
    assert role == Role(
        "tutor", "May look after students.", ("read:users!group=students", "list:users!group=students")
    )
    assert members == RoleMembers(frozenset({"alice"}), frozenset({"cull"}), frozenset({"tutors"}))
    assert warnings == ()


@pytest.mark.parametrize(
    "name",
    ["abc", "a-b_c~d.e", "x" * 255, "cull-idle", "server-1"],
)
def test_a_good_name(name):
    assert one(name=name, scopes=["self"])[0].name == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "ab",
        "x" * 256,
        "Abc",
        "1bc",
        "-bc",
        "ab-",
        "ab.",
        "a bc",
        "a/bc",
        "äbc",
        "abc\n",
        None,
        7,
        ["abc"],
    ],
)
def test_a_bad_name_stops_the_hub(name):
    with pytest.raises(RoleError, match="Invalid role name"):
        load_roles([{"name": name}])


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ([{}], "no name"),
        ([{"description": "x"}], "no name"),
        (["tutor"], "no name"),
        ([{"name": "tutor"}, {"name": "tutor"}], "'tutor' is defined twice"),
        ([{"name": "tutor", "scopes": ["nonsense"]}], "'tutor': Unknown scope: 'nonsense'"),
        ([{"name": "tutor", "scopes": ["all"]}], "inherit"),
        ([{"name": "tutor", "scopes": ["users!team=x"]}], "'tutor'.*unknown filter 'team'"),
        ([{"name": "tutor", "scopes": ["users!user="]}], "'tutor'.*empty"),
        ([{"name": "tutor", "scopes": ["users!group"]}], "'tutor'.*needs a value"),
        ([{"name": "tutor", "scopes": "self"}], "'tutor': scopes is not a list"),
        ([{"name": "tutor", "scopes": [1]}], "'tutor': scopes is not a list"),
        ([{"name": "tutor", "users": "alice"}], "'tutor': users is not a list"),
        ([{"name": "tutor", "groups": {"g": []}}], "'tutor': groups is not a list"),
        ([{"name": "tutor", "description": 7}], "'tutor': description"),
        ([{"name": "tutor", "services": ["gone"]}], "'tutor': there is no service 'gone'"),
        ([{"name": "admin", "scopes": ["self"]}], "'admin' cannot be changed"),
        ([{"name": "admin", "description": "Kings."}], "'admin' cannot be changed"),
        ([{"name": "tutor", "scopes": ["custom:grades:read"]}], "'tutor': Unknown scope"),
    ],
)
def test_a_configuration_that_makes_no_sense_stops_the_hub(config, says):
    with pytest.raises(RoleError, match=says) as refused:
        load_roles(config, services=["cull"])
    assert "\n" not in refused.value.message


def test_custom_scopes_may_be_used_once_defined():
    table = ScopeTable({"custom:grades:read": Definition("Read grades.")})
    roles = load_roles([{"name": "tutor", "scopes": ["custom:grades:read!group=g"]}], table=table).roles
    assert roles["tutor"].scopes == ("custom:grades:read!group=g",)


@pytest.mark.parametrize(
    ("spec", "role"),
    [
        ({"name": "user", "scopes": ["self", "shares!user"]},
         Role("user", DEFAULT_ROLES["user"].description, ("self", "shares!user"))),
        ({"name": "user", "description": "People."}, Role("user", "People.", ("self",))),
        ({"name": "token", "scopes": ["self"]}, Role("token", DEFAULT_ROLES["token"].description, ("self",))),
        ({"name": "server", "description": None}, DEFAULT_ROLES["server"]),
        ({"name": "admin", "users": ["alice"]}, DEFAULT_ROLES["admin"]),
        ({"name": "admin", "scopes": DEFAULT_ROLES["admin"].scopes[::-1]}, None),
    ],
)  # fmt: skip
def test_the_keys_given_win_over_a_default_role(spec, role):
    loaded = one(**spec)[0]
    if role is not None:
        assert loaded == role


def test_extra_user_scopes():
    def scopes(config):
        return load_roles(config, extra_user_scopes={"shares!user", "self"}).roles["user"].scopes

    assert scopes([]) == ("self", "shares!user")
    assert scopes([{"name": "user", "description": "People."}]) == ("self", "shares!user")
    assert scopes([{"name": "user", "scopes": ["self"]}]) == ("self",)
    with pytest.raises(RoleError, match="'user': Unknown scope: 'nonsense'"):
        load_roles([], extra_user_scopes=["nonsense"])


@pytest.mark.parametrize(
    ("spec", "users", "services", "groups"),
    [
        ({"name": "tutor"}, NONE, NONE, NONE),
        ({"name": "tutor", "users": ["alice"]}, frozenset({"alice"}), NONE, NONE),
        ({"name": "user"}, None, NONE, NONE),
        ({"name": "user", "users": ["alice"]}, frozenset({"alice"}), NONE, NONE),
        ({"name": "admin"}, None, None, NONE),
        ({"name": "admin", "users": []}, NONE, None, NONE),
        ({"name": "admin", "services": ["cull"]}, None, frozenset({"cull"}), NONE),
        ({"name": "server"}, NONE, NONE, NONE),
    ],
)
def test_members_are_exactly_those_given(spec, users, services, groups):
    assert one(**spec)[1] == RoleMembers(users, services, groups)


def test_default_roles_have_members_too_when_the_configuration_is_silent():
    members = load_roles([]).members
    assert members["user"] == RoleMembers(users=None)
    assert members["admin"] == RoleMembers(users=None, services=None)


@pytest.mark.parametrize("kind", ["users", "groups"])
def test_an_authenticator_that_manages_roles_leaves_no_room_for_lists(kind):
    with pytest.raises(RoleError, match=f"'tutor': {kind}"):
        load_roles([{"name": "tutor", kind: ["alice"]}], managed_by_authenticator=True)


def test_an_authenticator_that_manages_roles_keeps_its_members():
    config = [{"name": "tutor", "services": ["cull"], "users": []}]
    members = load_roles(config, services=["cull"], managed_by_authenticator=True).members["tutor"]
    assert members == RoleMembers(None, frozenset({"cull"}), None)


@pytest.mark.parametrize(
    ("spec", "warnings"),
    [
        ({"name": "tutor"}, ["'tutor' has no scopes"]),
        ({"name": "tutor", "scopes": []}, ["'tutor' has no scopes"]),
        ({"name": "tutor", "scope": ["self"]}, ["'tutor' has no scopes", "unknown key 'scope'"]),
        ({"name": "user", "scopes": ["tokens!user"]}, ["lacks the scope 'self'"]),
        ({"name": "tutor", "scopes": ["self"]}, []),
        ({"name": "tutor", "scopes": ["self", "servers!server=x"]}, ["'servers!server=x' matches nothing"]),
        ({"name": "tutor", "scopes": ["self!user=alice"]}, ["'self' takes no filter"]),
    ],
)
def test_warnings(spec, warnings):
    given = one(**spec)[2]
    assert len(given) == len(warnings)
    assert all(re.search(expected, line) for expected, line in zip(warnings, given, strict=True))


def test_custom_scopes():
    definitions, warnings = load_custom_scopes(
        {
            "custom:grades:write": {"description": "Write grades.", "subscopes": ["custom:grades:read"]},
            "custom:grades:read": {"description": "Read grades."},
        }
    )
    assert definitions == {
        "custom:grades:write": Definition("Write grades.", ("custom:grades:read",)),
        "custom:grades:read": Definition("Read grades."),
    }
    assert warnings == ()
    assert parse_scope("custom:grades:read!user", ScopeTable(definitions)).name == "custom:grades:read"


@pytest.mark.parametrize("name", ["custom:abc", "custom:0-_", "custom:a:*", "custom:grades:read"])
def test_a_good_custom_name(name):
    assert load_custom_scopes({name: {"description": ""}})[0] == {name: Definition("")}


@pytest.mark.parametrize(
    ("name", "spec", "says"),
    [
        ("grades", {"description": "x"}, "Invalid custom scope: 'grades'"),
        ("custom:", {"description": "x"}, "Invalid custom scope"),
        ("custom:ab", {"description": "x"}, "at least three"),
        ("custom:Abc", {"description": "x"}, "Invalid custom scope"),
        ("custom:_bc", {"description": "x"}, "Invalid custom scope"),
        ("custom:ab:", {"description": "x"}, "Invalid custom scope"),
        ("custom:ab-", {"description": "x"}, "Invalid custom scope"),
        ("custom:a!user", {"description": "x"}, "Invalid custom scope"),
        ("custom:abc", {}, "'custom:abc' has no description"),
        ("custom:abc", {"description": 1}, "'custom:abc' has no description"),
        ("custom:abc", "x", "'custom:abc' has no description"),
        ("custom:abc", {"description": "x", "subscopes": "custom:abc"}, "not a list"),
        (
            "custom:abc",
            {"description": "x", "subscopes": ["read:users"]},
            "'read:users' is not a custom scope",
        ),
        (
            "custom:abc",
            {"description": "x", "subscopes": ["custom:def"]},
            "'custom:def' is not a custom scope",
        ),
        ("custom:abc", {"description": "x", "subscopes": ["custom:abc!user=x"]}, "is not a custom scope"),
        ("custom:abc", {"description": "x", "subscopes": [["custom:abc"]]}, "is not a custom scope"),
    ],
)
def test_a_bad_custom_scope_stops_the_hub(name, spec, says):
    with pytest.raises(RoleError, match=says):
        load_custom_scopes({name: spec})


def test_other_keys_of_custom_scopes_only_warn():
    definitions, warnings = load_custom_scopes({"custom:abc": {"description": "x", "sub_scopes": []}})
    assert definitions == {"custom:abc": Definition("x")}
    assert len(warnings) == 1
    assert "sub_scopes" in warnings[0]
