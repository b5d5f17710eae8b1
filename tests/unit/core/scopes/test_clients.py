"""What single-user servers and services make of the `scopes` we tell them: their own code is the judge."""

import pytest
from jupyterhub.services.auth import HubAuth

from core.config.roles import DEFAULT_ROLES
from core.scopes import Owner, Server, Service, expand, token_scopes, with_members
from tests.unit.core.scopes.test_held import MEMBERSHIPS

LAB = frozenset(
    {"access:servers!server=bob/lab", "access:servers!user=bob"}
)  # JUPYTERHUB_OAUTH_ACCESS_SCOPES
GRADER = frozenset({"access:services", "access:services!service=grader"})
ADMIN = " ".join(DEFAULT_ROLES["admin"].scopes)

# JupyterHub's client warns that it knows no groups: the very reason for `with_members`.
pytestmark = pytest.mark.filterwarnings("ignore:.*combinations of filters present")


@pytest.fixture(scope="module")
def let_in():
    auth = HubAuth(api_token="a-token-that-is-not-used", cache_max_age=0)

    def let_in(required, scopes):
        model = {"kind": "user", "name": "visitor", "scopes": with_members(scopes, MEMBERSHIPS).as_strings()}
        return bool(auth.check_scopes(required, model))

    return let_in


@pytest.mark.parametrize(
    ("visitor", "roles", "accepted"),
    [
        ("bob", "self", True),
        ("alice", "self", False),
        ("alice", "access:servers!server=bob/lab", True),
        ("alice", "access:servers!server=bob/", False),
        ("alice", "shares!server=bob/lab", True),
        ("alice", "access:servers!user=bob", True),
        ("alice", "access:servers!group=tutors", True),  # bob is one
        ("alice", "access:servers!group=nobodies", False),
        ("alice", "read:servers!server=bob/lab", False),
        ("root", ADMIN, True),
        ("nobody", "", False),
    ],
)
def test_a_server_lets_in_whom_it_should(let_in, visitor, roles, accepted):
    owner = Owner(user=visitor)
    held = expand(frozenset(roles.split()), owner)
    assert let_in(LAB, held) is accepted
    assert let_in(LAB, token_scopes(frozenset({"inherit"}), owner, held, MEMBERSHIPS)) is accepted
    through_oauth = token_scopes(frozenset(), owner, held, MEMBERSHIPS, client=Server("bob", "lab"))
    assert let_in(LAB, through_oauth) is accepted


def test_a_token_made_for_another_server_opens_only_that(let_in):
    owner = Owner(user="bob")
    held = expand(frozenset({"self"}), owner)
    other = token_scopes(frozenset(), owner, held, MEMBERSHIPS, client=Server("bob", "other"))
    assert not let_in(LAB, other)


@pytest.mark.parametrize(
    ("roles", "accepted"),
    [
        ("self", False),
        ("self access:services!service=grader", True),
        ("self access:services!service=other", False),
        ("access:services", True),
        (ADMIN, True),
    ],
)
def test_a_service_lets_in_whom_it_should(let_in, roles, accepted):
    owner = Owner(user="alice")
    held = expand(frozenset(roles.split()), owner)
    through_oauth = token_scopes(frozenset(), owner, held, MEMBERSHIPS, client=Service("grader"))
    assert let_in(GRADER, held) is accepted
    assert let_in(GRADER, through_oauth) is accepted
