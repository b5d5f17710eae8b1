"""The settings of logins through a provider: what is filled in, and what stops the hub."""

from __future__ import annotations

import re

import pytest

from core.config.logins.oidc_urls import is_acceptable
from core.config.masking import describe
from core.config.trait_names import RENAMED
from core.settings import ConfigError
from spawners.configuration import load_settings

OIDC = """
c.JupyterHub.authenticator_class = "oidc"
c.OIDCAuthenticator.issuer = "https://login.example"
c.OIDCAuthenticator.client_id = "hub"
c.OIDCAuthenticator.client_secret = "geheim"
"""
GENERIC = """
c.JupyterHub.authenticator_class = "generic-oauth"
c.GenericOAuthenticator.client_id = "hub"
c.GenericOAuthenticator.client_secret = "geheim"
c.GenericOAuthenticator.authorize_url = "https://login.example/authorize"
c.GenericOAuthenticator.token_url = "https://login.example/token"
c.GenericOAuthenticator.userdata_url = "https://login.example/me"
"""


@pytest.fixture(autouse=True)
def nothing_around(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("CLIENT_ID", "CLIENT_SECRET", "CALLBACK_URL", "LOGOUT_REDIRECT_URL"):
        monkeypatch.delenv(f"OAUTH_{name}", raising=False)
    for name in ("AUTHORIZE_URL", "TOKEN_URL", "USERDATA_URL", "USERNAME_KEY"):
        monkeypatch.delenv(f"OAUTH2_{name}", raising=False)


@pytest.fixture
def load(tmp_path):
    def load(text):
        file = tmp_path / "hub.py"
        file.write_text(text)
        settings, notes = load_settings([file], [])
        return settings, [str(note) for note in notes]

    return load


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        (OIDC, "scope", ["openid", "profile", "email"]),
        (OIDC, "username_claim", "preferred_username"),
        (OIDC, "login_service", "OpenID Connect"),
        (OIDC, "claim_groups_key", "groups"),
        (OIDC + "c.OIDCAuthenticator.scope = ['openid']", "scope", ["openid"]),
        (OIDC + "c.OIDCAuthenticator.username_claim = 'sub'", "username_claim", "sub"),
        (OIDC + "c.OIDCAuthenticator.allowed_groups = ['a']", "allowed_groups", {"a"}),
        (OIDC + "c.OAuthenticator.login_service = 'Campus'", "login_service", "Campus"),
        (OIDC + "c.OIDCAuthenticator.issuer += '/.well-known/openid-configuration'", "issuer", "https://login.example"),
        (OIDC + "c.OIDCAuthenticator.issuer = 'http://127.0.0.1:5556/dex'", "issuer", "http://127.0.0.1:5556/dex"),
        (OIDC + "c.OAuthenticator.logout_redirect_url = 'http://login.example/bye'", "logout_redirect_url", "http://login.example/bye"),
        (GENERIC, "scope", []),
        (GENERIC, "username_claim", "username"),
        (GENERIC, "login_service", "OAuth 2.0"),
        (GENERIC + "c.GenericOAuthenticator.basic_auth = True", "basic_auth", True),
        (GENERIC.replace("generic-oauth", "oauthenticator.generic.GenericOAuthenticator"), "client_id", "hub"),
        (GENERIC + "c.GenericOAuthenticator.token_url = 'http://idp.lan/token'; c.OAuthenticator.allow_http = True",
         "token_url", "http://idp.lan/token"),
    ],
)  # fmt: skip
def test_what_is_read(load, text, name, value):
    settings, notes = load(text)
    assert getattr(settings.oidc, name) == value
    assert not [note for note in notes if "OAuth" in note or "OIDC" in note]


@pytest.mark.parametrize(
    ("old", "new", "given"),
    [
        ("username_key", "username_claim", "login"),
        ("username_key", "username_claim", len),
        ("extra_params", "token_params", {"a": "b"}),
        ("tls_verify", "validate_server_cert", False),
    ],
)
@pytest.mark.parametrize("section", ["GenericOAuthenticator", "OAuthenticator"])
def test_older_names_of_oauthenticator_act(load, section, old, new, given):
    shown = "len" if given is len else repr(given)
    settings, notes = load(f"{GENERIC}\nc.{section}.{old} = {shown}")
    assert getattr(settings.oidc, new) == given
    assert any(f"c.{section}.{old}: note (deprecated: use c.{section}.{new})" in note for note in notes)
    newer = {"username_claim": "email", "token_params": {"c": "d"}, "validate_server_cert": True}[new]
    both = f"{GENERIC}\nc.{section}.{old} = {shown}\nc.GenericOAuthenticator.{new} = {newer!r}"
    assert getattr(load(both)[0].oidc, new) == newer


def test_every_older_name_is_tried_above():
    assert {(old, new) for (_, old), new in RENAMED.items()} == {
        ("username_key", "username_claim"),
        ("extra_params", "token_params"),
        ("tls_verify", "validate_server_cert"),
    }


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("username_key = 5", "username_key = 5: expected a text, or a function"),
        ("tls_verify = 'no'", "tls_verify = 'no': expected True or False"),
        ("extra_params = []", "extra_params = (hidden): expected dict"),
    ],
)
def test_a_wrong_value_is_named_as_it_was_given(load, line, said):
    with pytest.raises(ConfigError, match=re.escape(said)):
        load(f"{GENERIC}\nc.GenericOAuthenticator.{line}")


