"""Ways to log in, one file each, and the names a config may use for them."""

from __future__ import annotations

import logging
from collections.abc import Callable

from core.authenticator import Authenticator
from core.config import Settings
from core.user_names import UserNames
from web.authenticators.dummy import DummyAuthenticator
from web.authenticators.null import NullAuthenticator
from web.authenticators.oidc import make_oidc_authenticator
from web.authenticators.pam import PAMAuthenticator
from web.authenticators.shared_password import SharedPasswordAuthenticator

logger = logging.getLogger("callboard.login")


def make_authenticator(settings: Settings, names: UserNames, secret: bytes) -> Authenticator:
    """`secret`: the hub's, to derive others from.

    One that is not built yet lets nobody in, and says so: the hub is used through its API then.
    """
    name = settings.hub.authenticator_class
    make = _AUTHENTICATORS.get(name)
    if make is None:
        logger.warning("authenticator_class %r does not act yet: nobody can log in", name)
        return NullAuthenticator()
    return make(settings, names, secret)


_AUTHENTICATORS: dict[str, Callable[[Settings, UserNames, bytes], Authenticator]] = {
    "dummy": lambda settings, names, secret: DummyAuthenticator(settings.dummy),
    "pam": lambda settings, names, secret: PAMAuthenticator(settings, names),
    "shared-password": lambda settings, names, secret: SharedPasswordAuthenticator(settings, names),
    "oidc": make_oidc_authenticator,
    "generic-oauth": make_oidc_authenticator,
    "null": lambda settings, names, secret: NullAuthenticator(),
}
