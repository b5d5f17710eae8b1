"""Logging in at an OpenID Connect or OAuth 2.0 provider. `authenticator.py` tells the story; the rest are its words."""

from web.authenticators.oidc.authenticator import OIDCAuthenticator

__all__ = ["OIDCAuthenticator"]