def test_what_nobody_has_set_is_in_the_environment(load, monkeypatch):
    monkeypatch.setenv("OAUTH_CLIENT_ID", "from-the-environment")
    monkeypatch.setenv("OAUTH_CLIENT_SECRET", "geheim")
    monkeypatch.setenv("OAUTH_CALLBACK_URL", "http://hub.example/hub/oauth_callback")
    text = """
c.JupyterHub.authenticator_class = "oidc"
c.OIDCAuthenticator.issuer = "https://login.example"
"""
    assert load(text)[0].oidc.client_id == "from-the-environment"
    assert load(text)[0].oidc.oauth_callback_url == "http://hub.example/hub/oauth_callback"
    assert load(OIDC)[0].oidc.client_id == "hub"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (OIDC.replace("c.OIDCAuthenticator.issuer", "#"), "c.OIDCAuthenticator.issuer is not set"),
        (
            OIDC.replace("c.OIDCAuthenticator.client_id", "#"),
            "client_id is not set, nor is OAUTH_CLIENT_ID in the",
        ),
        (
            GENERIC.replace("c.GenericOAuthenticator.userdata_url", "#"),
            "c.GenericOAuthenticator.userdata_url is not",
        ),
        (OIDC + "c.OIDCAuthenticator.issuer = 'http://login.example'", "starts with https://"),
        (OIDC + "c.OIDCAuthenticator.issuer = 'login.example'", "starts with https://"),
        (OIDC + "c.OIDCAuthenticator.issuer = 'https://u:geheim@login.example'", "starts with https://"),
        (
            OIDC + "c.OIDCAuthenticator.userdata_url = 'ftp://login.example'",
            "c.OIDCAuthenticator.userdata_url = ",
        ),
        (OIDC + "c.OIDCAuthenticator.algorithms = ['HS256']", "expected some of ES256"),
        (OIDC + "c.OIDCAuthenticator.algorithms = ['RS256', 'none']", "expected some of ES256"),
        (OIDC + "c.OIDCAuthenticator.algorithms = []", "expected some of ES256"),
        (OIDC + "c.OIDCAuthenticator.username_claim = ''", "username_claim is empty"),
        (OIDC + "c.OIDCAuthenticator.username_claim = 5", "c.OIDCAuthenticator.username_claim = 5"),
        (OIDC + "c.OIDCAuthenticator.clock_leeway = -1", "expected 0 to 300 seconds"),
        (OIDC + "c.OIDCAuthenticator.request_timeout = 0", "expected 1 to 300 seconds"),
        (OIDC + "c.OIDCAuthenticator.scope = 'openid'", "c.OIDCAuthenticator.scope = 'openid': expected"),
        (
            OIDC + "c.OIDCAuthenticator.client_secret = ''; c.OIDCAuthenticator.enable_pkce = False",
            "must stay on",
        ),
        (GENERIC + "c.GenericOAuthenticator.allowed_groups = {'a'}", "set claim_groups_key too"),
        (GENERIC + "c.GenericOAuthenticator.admin_groups = {'a'}", "set claim_groups_key too"),
        (GENERIC + "c.GenericOAuthenticator.manage_groups = True", "set claim_groups_key too"),
        (GENERIC + "c.GenericOAuthenticator.userdata_from_id_token = True", "set issuer too"),
    ],
)
def test_what_stops_the_hub_is_one_line_without_the_secret(load, text, said):
    with pytest.raises(ConfigError) as refusal:
        load(text)
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert "geheim" not in str(refusal.value)


def test_a_wrong_address_in_the_environment_is_named(load, monkeypatch):
    monkeypatch.setenv("OAUTH2_TOKEN_URL", "http://login.example/token")
    with pytest.raises(ConfigError, match="OAUTH2_TOKEN_URL in the environment"):
        load(GENERIC.replace("c.GenericOAuthenticator.token_url", "#"))


def test_the_secret_is_not_shown(load):
    assert "geheim" not in str(describe(load(OIDC)[0]))


def test_options_that_do_not_act_are_told(load):
    _, notes = load(OIDC + "c.OIDCAuthenticator.custom_403_message = 'x'")
    assert any("custom_403_message" in note for note in notes)
    with pytest.raises(ConfigError, match=r"did you mean issuer\?"):
        load(OIDC + "c.OIDCAuthenticator.isuer = 'x'")


def test_where_another_login_is_used_nothing_is_demanded(load):
    assert load("c.OIDCAuthenticator.issuer = 'nonsense'")[0].oidc.issuer == ""


@pytest.mark.parametrize(
    ("url", "by_default", "with_http"),
    [
        ("https://login.example/x?y=z", True, True),
        ("http://127.0.0.1:80/x", True, True),
        ("http://[::1]/x", True, True),
        ("http://localhost/x", True, True),
        ("http://login.example", False, True),
        ("http://localhost.example", False, True),
        ("http://127.0.0.1.example", False, True),
        ("https://user@login.example", False, False),
        ("https://login.example/#part", False, False),
        ("https://", False, False),
        ("https://login.example:port", False, False),
        ("https://[::1", False, False),
        ("//login.example", False, False),
        ("file:///etc/passwd", False, False),
        ("javascript:alert(1)", False, False),
        ("https://login.example/a b", False, False),
        ("https://login.example/\n", False, False),
        ("", False, False),
    ],
)
def test_addresses(url, by_default, with_http):
    assert is_acceptable(url) is by_default
    assert is_acceptable(url, allow_http=True) is with_http
