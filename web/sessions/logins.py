"""What it takes to let people in, by name and password or by somebody else's word."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from core.logins.gate import LoginGate
from core.plugins.admission import Admission
from core.plugins.authenticator import (
    Authenticator,
    RefreshingAuthenticator,
    SessionAuthenticator,
    StartAuthenticator,
)
from core.plugins.hooks import Hooks
from web.sessions.auth_states import AuthStates
from web.sessions.confirmations import Confirmations
from web.sessions.links import LoginLinks


@dataclass(kw_only=True, eq=False, repr=False)
class Logins:
    authenticator: Authenticator
    admission: Admission  # who may come in
    auth_states: AuthStates
    confirmations: Confirmations  # of logins that still stand
    gate: LoginGate = field(default_factory=LoginGate)
    links: LoginLinks = field(default_factory=LoginLinks)
    hooks: Hooks = field(default_factory=Hooks)  # apart from those of starts: neither keeps the other waiting

    @property
    def refreshes(self) -> bool:
        """Whether the authenticator can say later if a login still stands."""
        return _can_refresh(type(self.authenticator))

    def session_opener(self) -> SessionAuthenticator | None:
        """The authenticator, if it opens sessions of the system around servers."""
        found = self.authenticator
        return found if isinstance(found, SessionAuthenticator) and found.opens_sessions else None

    def start_authenticator(self) -> StartAuthenticator | None:
        """The authenticator, if it has a say in starts."""
        found = self.authenticator
        return found if isinstance(found, StartAuthenticator) else None


@lru_cache(maxsize=8)
def _can_refresh(kind: type[Authenticator]) -> bool:
    """Remembered: whether something is of a Protocol takes as long as many a handler."""
    return issubclass(kind, RefreshingAuthenticator)
