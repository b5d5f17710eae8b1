import pytest

from core.scopes import NO_GROUPS, NOTHING, Scopes, expand, intersect


class Members:
    """Memberships out of {group: members}."""

    def __init__(self, members):
        self.members = members

    def groups_of(self, user, /):
        return {group for group, members in self.members.items() if user in members}

    def members_of(self, group, /):
        return self.members.get(group, ())


MEMBERSHIPS = Members({"students": {"alice", "bob"}, "tutors": {"bob"}})


def held(*raw):
    return expand(frozenset(raw))


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("proxy", "proxy", "proxy"),
        ("proxy", "shutdown", ""),
        ("proxy", "proxy!user=alice", "proxy!user=alice"),
        ("users", "read:users:name!user=alice", "read:users:name!user=alice"),
        ("proxy!user=alice", "proxy!user=bob", ""),
        ("proxy!user=alice proxy!user=bob", "proxy!user=bob", "proxy!user=bob"),
        # a user's filter covers the user's servers, a group's its members and theirs
        ("shutdown!user=alice", "shutdown!server=alice/lab", "shutdown!server=alice/lab"),
        ("shutdown!server=alice/lab", "shutdown!server=alice/", ""),
        ("shutdown!group=students", "shutdown!user=alice", "shutdown!user=alice"),
        ("shutdown!group=tutors", "shutdown!user=alice", ""),
        ("shutdown!group=students", "shutdown!server=alice/", "shutdown!server=alice/"),
        ("shutdown!group=tutors", "shutdown!server=alice/", ""),
        ("shutdown!group=students", "shutdown!group=students", "shutdown!group=students"),
        # who is in both; JupyterHub finds nobody here
        ("shutdown!group=students", "shutdown!group=tutors", "shutdown!user=bob"),
        ("shutdown!service=cull", "shutdown!service=cull", "shutdown!service=cull"),
        ("shutdown!service=cull", "shutdown!user=cull", ""),
    ],
)
def test_intersection(one, other, both):
    one, other = held(*one.split()), held(*other.split())
    assert intersect(one, other, MEMBERSHIPS).as_strings() == both.split()
    assert intersect(other, one, MEMBERSHIPS).as_strings() == both.split()


def test_without_memberships_a_groups_filter_covers_nobody():
    both = intersect(held("tokens!group=students"), held("tokens!user=alice"), NO_GROUPS)
    assert both == NOTHING


def test_an_unfiltered_scope_swallows_filtered_ones():
    assert (held("shutdown!user=alice") | held("shutdown")).as_strings() == ["shutdown"]
    assert held("shutdown!user=alice", "shutdown").as_strings() == ["shutdown"]


def test_union_adds_filters_up():
    both = held("proxy", "shutdown!user=alice") | held("shutdown!group=g", "read:hub")
    assert both.as_strings() == ["proxy", "read:hub", "shutdown!group=g", "shutdown!user=alice"]
    assert both | NOTHING == both == Scopes() | both
