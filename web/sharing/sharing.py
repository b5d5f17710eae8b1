"""What shares and share codes have in common: the server, what the caller may let others do with it, codes."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime

from core.errors import ForbiddenError, NotFoundError
from core.events.tables import Tables
from core.events.user import user_stream
from core.events.writer import Claim
from core.scopes import NOBODY, Server, excess_scopes, share_scopes
from core.share_code import Exchange
from core.token import quick_digest
from projections import share_codes, shares
from projections.share_codes import ShareCodeRow
from projections.shares import ShareRow
from web.request.context import by, caller, database, hub, scopes


def scopes_to_share(requested: Iterable[str] | None, server: Server) -> frozenset[str]:
    """Each with the server's filter. Asking for none is asking for the usual one. Raises InvalidError."""
    return share_scopes(requested or None, server, hub().rights.table)


def check_may_share(scopes_to_share: Collection[str]) -> None:
    """Nobody gives what they do not have themselves. Raises ForbiddenError."""
    rights = hub().rights
    excess = excess_scopes(scopes_to_share, NOBODY, scopes(), rights.memberships, rights.table)
    if excess:
        raise ForbiddenError(f"You cannot share what you may not do yourself: {', '.join(excess)}.")


def known_share(db: Tables, server_id: str, grantee: str) -> ShareRow:
    """Raises NotFoundError. `grantee`: `user/{id}` or `group/{id}`."""
    row = shares.between(db, server_id, grantee)
    if row is None:
        raise NotFoundError("There is no such share.")
    return row


def find_code(code: str) -> ShareCodeRow:
    """Raises NotFoundError if there is no such code, or no longer."""
    row = share_codes.by_digest(database(), quick_digest(code))
    if row is None or row.has_expired(datetime.now(UTC)):
        raise NotFoundError("There is no such share code, or it has expired.")
    return row


async def accept(code: ShareCodeRow, *, claim: Claim | None = None) -> ShareRow:
    """The caller's share by this code, made or widened.

    Raises NotFoundError where the code has gone meanwhile, InvalidError for a server of the caller's own and
    ForbiddenError for a service.
    """
    identity = caller()
    if identity.kind != "user":
        raise ForbiddenError("Servers are shared with users and groups, not with services.")
    exchange = Exchange(identity.id, datetime.now(UTC))
    await hub().sharing.exchange(code.server_id, code.id, exchange, by=by(), claim=claim)
    return known_share(database(), code.server_id, user_stream(identity.id))
