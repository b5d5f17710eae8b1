"""The settings of a login through a provider: what is left out, and what must not stay as it is."""

from __future__ import annotations

import os
from typing import Any

from msgspec.structs import replace

from core.config.logins.oidc_urls import is_acceptable, normal_issuer
from core.config.section import Section
from core.settings import ConfigError, OIDCSettings

# Of asymmetric signatures only: with any other a public key, or nothing at all, would do to forge one.
ALGORITHMS = frozenset(
    f"{kind}{bits}" for kind in ("RS", "PS", "ES") for bits in (256, 384, 512)
) | {"EdDSA", "Ed25519"}  # fmt: skip

_NAMES = ("oidc", "generic-oauth")
_URLS = ("issuer", "authorize_url", "token_url", "userdata_url")
_FOR_BROWSERS = ("oauth_callback_url", "logout_redirect_url")

# Source: oauthenticator 17.
_ENVIRONMENT = {
    "client_id": "OAUTH_CLIENT_ID",
    "client_secret": "OAUTH_CLIENT_SECRET",
    "oauth_callback_url": "OAUTH_CALLBACK_URL",
    "logout_redirect_url": "OAUTH_LOGOUT_REDIRECT_URL",
    "authorize_url": "OAUTH2_AUTHORIZE_URL",
    "token_url": "OAUTH2_TOKEN_URL",
    "userdata_url": "OAUTH2_USERDATA_URL",
    "username_claim": "OAUTH2_USERNAME_KEY",
}

_OIDC_DEFAULTS: dict[str, Any] = {
    "login_service": "OpenID Connect",
    "scope": ["openid", "profile", "email"],
    "username_claim": "preferred_username",
    "claim_groups_key": "groups",
}


def oidc_settings(section: Section, name: str) -> OIDCSettings:
    """Raises ConfigError. `name`: of the authenticator; for others there is nothing to read."""
    if name not in _NAMES:
        return OIDCSettings()
    found = _with_defaults(section, section.fill(OIDCSettings), name)
    found = replace(found, issuer=normal_issuer(found.issuer))
    _check_present(found, name)
    for setting in (*_URLS, *_FOR_BROWSERS):
        _check_url(section, setting, getattr(found, setting), found)
    _check_algorithms(section, found)
    _check_groups(section, found)
    for setting, least in (("clock_leeway", 0), ("request_timeout", 1)):
        if not least <= getattr(found, setting) <= 300:
            raise section.trait(setting).refuse(getattr(found, setting), f"expected {least} to 300 seconds")
    if not found.client_secret and not found.enable_pkce:
        raise ConfigError(f"{_of(name)}.client_secret is not set: without one, enable_pkce must stay on")
    return found


def _with_defaults(section: Section, found: OIDCSettings, name: str) -> OIDCSettings:
    """What nobody has set: from the environment, else as befits OpenID Connect."""
    given = {
        setting: os.environ[variable]
        for setting, variable in _ENVIRONMENT.items()
        if setting not in section and os.environ.get(variable)
    }
    if name == "oidc":
        given = {key: value for key, value in _OIDC_DEFAULTS.items() if key not in section} | given
    return replace(found, **given)


def _check_present(found: OIDCSettings, name: str) -> None:
    wanted = ["client_id"]
    if name == "oidc":
        wanted.append("issuer")
    elif not found.issuer:
        wanted += ["authorize_url", "token_url", "userdata_url"]
    for setting in wanted:
        if not getattr(found, setting):
            said = "" if setting == "issuer" else f", nor is {_ENVIRONMENT[setting]} in the environment"
            raise ConfigError(f"{_of(name)}.{setting} is not set{said}: nobody could log in")
    if not found.username_claim:
        raise ConfigError(f"{_of(name)}.username_claim is empty: which claim holds the user's name?")
    if found.userdata_from_id_token and not found.issuer:
        raise ConfigError(
            f"{_of(name)}.userdata_from_id_token: an ID token is worth nothing until it is checked: set issuer too"
        )


def _of(name: str) -> str:
    return "c.OIDCAuthenticator" if name == "oidc" else "c.GenericOAuthenticator"


def _check_url(section: Section, setting: str, url: str, found: OIDCSettings) -> None:
    """What only browsers ask for may be http: they may sit behind anything."""
    if not url or is_acceptable(url, allow_http=found.allow_http or setting in _FOR_BROWSERS):
        return
    allowed = "expected a URL that starts with https:// (or allow_http = True, for a network you trust)"
    if setting not in section:
        raise ConfigError(f"{_ENVIRONMENT[setting]} in the environment: {allowed}")
    raise section.trait(setting).refuse(url, allowed)


def _check_algorithms(section: Section, found: OIDCSettings) -> None:
    if not found.algorithms or not ALGORITHMS.issuperset(found.algorithms):
        raise section.trait("algorithms").refuse(
            found.algorithms, f"expected some of {', '.join(sorted(ALGORITHMS))}"
        )


def _check_groups(section: Section, found: OIDCSettings) -> None:
    if found.claim_groups_key or found.auth_state_groups_key:
        return
    for setting in ("allowed_groups", "admin_groups"):
        if getattr(found, setting):
            raise section.trait(setting).refuse(
                getattr(found, setting),
                "set claim_groups_key too, which says where a user's groups are found",
            )
    if section.read("manage_groups", bool, False):
        raise section.trait("manage_groups").refuse(
            True, "set claim_groups_key too: everybody would lose their groups"
        )
