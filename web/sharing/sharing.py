"""What shares and share codes have in common: the server, what somebody may let others do with it, codes."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from core.actors.sharing import Sharing
from core.errors import ForbiddenError, NotFoundError
from core.events.file.writer import IdempotencyRecord
from core.events.log.tables import Tables
from core.events.record import By
from core.events.user import user_stream
from core.scopes import NOBODY, Server, excess_scopes, share_scopes
from core.share import GrantShare, without_filter
from core.share_code import Exchange, Issue, check_life, new_code
from core.token import matches, prefix_of, quick_digest
from projections import share_codes, shares
from projections.servers import ServerRow
from projections.share_codes import ShareCodeRow
from projections.shares import ShareRow
from web.rights.identity import Identity
from web.rights.rights import Rights


class NewCode(NamedTuple):
    """A share code that nobody knows yet, and the command that records it."""

    code: str
    command: Issue


class ServerSharing:
    def __init__(self, db: Tables, rights: Rights, sharing: Sharing) -> None:
        self._db = db
        self._rights = rights
        self._sharing = sharing

    # --- what may be given ---

    def scopes_to_share(self, requested: Iterable[str] | None, server: Server) -> frozenset[str]:
        """Each with the server's filter. Asking for none is asking for the usual one. Raises InvalidError."""
        return share_scopes(requested or None, server, self._rights.table)

    def check_may_share(self, giver: Identity, scopes: Collection[str]) -> None:
        """Nobody gives what they do not have themselves. Raises ForbiddenError."""
        rights = self._rights
        excess = excess_scopes(scopes, NOBODY, giver.scopes, rights.memberships, rights.table)
        if excess:
            raise ForbiddenError(f"You cannot share what you may not do yourself: {', '.join(excess)}.")

    # --- shares ---

    async def grant(
        self,
        server: ServerRow,
        grantee: str,
        scopes: Collection[str],
        *,
        by: By,
        idempotency: IdempotencyRecord | None = None,
    ) -> ShareRow:
        """Granting never takes away. `grantee`: `user/{id}` or `group/{id}`. `scopes`: with the server's filter."""
        command = GrantShare(server.user, server.id, grantee, without_filter(scopes))
        await self._sharing.grant(command, by=by, idempotency=idempotency)
        return known_share(self._db, server.id, grantee)

    # --- codes ---

    def new_code(self, server: ServerRow, scopes: Collection[str], life: int) -> NewCode:
        """`life`: seconds it is good for. Raises InvalidError for none, or too many."""
        expires_at = datetime.now(UTC) + timedelta(seconds=check_life(life))
        code = new_code()
        digest, prefix = quick_digest(code), prefix_of(code)
        command = Issue(server.user, server.id, digest, without_filter(scopes), expires_at, prefix)
        return NewCode(code, command)

    async def issue(
        self, new: NewCode, *, by: By, idempotency: IdempotencyRecord | None = None
    ) -> ShareCodeRow:
        await self._sharing.issue(new.command, by=by, idempotency=idempotency)
        return issued_code(self._db, new.command.digest)

    def find_code(self, code: str) -> ShareCodeRow:
        """Raises NotFoundError if there is no such code, or no longer."""
        row = share_codes.by_digest(self._db, quick_digest(code)) or self._moved_in(code)
        if row is None or row.has_expired(datetime.now(UTC)):
            raise NotFoundError("There is no such share code, or it has expired.")
        return row

    def _moved_in(self, code: str) -> ShareCodeRow | None:
        """One that another hub has issued."""
        for digest in share_codes.moved_in(self._db, prefix_of(code)):
            if matches(digest, code):
                return share_codes.by_digest(self._db, digest)
        return None

    async def accept(
        self, code: ShareCodeRow, grantee: Identity, *, by: By, idempotency: IdempotencyRecord | None = None
    ) -> ShareRow:
        """The share of this user by this code, made or widened.

        Raises NotFoundError where the code has gone meanwhile, InvalidError for a server of the user's own and
        ForbiddenError for a service.
        """
        if grantee.kind != "user":
            raise ForbiddenError("Servers are shared with users and groups, not with services.")
        exchange = Exchange(grantee.id, datetime.now(UTC))
        await self._sharing.exchange(code.server_id, code.id, exchange, by=by, idempotency=idempotency)
        return known_share(self._db, code.server_id, user_stream(grantee.id))


def known_share(db: Tables, server_id: str, grantee: str) -> ShareRow:
    """Raises NotFoundError. `grantee`: `user/{id}` or `group/{id}`."""
    row = shares.between(db, server_id, grantee)
    if row is None:
        raise NotFoundError("There is no such share.")
    return row


def issued_code(db: Tables, digest: str) -> ShareCodeRow:
    row = share_codes.by_digest(db, digest)
    if row is None:
        raise NotFoundError("The server has gone meanwhile.")
    return row
