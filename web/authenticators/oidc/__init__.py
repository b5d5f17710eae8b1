"""Logging in at an OpenID Connect or OAuth 2.0 provider: `authenticator.py` first; the other files are its steps."""

from __future__ import annotations

from core.naming.user_names import UserNames
from core.settings import Settings
from web.authenticators.oidc.authenticator import OIDCAuthenticator
from web.authenticators.oidc.refreshing import RefreshingOIDCAuthenticator


def make_oidc_authenticator(settings: Settings, names: UserNames, secret: bytes) -> OIDCAuthenticator:
    """One that refreshes logins, if the tokens for that are kept."""
    is_kept = settings.authenticator.enable_auth_state
    return (RefreshingOIDCAuthenticator if is_kept else OIDCAuthenticator)(settings, names, secret)
