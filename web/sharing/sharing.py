"""What shares and share codes have in common: the server, what somebody may let others do with it, codes."""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple

from core.actors.sharing import Sharing
from core.errors import ForbiddenError, InvalidError, NotFoundError
from core.events.file.writer import IdempotencyRecord
from core.events.group import group_stream
from core.events.log.tables import Tables
from core.events.record import By
from core.events.user import user_stream
from core.scopes import (
    NOBODY,
    Answer,
    Group,
    Reach,
    Server,
    User,
    check,
    excess_scopes,
    share_scopes,
)
from core.share import GrantShare, Revoke, without_filter
from core.share_code import Exchange, Issue, check_life, new_code
from core.token import matches, prefix_of, quick_digest
from projections import groups, users
from projections.servers import servers
from projections.servers.servers import ServerRow
from projections.sharing import share_codes, shares
from projections.sharing.share_codes import ShareCodeRow
from projections.sharing.shares import ShareRow
from web.rights.identity import Identity
from web.rights.rights import Rights

_SHOWN_ID = re.compile(r"sc_([0-9]{1,18})", re.ASCII)


class Grantee(NamedTuple):
    """Whom a server is shared with, by name."""

    kind: Literal["user", "group"]
    name: str


class NewCode(NamedTuple):
    """A share code that nobody knows yet, and the command that records it."""

    code: str
    command: Issue


class ServerSharing:
    def __init__(self, db: Tables, rights: Rights, sharing: Sharing, key: bytes) -> None:
        """`key`: 32 bytes, of which codes are made that a form asks for."""
        self._db = db
        self._key = key
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

    def to_grant(
        self, giver: Identity, server: ServerRow, to: Grantee, scopes: Collection[str]
    ) -> GrantShare:
        """All that is asked of who gives. `scopes`: with the server's filter.

        Raises ForbiddenError for what they do not have or whom they may not name, InvalidError for whom there is not.
        """
        self.check_may_share(giver, scopes)
        if not self.may_name(giver, to):
            raise ForbiddenError(f"To share with a {to.kind} you need the scope read:{to.kind}s:name.")
        return GrantShare(server.user, server.id, self.known(to), without_filter(scopes))

    def may_name(self, giver: Identity, to: Grantee) -> bool:
        """Otherwise one could find out who exists by trying to share with them."""
        resource = User(to.name) if to.kind == "user" else Group(to.name)
        answer = check(giver.scopes, f"read:{to.kind}s:name", resource, self._rights.memberships)
        return answer is Answer.ALLOWED

    def may_name_some(self, giver: Identity, kind: Literal["user", "group"]) -> bool:
        """Whether there may be others of this kind whom they may name: a user may always name themselves."""
        reach = giver.scopes.held.get(f"read:{kind}s:name", Reach())
        return reach.everywhere or bool(reach.groups or reach.users - {giver.name})

    def known(self, to: Grantee) -> str:
        """`user/{id}` or `group/{id}`. Raises InvalidError."""
        grantee = self.find(to)
        if grantee is None and to.kind == "group":
            raise InvalidError(f"There is no group named {to.name!r}.")
        if grantee is None:
            raise InvalidError(f"There is no user named {to.name!r}.")
        return grantee

    def find(self, to: Grantee) -> str | None:
        """`user/{id}` or `group/{id}`."""
        if to.kind == "user":
            user = users.by_name(self._db, to.name)
            return user and user_stream(user.id)
        group = groups.by_name(self._db, to.name)
        return group and group_stream(group.id)

    async def grant(
        self, command: GrantShare, *, by: By, idempotency: IdempotencyRecord | None = None
    ) -> ShareRow:
        """Granting never takes away."""
        await self._sharing.grant(command, by=by, idempotency=idempotency)
        return known_share(self._db, command.server, command.grantee)

    async def leave(
        self, grantee: str, server_id: str, *, by: By, idempotency: IdempotencyRecord | None = None
    ) -> None:
        """They give up what is shared with them. Raises NotFoundError where nothing is."""
        known_share(self._db, server_id, grantee)
        await self._sharing.revoke(server_id, grantee, Revoke(), by=by, idempotency=idempotency)

    def server_id(self, owner: str, name: str) -> str:
        """`""` if there is none: with whom nothing is shared learns nothing about what others have."""
        user = users.by_name(self._db, owner)
        server = user and servers.by_name(self._db, user.id, name)
        return server.id if server else ""

    # --- codes ---

    def new_code(self, server: ServerRow, scopes: Collection[str], life: int, *, form: str = "") -> NewCode:
        """`life`: seconds it is good for. Raises InvalidError for none, or too many.

        `form`: the key of the form that asks for it: if that is sent again, the same code comes of it.
        """
        expires_at = datetime.now(UTC) + timedelta(seconds=check_life(life))
        code = self._code_of_form(server.id, form, life, scopes) if form else new_code()
        digest, prefix = quick_digest(code), prefix_of(code)
        command = Issue(server.user, server.id, digest, without_filter(scopes), expires_at, prefix)
        return NewCode(code, command)

    async def issue(
        self, new: NewCode, *, by: By, idempotency: IdempotencyRecord | None = None
    ) -> ShareCodeRow:
        """One that a form sent again asks for is there already."""
        row = share_codes.by_digest(self._db, new.command.digest)
        if row is None:
            await self._sharing.issue(new.command, by=by, idempotency=idempotency)
            row = issued_code(self._db, new.command.digest)
        return row

    def _code_of_form(self, server_id: str, form: str, life: int, scopes: Iterable[str]) -> str:
        """43 characters, as `new_code` has them."""
        asked = "\0".join([server_id, form, str(life), *sorted(scopes)])
        return urlsafe_b64encode(hmac.digest(self._key, asked.encode(), "sha256")).decode().rstrip("=")

    def find_code(self, code: str) -> ShareCodeRow:
        """Raises NotFoundError if there is no such code, or no longer."""
        row = self._row(code)
        if row is None or row.has_expired(datetime.now(UTC)):
            raise NotFoundError("There is no such share code, or it has expired.")
        return row

    def expired_code(self, code: str) -> ShareCodeRow | None:
        """What is no code any more, of a server that is there yet; None for what never was one, or still is."""
        row = self._row(code)
        return row if row is not None and row.has_expired(datetime.now(UTC)) else None

    def _row(self, code: str) -> ShareCodeRow | None:
        return share_codes.by_digest(self._db, quick_digest(code)) or self._moved_in(code)

    def _moved_in(self, code: str) -> ShareCodeRow | None:
        """One that another hub has issued."""
        for digest in share_codes.moved_in(self._db, prefix_of(code)):
            if matches(digest, code):
                return share_codes.by_digest(self._db, digest)
        return None

    def known_code(self, server: ServerRow, shown_id: str) -> ShareCodeRow:
        """`shown_id`: `sc_17`. Raises NotFoundError if this server has no such code."""
        number = _SHOWN_ID.fullmatch(shown_id)
        row = share_codes.by_number(self._db, int(number[1])) if number else None
        return self.of_server(server, row)

    def of_server(self, server: ServerRow, row: ShareCodeRow | None) -> ShareCodeRow:
        """Raises NotFoundError where it is none, or another server's."""
        if row is None or row.server_id != server.id:
            raise NotFoundError("This server has no such share code.")
        return row

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
