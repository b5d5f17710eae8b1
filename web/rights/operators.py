"""Who administers a hub from its own machine: whoever may open the control socket, for one command at a time."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

from core.scopes import Scopes
from core.token import quick_digest
from web.rights.identity import Identity

LIFE = 3600.0  # seconds; a command may wait for a start
MOST = 1000  # at a time; the oldest goes

Now = Callable[[], float]


class Operators:
    """Their tokens are in memory alone, so that a command leaves none behind in the log.

    `scopes`: what the role of administrators allows at present. `now`: a clock that only goes forward.
    """

    def __init__(self, scopes: Callable[[], Scopes], now: Now = time.monotonic) -> None:
        self._scopes = scopes
        self._now = now
        self._known: dict[str, tuple[str, float]] = {}

    def admit(self, name: str) -> str:
        """A token for whoever is called so on this machine."""
        token = secrets.token_hex(32)
        while len(self._known) >= MOST:
            self._known.pop(next(iter(self._known)))
        self._known[quick_digest(token)] = (name, self._now() + LIFE)
        return token

    def find(self, token: str) -> Identity | None:
        """Who holds this token."""
        name, until = self._known.get(quick_digest(token), ("", 0.0))
        if self._now() >= until:
            return None
        return Identity("operator", name, name, self._scopes(), token_id=f"command-line/{name}")
