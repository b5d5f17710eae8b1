"""Ways to log in, one file each, and the names a config may use for them."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from core.naming.user_names import UserNames
from core.plugins.authenticator import Authenticator
from core.settings import Settings
from web.authenticators.dummy import DummyAuthenticator
from web.authenticators.null import NullAuthenticator
from web.authenticators.pam import PAMAuthenticator
from web.authenticators.shared_password import SharedPasswordAuthenticator

Make = Callable[[Settings, UserNames, bytes], Authenticator]


def make_authenticator(settings: Settings, names: UserNames, secret: bytes) -> Authenticator:
    """One of ours. `secret`: the hub's, to derive others from."""
    return _AUTHENTICATORS[settings.hub.authenticator_class](settings, names, secret)


def _oidc(settings: Settings, names: UserNames, secret: bytes) -> Authenticator:
    """Loaded by the hubs that use it: with the libraries behind it, it weighs more than all the others together."""
    make: Make = import_module("web.authenticators.oidc").make_oidc_authenticator
    return make(settings, names, secret)


_AUTHENTICATORS: dict[str, Make] = {
    "dummy": lambda settings, names, secret: DummyAuthenticator(settings.dummy),
    "pam": lambda settings, names, secret: PAMAuthenticator(settings, names),
    "shared-password": lambda settings, names, secret: SharedPasswordAuthenticator(settings, names),
    "oidc": _oidc,
    "generic-oauth": _oidc,
    "null": lambda settings, names, secret: NullAuthenticator(),
}
