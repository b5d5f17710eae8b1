"""Who may come in, by every combination of lists that somebody may wonder about."""

from __future__ import annotations

import pytest

from core.errors import ForbiddenError
from core.naming.user_names import UserNames
from core.plugins.admission import Admission
from core.settings import AuthenticatorSettings


def admission(**settings) -> Admission:
    chosen = AuthenticatorSettings(**settings)
    return Admission(chosen, UserNames("", chosen.username_map))


@pytest.mark.parametrize(
    ("settings", "known", "unknown"),
    [
        # settings, may bob come in if the hub knows him, and if it does not?
        ({}, False, False),
        ({"allow_all": True}, True, True),
        ({"allow_all": True, "blocked_users": {"bob"}}, False, False),
        ({"allow_all": True, "blocked_users": {"Bob"}}, False, False),
        ({"allowed_users": {"bob"}}, True, True),
        ({"allowed_users": {"BOB"}}, True, True),
        ({"allowed_users": {"bob"}, "blocked_users": {"bob"}}, False, False),
        ({"allowed_users": {"alice"}}, True, False),
        ({"allowed_users": {"alice"}, "allow_existing_users": False}, False, False),
        ({"allow_existing_users": True}, True, False),
        ({"allow_existing_users": True, "blocked_users": {"bob"}}, False, False),
        ({"admin_users": {"bob"}}, False, False),
        ({"admin_users": {"bob"}, "allowed_users": {"alice"}}, True, True),
        ({"admin_users": {"Bob"}, "allowed_users": {"alice"}, "allow_existing_users": False}, True, True),
        ({"allowed_users": {"robert"}, "username_map": {"robert": "bob"}}, True, True),
    ],
)
def test_who_may_come_in(settings, known, unknown):
    for exists, may in ((True, known), (False, unknown)):
        if may:
            admission(**settings).check("bob", exists=exists)
        else:
            with pytest.raises(ForbiddenError, match="bob"):
                admission(**settings).check("bob", exists=exists)


def test_a_login_that_allows_somebody_does_so_unless_they_are_blocked():
    admission().check("bob", exists=False, allowed=True)
    with pytest.raises(ForbiddenError):
        admission(blocked_users={"bob"}).check("bob", exists=True, allowed=True)


def test_administrators_are_known_however_they_are_spelled():
    assert admission(admin_users={"Alice"}).is_admin("alice")
    assert not admission(admin_users={"Alice"}).is_admin("bob")
