"""Names and groups out of what a provider says."""

from __future__ import annotations

from typing import Any

import pytest

from core.errors import ForbiddenError
from core.plugins.authenticator import Login
from core.plugins.hooks import Hooks, trio_hook
from core.settings import OIDCSettings
from tests.oidc_provider import PERSON
from tests.unit.web.authenticators.oidc.world import oidc_settings
from web.authenticators.oidc.people import People, find, merged

ISSUER = "https://login.example"


async def login(claims: dict[str, Any], *, manage_groups: bool = False, admins: set[str] = frozenset(),
                auth_state: dict[str, Any] | None = None, **settings: Any) -> Login:  # fmt: skip
    chosen: OIDCSettings = oidc_settings(ISSUER, **settings)
    people = People(chosen, manage_groups=manage_groups, is_admin=admins.__contains__, hooks=Hooks())
    return await people.login({**PERSON, **claims}, auth_state or {})


@pytest.mark.parametrize(
    ("claims", "path", "found"),
    [
        ({"groups": ["a"]}, "groups", ["a"]),
        ({"realm_access": {"roles": ["a"]}}, "realm_access.roles", ["a"]),
        ({"https://example.org/roles": ["a"]}, "https://example.org/roles", ["a"]),
        ({"a.b": 1, "a": {"b": 2}}, "a.b", 1),
        ({"a": {"b": {"c": 3}}}, "a.b.c", 3),
        ({"a": None}, "a", None),
        ({"a": 5}, "a.b", None),
        ({}, "a", None),
        ({}, "a.b", None),
    ],
)
def test_find(claims, path, found):
    assert find(claims, path) == found


@pytest.mark.parametrize(
    ("settings", "claims", "admin", "allowed"),
    [
        ({}, {}, None, False),
        ({"allowed_groups": {"staff"}}, {}, None, True),
        ({"allowed_groups": {"Staff"}}, {}, None, False),
        ({"allowed_groups": {"other"}}, {}, None, False),
        ({"allowed_groups": {"staff"}}, {"groups": None}, None, False),
        ({"allowed_groups": {"staff"}}, {"groups": []}, None, False),
        ({"allowed_groups": {"staff"}}, {"groups": "staff"}, None, True),
        ({"allowed_groups": {"s"}}, {"groups": "staff"}, None, False),
        ({"admin_groups": {"staff"}}, {}, True, True),
        ({"admin_groups": {"other"}}, {}, False, False),
        ({"admin_groups": {"other"}, "allowed_groups": {"staff"}}, {}, False, True),
        ({"allowed_groups": {"a"}, "claim_groups_key": "r.roles"}, {"r": {"roles": ["a"]}}, None, True),
        ({"allowed_groups": {"a"}, "claim_groups_key": lambda claims: [claims["sub"][:1]]}, {}, None, False),
        ({"allowed_groups": {"0"}, "claim_groups_key": lambda claims: {claims["sub"][:1]}}, {}, None, True),
    ],
)
async def test_groups_decide_who_may_come_in_and_who_is_an_administrator(settings, claims, admin, allowed):
    found = await login(claims, **settings)
    assert (found.admin, found.allowed) == (admin, allowed)
    assert found.groups is None


@pytest.mark.parametrize(
    ("allowed_scopes", "granted", "allowed"),
    [
        (set(), ["jupyter"], False),
        ({"jupyter"}, ["openid", "jupyter"], True),
        ({"jupyter", "openid"}, ["openid", "jupyter"], True),
        ({"jupyter", "gpu"}, ["openid", "jupyter"], False),
        ({"jupyter"}, [], False),
        ({"jupyter"}, None, False),
    ],
)
async def test_what_the_provider_has_granted_decides_who_may_come_in(allowed_scopes, granted, allowed):
    found = await login({}, auth_state={"scope": granted}, allowed_scopes=allowed_scopes)
    assert found.allowed is allowed


