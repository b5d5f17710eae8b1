"""States of spawners of JupyterHub's kind, encrypted with a key of the secret file's."""

from __future__ import annotations

import logging
from typing import Any

import msgspec

from core.events.file.store import EventStore
from core.secrets.crypt import CryptKeeper, SealError
from core.secrets.secret_file import derive
from projections.servers import spawner_states

logger = logging.getLogger("callboard.plugins")


class SpawnerStates:
    def __init__(self, store: EventStore, secret: bytes) -> None:
        self._store = store
        self._keeper = CryptKeeper([derive(secret, "spawner states")])
        self._opened: dict[str, tuple[bytes, bytes]] = {}  # what was read last: sealed, and as JSON

    def of(self, key: str) -> dict[str, Any] | None:
        """None where nothing is kept, or what is kept can no longer be read."""
        sealed = spawner_states.sealed(self._store.db, key)
        if sealed is None:
            self._opened.pop(key, None)
            return None
        try:
            return self._open(key, sealed)
        except SealError:
            logger.error("the state of %s cannot be read: it was kept under another secret", key)  # noqa: TRY400
            return None

    def _open(self, key: str, sealed: bytes) -> dict[str, Any]:
        """Raises SealError."""
        known, text = self._opened.get(key, (b"", b""))
        if known != sealed:
            text = msgspec.json.encode(self._keeper.open(sealed))
            self._opened[key] = sealed, text
        return msgspec.json.decode(text, type=dict[str, Any])

    def keys(self) -> list[str]:
        return spawner_states.keys(self._store.db)

    async def keep(self, key: str, state: dict[str, Any] | None) -> None:
        sealed = None if state is None else self._keeper.seal(state)
        await self._store.amend(spawner_states.kept(key, sealed))
