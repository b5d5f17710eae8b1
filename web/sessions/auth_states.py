"""`auth_state`: what a login keeps for the hub's own use. Encrypted wherever it is stored, and never in the log."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from core.errors import InvalidError
from core.events.file.store import EventStore
from core.events.log.side_tables import SideTableChange
from core.secrets.crypt import ENVIRONMENT, CryptKeeper, SealError
from core.settings import ConfigError
from projections import auth_states

logger = logging.getLogger("callboard.login")


class AuthStates:
    def __init__(self, store: EventStore, keeper: CryptKeeper, *, enabled: bool) -> None:
        """Raises ConfigError where states are to be kept and there is no key."""
        if enabled and not keeper:
            raise ConfigError(
                f"c.Authenticator.enable_auth_state needs a key: set c.CryptKeeper.keys or {ENVIRONMENT} "
                "(openssl rand -hex 32)"
            )
        self._store = store
        self._keeper = keeper
        self.enabled = enabled

    def of(self, user_id: str) -> dict[str, Any] | None:
        """None where nothing is kept, or what is kept can no longer be read."""
        sealed = auth_states.sealed(self._store.db, user_id) if self.enabled else None
        if sealed is None:
            return None
        try:
            return self._keeper.open(sealed)
        except SealError as error:
            logger.warning("the auth_state of user/%s cannot be read: %s", user_id, error)
            return None

    def change(self, user_id: str, state: dict[str, Any] | None) -> Sequence[SideTableChange]:
        """What goes with the event that says it changed; empty if it did not.

        Where states are not kept there is none, whatever `state` says: one of earlier days goes.
        """
        wanted = state if self.enabled else None
        if auth_states.sealed(self._store.db, user_id) is None:
            if wanted is None:
                return ()
        elif wanted is not None and wanted == self.of(user_id):
            return ()
        sealed = None if wanted is None else self._keeper.seal(wanted)
        return (auth_states.kept(user_id, sealed),)

    def check_kept(self) -> None:
        """Raises InvalidError where this hub keeps none."""
        if not self.enabled:
            raise InvalidError("This hub keeps no auth_state: c.Authenticator.enable_auth_state is off.")

    async def reseal(self) -> None:
        """Encrypt with the first key what an older one has encrypted, so that the older may go."""
        if not self.enabled:
            return
        after = ""
        while rows := auth_states.some(self._store.db, after):
            for user_id, sealed in rows:
                await self._reseal(user_id, bytes(sealed))
            after = rows[-1][0]

    async def _reseal(self, user_id: str, sealed: bytes) -> None:
        if self._keeper.is_sealed_with_first(sealed):
            return
        try:
            anew = self._keeper.seal(self._keeper.open(sealed))
        except SealError:
            logger.warning(
                "the auth_state of user/%s was encrypted with a key that is no longer given", user_id
            )
            return
        await self._store.amend(auth_states.kept(user_id, anew, replaces=sealed))
