"""The one who writes shares and share codes: all those of one server take turns.

So a pair of server and user is never shared twice, and what belongs together (a code exchanged and the share made
of it, all shares of a server revoked) is one append.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from core import share, share_code
from core.actors.keyed_lock import KeyedLock
from core.events.file.store import EventStore, Write
from core.events.file.writer import IdempotencyRecord
from core.events.record import By
from core.events.share import share_code_stream, share_stream
from core.events.user import user_stream
from core.naming.ids import new_id


class Sharing:
    def __init__(
        self,
        store: EventStore,
        *,
        share_of: Callable[[str, str], str | None],
        shares_on: Callable[[str], Sequence[str]],
        codes_on: Callable[[str], Sequence[str]],
    ) -> None:
        """Which ids there are now: the share of a server with a grantee, all shares and all codes on a server."""
        self._store = store
        self._share_of = share_of
        self._shares_on = shares_on
        self._codes_on = codes_on
        self._turns = KeyedLock()

    async def grant(
        self, command: share.GrantShare, *, by: By, idempotency: IdempotencyRecord | None = None
    ) -> None:
        """Raises NotFoundError where the server or the grantee has gone meanwhile."""
        async with self._turns.take(command.server):
            await self._append([await self._granting(command)], by, idempotency)

    async def revoke(
        self,
        server: str,
        grantee: str,
        command: share.Revoke,
        *,
        by: By,
        idempotency: IdempotencyRecord | None = None,
    ) -> None:
        """Where nothing is shared there is nothing to do."""
        async with self._turns.take(server):
            share_id = self._share_of(server, grantee)
            writes = [] if share_id is None else [await self._on_share(share_id, command)]
            await self._append(writes, by, idempotency)

    async def revoke_all(self, server: str, *, by: By, idempotency: IdempotencyRecord | None = None) -> None:
        async with self._turns.take(server):
            writes = [await self._on_share(share_id, share.Revoke()) for share_id in self._shares_on(server)]
            await self._append(writes, by, idempotency)

    async def issue(
        self, command: share_code.Issue, *, by: By, idempotency: IdempotencyRecord | None = None
    ) -> None:
        """Raises NotFoundError where the server has gone meanwhile."""
        async with self._turns.take(command.server):
            await self._append([await self._on_code(new_id("c"), command)], by, idempotency)

    async def exchange(
        self,
        server: str,
        code_id: str,
        command: share_code.Exchange,
        *,
        by: By,
        idempotency: IdempotencyRecord | None = None,
    ) -> None:
        """The user has a share now, made or widened. Raises NotFoundError or InvalidError."""
        async with self._turns.take(server):
            code, version = await self._code(code_id)
            exchanged = share_code.decide(code, command)
            assert isinstance(code, share_code.Code), "any other is refused"
            grant = share.GrantShare(code.owner, server, user_stream(command.user), code.scopes)
            writes = [await self._granting(grant), Write(share_code_stream(code_id), version, exchanged)]
            await self._append(writes, by, idempotency)

    async def withdraw(
        self, server: str, code_id: str, *, by: By, idempotency: IdempotencyRecord | None = None
    ) -> None:
        """Nobody can exchange this code any more."""
        async with self._turns.take(server):
            await self._append([await self._on_code(code_id, share_code.Revoke())], by, idempotency)

    async def withdraw_all(
        self, server: str, *, by: By, idempotency: IdempotencyRecord | None = None
    ) -> None:
        async with self._turns.take(server):
            writes = [await self._on_code(code_id, share_code.Revoke()) for code_id in self._codes_on(server)]
            await self._append(writes, by, idempotency)

    # --- what to write ---

    async def _granting(self, command: share.GrantShare) -> Write:
        return await self._on_share(self._share_of(command.server, command.grantee) or new_id("h"), command)

    async def _on_share(self, share_id: str, command: share.Command) -> Write:
        state: share.AnyShare = share.NoShare()
        version = 0
        for record in await self._store.read(stream := share_stream(share_id)):
            state, version = share.evolve(state, record.event), record.version  # type: ignore[arg-type]
        return Write(stream, version, share.decide(state, command))

    async def _on_code(self, code_id: str, command: share_code.Command) -> Write:
        code, version = await self._code(code_id)
        return Write(share_code_stream(code_id), version, share_code.decide(code, command))

    async def _code(self, code_id: str) -> tuple[share_code.AnyCode, int]:
        code: share_code.AnyCode = share_code.NoCode()
        version = 0
        for record in await self._store.read(share_code_stream(code_id)):
            code, version = share_code.evolve(code, record.event), record.version  # type: ignore[arg-type]
        return code, version

    async def _append(self, writes: Sequence[Write], by: By, idempotency: IdempotencyRecord | None) -> None:
        writes = [write for write in writes if write.events]
        if writes or idempotency is not None:
            await self._store.append(*writes, by=by, idempotency=idempotency)
