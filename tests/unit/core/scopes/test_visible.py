import pytest

from core.scopes import (
    NOTHING,
    Owner,
    Server,
    expand,
    identify_scopes,
    visible_group_keys,
    visible_server_keys,
    visible_service_keys,
    visible_user_keys,
)
from tests.unit.core.scopes.test_held import MEMBERSHIPS, held

ALL_OF_READ_USERS = "kind name admin user_info roles groups server pending created last_activity"


def keys(text):
    return frozenset(text.split()) or None


@pytest.mark.parametrize(
    ("raw", "visible"),
    [
        ("", ""),
        ("shutdown tokens", ""),
        ("read:users", ALL_OF_READ_USERS),
        ("read:users:name", "kind name admin user_info"),
        ("list:users", "kind name admin user_info"),
        ("read:users:groups", "kind name groups"),
        ("read:users:activity", "kind name last_activity"),
        ("read:roles:users", "kind name admin roles"),
        ("read:servers", "kind name admin user_info servers"),
        ("admin:auth_state", "kind name auth_state"),
        ("admin:users", ALL_OF_READ_USERS + " auth_state"),
        ("self", ""),  # whose?
        ("read:users!user=alice", ALL_OF_READ_USERS),
        ("read:users!user=bob", ""),
        ("read:users!group=students", ALL_OF_READ_USERS),
        ("read:users!group=tutors", ""),
        ("read:users!group=tutors read:users:activity", "kind name last_activity"),
    ],
)
def test_keys_of_a_user(raw, visible):
    assert visible_user_keys(held(*raw.split()), "alice", MEMBERSHIPS) == keys(visible)


@pytest.mark.parametrize(
    ("raw", "servers", "visible"),
    [
        ("read:servers!user=alice", [], "kind name admin user_info servers"),
        ("read:servers!server=alice/lab", ["", "lab"], "kind name servers"),
        ("read:servers!server=alice/lab", [""], ""),
        ("read:servers!server=alice/lab", [], ""),
        ("read:servers!server=bob/lab", ["lab"], ""),
        ("read:servers!server=alice/lab list:users", ["lab"], "kind name admin user_info servers"),
        ("read:servers!server=alice/lab list:users", [], "kind name admin user_info"),
        ("access:servers!server=alice/lab", ["lab"], ""),
    ],
)
def test_a_filter_of_a_server_shows_servers_only_if_it_is_among_them(raw, servers, visible):
    assert visible_user_keys(held(*raw.split()), "alice", MEMBERSHIPS, servers) == keys(visible)


def test_everybody_sees_who_they_are():
    def own(owner, see):
        return see(expand(identify_scopes(owner)))

    assert own(Owner(user="alice"), lambda scopes: visible_user_keys(scopes, "alice", MEMBERSHIPS)) == keys(
        "kind name admin user_info groups"
    )
    assert own(
        Owner(service="cull"), lambda scopes: visible_service_keys(scopes, "cull", MEMBERSHIPS)
    ) == keys("kind name admin")


SERVER = """name display_name full_name last_activity started pending ready stopped url user_options
    progress_url full_url full_progress_url"""


@pytest.mark.parametrize(
    ("raw", "visible"),
    [
        ("read:servers", SERVER),
        ("read:servers!server=alice/lab", SERVER),
        ("read:servers!group=students", SERVER),
        ("read:servers!server=alice/", ""),
        ("start:servers", ""),
        ("admin:server_state", ""),
        ("admin:servers", SERVER + " state"),
        ("read:servers admin:server_state!user=bob", SERVER),
        ("read:servers admin:server_state!user=alice", SERVER + " state"),
    ],
)
def test_keys_of_a_server(raw, visible):
    lab = Server("alice", "lab")
    assert visible_server_keys(held(*raw.split()), lab, MEMBERSHIPS) == keys(visible)


@pytest.mark.parametrize(
    ("raw", "visible"),
    [
        ("read:groups", "kind name users properties"),
        ("list:groups", "kind name"),
        ("read:groups:name!group=students", "kind name"),
        ("read:groups!group=tutors", ""),
        ("read:groups!user=alice", ""),
        ("read:roles:groups", "kind name roles"),
        ("admin:groups", "kind name users properties roles"),
        ("delete:groups", ""),
    ],
)
def test_keys_of_a_group(raw, visible):
    assert visible_group_keys(held(*raw.split()), "students", MEMBERSHIPS) == keys(visible)


@pytest.mark.parametrize(
    ("raw", "visible"),
    [
        ("read:services", "kind name admin url prefix command pid info display"),
        ("list:services", "kind name admin"),
        ("read:services:name!service=cull", "kind name admin"),
        ("read:services!service=other", ""),
        ("read:roles:services", "kind name admin roles"),
        ("admin:services", "kind name admin url prefix command pid info display roles"),
        ("access:services", ""),
    ],
)
def test_keys_of_a_service(raw, visible):
    assert visible_service_keys(held(*raw.split()), "cull", MEMBERSHIPS) == keys(visible)


def test_nothing_shows_nothing():
    assert visible_user_keys(NOTHING, "alice", MEMBERSHIPS, ["lab"]) is None
