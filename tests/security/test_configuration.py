"""Configuration that fails open (CVE-2020-26250, CVE-2023-48311): what is misspelt, empty or left out lets nobody in.

What each option of the configuration does is in tests/unit/core/config/: test_file.py, and test_login_checks.py.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest

from core.config.logins.login_checks import login_warnings
from core.config.trait_names import AUTHENTICATORS
from core.errors import ForbiddenError
from core.plugins.authenticator import Login
from core.settings import ConfigError, Settings
from spawners.configuration import NAMES, load_settings
from tests.conftest import hub_in_memory

FORM_LOGIN = "c.JupyterHub.authenticator_class = 'dummy'; c.DummyAuthenticator.password = 'right'\n"


def load(tmp_path: Path, lines: str) -> Settings:
    file = tmp_path / "hub.py"
    file.write_text(f"c.JupyterHub.spawner_class = 'simulated'\n{lines}")
    return load_settings([file], [])[0]


@pytest.mark.parametrize(
    "line",
    [
        "c.Authenticator.blocked_user = {'mallory'}",
        "c.Authenticator.block_users = {'mallory'}",
        "c.Authenticator.alowed_users = {'bob'}",
        "c.Authenticator.allowed_user = {'bob'}",
        "c.Authenticator.whitelisted = {'bob'}",
        "c.Authenticator.username_patern = '^[a-z]+$'",
        "c.Authenticator.Allowed_users = {'bob'}",
        "c.Authenticator.something_else_entirely = 1",
        "c.DummyAuthenticator.pasword = 'right'",
        "c.Authentcator.allowed_users = {'bob'}",
        "c.authenticator.allowed_users = {'bob'}",
        "c.DummyAuthenticater.password = 'right'",
    ],
)
def test_what_is_misspelt_about_logins_stops_the_hub(tmp_path: Path, line: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, f"c.JupyterHub.authenticator_class = 'dummy'\n{line}")
    assert "\n" not in str(refused.value)
    assert re.search(r"\w+(?= =)", line)[0] in str(refused.value) or "c.authenticator: " in str(refused.value)


@pytest.mark.parametrize(
    "line",
    [
        "c.Spawner.start_timout = 5",  # keeps nobody out
        "c.JupyterHub.hub_prot = 1",
        "c.GitHubOAuthenticator.allowed_organizations = {'x'}",  # of an authenticator that is not in use
        "c.PAMAuthenticator.no_such_option = 1",
    ],
)
def test_what_is_misspelt_elsewhere_is_told(tmp_path: Path, line: str) -> None:
    load(tmp_path, FORM_LOGIN + line)


@pytest.mark.parametrize(
    "name", ["nonsense", "pamm", "dumy", "oauthenticator.github.GitHubOAuthenticator", ""]
)
def test_a_way_to_log_in_that_there_is_not_stops_the_hub(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError):
        load(tmp_path, f"c.JupyterHub.authenticator_class = {name!r}")


@pytest.mark.parametrize("authenticator", sorted({*AUTHENTICATORS.values()}))
def test_no_option_about_logins_is_known_and_does_nothing(authenticator: str) -> None:
    """One that is merely noted as `not yet` might be meant to keep somebody out."""
    for section in NAMES.lineage(authenticator):
        assert NAMES.known_traits(section) - NAMES.acting_traits(section) <= HARMLESS, section


HARMLESS = {  # none of them says who may come in; the hooks are named to whoever starts the hub as not acting yet
    "custom_403_message",
    "http_proxy",
    "http_request_kwargs",
    "modify_auth_state_hook",
    "reconcile_auth_state_hook",
    "refresh_user_hook",
    "userdata_token_method",
}


@pytest.mark.parametrize(
    ("lines", "comes_in"),
    [
        ("", set()),
        ("c.Authenticator.allowed_users = set()", set()),
        ("c.Authenticator.allowed_users = {'bob'}", {"alice", "bob"}),
        ("c.Authenticator.allowed_users = {'bob'}; c.Authenticator.blocked_users = {'BOB'}", {"alice"}),
        ("c.Authenticator.allow_all = True; c.Authenticator.blocked_users = {'bob'}", {"alice", "mallory"}),
        ("c.Authenticator.allow_all = False", set()),
        ("c.Authenticator.any_allow_config = True", set()),
        ("c.Authenticator.allow_existing_users = False", set()),
    ],
)
async def test_who_is_not_named_stays_out(tmp_path: Path, lines: str, comes_in: set[str]) -> None:
    """With a way to log in that proves who people are and no more, such as a provider."""
    named = "c.JupyterHub.authenticator_class = 'shared-password'; c.Authenticator.admin_users = {'alice'}\n"
    async with hub_in_memory(load(tmp_path, named + lines)) as hub:
        came = set()
        for name in ("alice", "bob", "mallory"):
            try:
                came |= {name} if await hub.acts.accounts.of_login(Login(name)) else set()
            except ForbiddenError:
                continue
        assert came == comes_in


async def test_without_a_way_to_log_in_nobody_does(tmp_path: Path) -> None:
    async with hub_in_memory(load(tmp_path, "c.JupyterHub.authenticator_class = 'null'")) as hub:
        assert (
            await hub.acts.credential_login.log_in(
                {"username": "alice", "password": "x"}, address="192.0.2.1"
            )
            is None
        )


@pytest.mark.parametrize("password", ["", "wrong", "Right", "right ", "right\0"])
async def test_a_shared_password_is_needed_where_there_is_one(tmp_path: Path, password: str) -> None:
    async with hub_in_memory(load(tmp_path, FORM_LOGIN)) as hub:
        given = {"username": "bob", "password": password}
        assert await hub.acts.credential_login.log_in(given, address="192.0.2.1") is None


def test_administrators_without_a_password_are_warned_of(tmp_path: Path) -> None:
    open_door = "c.JupyterHub.authenticator_class = 'dummy'; c.Authenticator.admin_users = {'alice'}\n"
    (warning,) = login_warnings(load(tmp_path, open_door))
    assert warning.startswith("Anybody can log in as an administrator")
    assert not list(login_warnings(load(tmp_path, f"{open_door}c.DummyAuthenticator.password = 'right'")))


@pytest.mark.parametrize(
    "lines",
    [
        "c.JupyterHub.load_roles = [{'name': 'tutor', 'scopes': ['servers!usr=bob']}]",
        "c.JupyterHub.load_roles = [{'name': 'tutor', 'scopes': ['servers!user=']}]",
        "c.JupyterHub.load_roles = [{'name': 'tutor', 'scopes': ['servers!']}]",
        "c.JupyterHub.load_roles = [{'name': 'tutor', 'scopes': ['sevrers']}]",
        "c.JupyterHub.load_roles = [{'name': 'admin', 'scopes': ['self']}]",
        "c.Spawner.server_token_scopes = ['servers!usr']",
    ],
)
async def test_scopes_that_make_no_sense_stop_the_hub(tmp_path: Path, lines: str) -> None:
    with pytest.raises(Exception, match=r"[Ss]cope|Role") as refused:
        async with hub_in_memory(load(tmp_path, FORM_LOGIN + lines)):
            logging.getLogger("tests").error("it started")
    assert "\n" not in str(refused.value)
