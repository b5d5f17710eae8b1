"""Shared passwords: whose opens which door, and what a configuration of them must be."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.config.logins.login_checks import login_warnings
from core.naming.user_names import UserNames
from core.plugins.authenticator import Login
from core.settings import AuthenticatorSettings, ConfigError, HubSettings, Settings, SharedPasswordSettings
from spawners.configuration import load_settings
from web.authenticators.shared_password import SharedPasswordAuthenticator

OF_USERS, OF_ADMINS, OF_TUTORS = "for-everybody", "a" * 32, "for-tutors"


def settings(**passwords) -> Settings:
    return Settings(
        hub=HubSettings(authenticator_class="shared-password"),
        authenticator=AuthenticatorSettings(admin_users={"Alice"}, allow_all=True),
        shared_password=SharedPasswordSettings(**passwords),
    )


ALL = settings(user_password=OF_USERS, admin_password=OF_ADMINS, password_groups={OF_TUTORS: ["tutors"]})


@pytest.mark.parametrize(
    ("settings", "credentials", "login"),
    [
        (ALL, {"username": "bob", "password": OF_USERS}, Login("bob", admin=False, groups=())),
        (ALL, {"username": "bob", "password": OF_TUTORS}, Login("bob", admin=False, groups=("tutors",))),
        (ALL, {"username": "bob", "password": OF_ADMINS}, None),
        (ALL, {"username": "bob", "password": "wrong"}, None),
        (ALL, {"username": "alice", "password": OF_ADMINS}, Login("alice", admin=True, groups=())),
        (ALL, {"username": "ALICE", "password": OF_ADMINS}, Login("ALICE", admin=True, groups=())),
        (ALL, {"username": "alice", "password": OF_USERS}, None),
        (ALL, {"username": "ALICE", "password": OF_USERS}, None),
        (ALL, {"username": "alice", "password": OF_TUTORS}, None),
        (ALL, {"username": "bob", "password": ""}, None),
        (ALL, {"username": "bob"}, None),
        (ALL, {"username": "", "password": OF_USERS}, None),
        (ALL, {"username": "bob", "password": "\ud800"}, None),
        (ALL, {"username": "bob", "password": [OF_USERS]}, None),
        (settings(), {"username": "bob", "password": ""}, None),
        (settings(), {"username": "alice", "password": ""}, None),
        (settings(password_groups={"": ["tutors"]}), {"username": "bob", "password": ""}, None),
    ],
)
async def test_who_a_password_lets_in(settings, credentials, login):
    assert await SharedPasswordAuthenticator(settings, UserNames()).authenticate(credentials) == login


async def test_a_name_that_is_mapped_to_an_administrators_needs_their_password():
    authenticator = SharedPasswordAuthenticator(ALL, UserNames("", {"al": "alice"}))
    assert await authenticator.authenticate({"username": "Al", "password": OF_USERS}) is None


def load(tmp_path: Path, text: str) -> Settings:
    file = tmp_path / "hub.py"
    file.write_text(f"c.JupyterHub.authenticator_class = 'shared-password'\n{text}\n")
    return load_settings([file], [])[0]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("user_password = 'short'", "8 characters"),
        ("admin_password = 'only twenty-nine characters..'", "32 characters"),
        (
            f"user_password = '{OF_ADMINS}'\nc.SharedPasswordAuthenticator.admin_password = '{OF_ADMINS}'",
            "another",
        ),
        ("password_groups = {'for-tutors': ['tutors']}", "manage_groups"),
    ],
)
def test_what_a_configuration_may_not_be(tmp_path, text, says):
    with pytest.raises(ConfigError, match=says) as refused:
        load(tmp_path, f"c.SharedPasswordAuthenticator.{text}")
    assert "short'" not in str(refused.value)
    assert OF_ADMINS not in str(refused.value)
    assert "for-tutors" not in str(refused.value)


def test_what_is_configured_arrives(tmp_path):
    found = load(
        tmp_path,
        f"c.SharedPasswordAuthenticator.user_password = '{OF_USERS}'\n"
        f"c.SharedPasswordAuthenticator.admin_password = '{OF_ADMINS}'\n"
        "c.Authenticator.manage_groups = True\n"
        "c.SharedPasswordAuthenticator.password_groups = {'for-tutors': ['tutors']}",
    )
    assert found.shared_password == ALL.shared_password


@pytest.mark.parametrize(
    ("passwords", "admins", "words"),
    [
        ({"user_password": OF_USERS, "admin_password": OF_ADMINS}, {"alice"}, []),
        ({}, set(), ["Nobody can log in"]),
        ({"admin_password": OF_ADMINS}, {"alice"}, ["Only administrators"]),
        ({"user_password": OF_USERS}, {"alice"}, ["No administrator"]),
        ({"user_password": OF_USERS, "admin_password": OF_ADMINS}, set(), ["of no use"]),
    ],
)
def test_what_administrators_are_warned_of(passwords, admins, words):
    warnings = login_warnings(
        Settings(
            hub=HubSettings(authenticator_class="shared-password"),
            authenticator=AuthenticatorSettings(admin_users=admins, allow_all=True),
            shared_password=SharedPasswordSettings(**passwords),
        )
    )
    assert [any(word in text for word in words) for text in warnings] == [True] * len(words)