async def test_whom_the_configuration_names_stays_an_administrator():
    assert (await login({}, admins={"Bob"}, admin_groups={"other"})).admin is None


async def test_groups_are_told_to_the_hub_that_manages_them():
    assert (await login({}, manage_groups=True)).groups == ("staff", "students")
    assert (await login({"groups": None}, manage_groups=True)).groups == ()


async def test_groups_may_lie_in_the_auth_state():
    state = {"oauth_user": {"roles": ["x"]}}
    settings = {"auth_state_groups_key": "oauth_user.roles", "claim_groups_key": ""}
    assert (await login({}, manage_groups=True, auth_state=state, **settings)).groups == ("x",)


async def test_a_function_makes_the_name():
    assert (await login({}, username_claim=lambda claims: claims["email"].partition("@")[0])).name == "bob"

    @trio_hook
    async def name(claims: dict[str, Any]) -> str:
        return f"u{claims['sub']}"

    assert (await login({}, username_claim=name)).name == "u0001"


@pytest.mark.parametrize(
    "function", [lambda claims: claims["nothing"], lambda claims: None, lambda claims: 5]
)
async def test_a_function_that_fails_lets_nobody_in(function):
    with pytest.raises(ForbiddenError, match=r"could not make sense|no user name"):
        await login({}, username_claim=function)


@pytest.mark.parametrize(
    ("claims", "settings", "name"),
    [
        ({}, {}, "bob@example.org"),
        ({"email_verified": "true"}, {}, "bob@example.org"),
        ({"email_verified": False}, {"allow_unverified_email": True}, "bob@example.org"),
        ({"email_verified": None}, {"allow_unverified_email": True}, "bob@example.org"),
    ],
)
async def test_an_address_is_a_name_once_it_has_been_verified(claims, settings, name):
    assert (await login(claims, username_claim="email", **settings)).name == name


@pytest.mark.parametrize("verified", [False, None, "false", "yes", 1, [True]])
async def test_an_address_that_was_not_verified_is_nobodys(verified):
    with pytest.raises(ForbiddenError, match="not been verified"):
        await login({"email_verified": verified}, username_claim="email")


@pytest.mark.parametrize(
    ("claims", "shown"),
    [
        ({}, {"display_name": "Bob B."}),
        ({"picture": "https://login.example/bob.png"},
         {"display_name": "Bob B.", "avatar_url": "https://login.example/bob.png"}),
        ({"name": None}, None),
        ({"name": "a\nb", "picture": "javascript:alert(1)"}, None),
        ({"name": "x" * 300, "picture": 5}, None),
    ],
)  # fmt: skip
async def test_others_see_a_name_and_a_picture(claims, shown):
    assert (await login(claims)).user_info == shown


# --- two documents ---

ID_CLAIMS = {
    "sub": "1",
    "iss": ISSUER,
    "aud": "hub",
    "exp": 5,
    "email": "a@example.org",
    "email_verified": True,
}


def test_user_information_is_newer_but_says_nothing_about_the_token():
    found = merged(ID_CLAIMS, {"sub": "1", "iss": "x", "aud": "x", "exp": 9, "groups": ["a"]})
    assert found == {**ID_CLAIMS, "groups": ["a"]}


def test_one_documents_address_is_not_verified_by_the_other():
    found = merged(ID_CLAIMS, {"sub": "1", "email": "victim@example.org"})
    assert found["email"] == "victim@example.org"
    assert "email_verified" not in found


@pytest.mark.parametrize("userinfo", [{}, {"sub": "2"}, {"sub": None}, {"sub": 1}])
def test_both_are_about_the_same_person(userinfo):
    with pytest.raises(ForbiddenError, match="somebody else"):
        merged(ID_CLAIMS, userinfo)


def test_plain_oauth_has_one_document_only():
    assert merged({}, {"login": "bob"}) == {"login": "bob"}
    assert merged(ID_CLAIMS, None) == ID_CLAIMS
