"""What an administrator is told of a configuration of logins, and what keeps a hub from starting."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.config.logins.login_checks import login_warnings
from core.config.trait_names import AUTHENTICATORS
from core.naming.user_names import UserNames
from core.settings import AuthenticatorSettings, ConfigError, HubSettings, LocalUsersSettings, Settings
from spawners.configuration import load_settings
from web.authenticators import make_authenticator


@pytest.mark.parametrize(
    ("name", "login", "warned"),
    [
        ("pam", {}, ["Nobody may log in"]),
        ("pam", {"admin_users": {"alice"}}, ["Nobody may log in"]),
        ("pam", {"allow_all": True}, []),
        ("pam", {"allowed_users": {"bob"}}, []),
        ("pam", {"allow_existing_users": True}, []),
        ("pam", {"any_allow_config": True}, []),
        ("null", {}, []),
        ("dummy", {"allow_all": True, "manage_groups": True}, ["tells no groups"]),
        ("dummy", {"allow_all": True, "manage_groups": True, "post_auth_hook": print}, []),
    ],
)
def test_warnings(name, login, warned):
    settings = Settings(
        hub=HubSettings(authenticator_class=name), authenticator=AuthenticatorSettings(**login)
    )
    found = list(login_warnings(settings))
    assert len(found) == len(warned)
    for text, words in zip(found, warned, strict=True):
        assert words in text


def test_a_group_of_the_system_may_be_all_that_lets_people_in():
    settings = Settings(local_users=LocalUsersSettings(allowed_groups={"students"}))
    assert list(login_warnings(settings)) == []


def load(tmp_path: Path, text: str) -> Settings:
    file = tmp_path / "hub.py"
    file.write_text(text)
    return load_settings([file], [])[0]


def test_groups_come_from_the_configuration_or_from_logins(tmp_path):
    with pytest.raises(ConfigError, match="load_groups"):
        load(
            tmp_path,
            "c.Authenticator.manage_groups = True\nc.JupyterHub.load_groups = {'g': {'users': ['bob']}}",
        )
    assert load(tmp_path, "c.Authenticator.manage_groups = True").authenticator.manage_groups


def test_the_settings_of_the_system_s_users_arrive(tmp_path):
    found = load(
        tmp_path,
        "c.LocalAuthenticator.group_whitelist = {'old'}\n"
        "c.LocalAuthenticator.allowed_groups = {'students'}\n"
        "c.LocalAuthenticator.create_system_users = True\n"
        "c.PAMAuthenticator.service = 'hub'\n"
        "c.PAMAuthenticator.admin_groups = {'wheel'}\n",
    )
    assert found.local_users.allowed_groups == {"old", "students"}
    assert found.local_users.create_system_users
    assert (found.pam.service, found.pam.admin_groups) == ("hub", {"wheel"})


@pytest.mark.parametrize("name", sorted(set(AUTHENTICATORS) - {"default"}))
def test_every_way_to_log_in_that_can_be_named_is_there(name, tmp_path):
    config = f"c.JupyterHub.authenticator_class = {name!r}\n"
    if AUTHENTICATORS[name] in ("OIDCAuthenticator", "GenericOAuthenticator"):
        config += (
            "c.OAuthenticator.client_id = 'hub'\nc.OAuthenticator.client_secret = 'x' * 20\n"
            "c.OAuthenticator.authorize_url = 'https://login.example/authorize'\n"
            "c.OAuthenticator.token_url = 'https://login.example/token'\n"
            "c.OAuthenticator.issuer = 'https://login.example'\n"
            "c.OAuthenticator.userdata_url = 'https://login.example/me'\n"
        )
    assert make_authenticator(load(tmp_path, config), UserNames(), bytes(32))
