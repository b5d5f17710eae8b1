"""API tokens of users: issued within what their owner holds, and revoked."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from core.actors.hub_entities import Tokens
from core.config.roles import TOKEN
from core.errors import AlreadyExistsError, InvalidError
from core.events.file.reading import version_of
from core.events.file.writer import IdempotencyRecord
from core.events.log.tables import Tables
from core.events.record import By
from core.events.token import token_stream
from core.events.user import user_stream
from core.naming.ids import new_id
from core.scopes import Owner, excess_scopes, void_scopes
from core.settings import HubSettings
from core.token import Issue, Revoke, new_token, prefix_of, quick_digest
from projections import roles, tokens
from projections.tokens import TokenRow
from projections.users import UserRow
from web.rights.rights import Rights

HUB_CLIENT = "jupyterhub"  # the OAuth client of tokens that came by no other

logger = logging.getLogger("callboard.tokens")


class NewToken(NamedTuple):
    """A token that nobody knows yet, and the command that records it."""

    id: str
    secret: str
    command: Issue


class TokenIssuing:
    """`settings`: as they are now."""

    def __init__(
        self, db: Tables, entities: Tokens, rights: Rights, settings: Callable[[], HubSettings], key: bytes
    ) -> None:
        """`key`: 32 bytes, of which tokens are made that a form asks for."""
        self._db = db
        self._entities = entities
        self._rights = rights
        self._settings = settings
        self._key = key

    def new(
        self, owner: UserRow, scopes: list[str] | None, note: str, life: int | None, *, form: str = ""
    ) -> NewToken:
        """`scopes`: None for the usual ones. `life`: seconds it is good for; None for as long as tokens may be.

        `form`: the key of the form that asks for it: if that is sent again, with the same fields, the same token comes
        of it. Raises InvalidError for what goes beyond what the owner holds, or what tokens may have here.
        """
        held, expiry = self._within(owner, scopes), self._expiry(life)
        token_id, secret = new_id("t"), new_token()
        if form:
            seed = hmac.digest(
                self._key, "\0".join([owner.id, form, note, str(life), *held]).encode(), "sha256"
            )
            token_id, secret = f"t{seed.hex()[32:57]}", seed.hex()[:32]
        issue = Issue(
            user_stream(owner.id), quick_digest(secret), held, note, expiry, prefix=prefix_of(secret)
        )
        return NewToken(token_id, secret, issue)

    async def issue(self, new: NewToken, *, by: By, idempotency: IdempotencyRecord | None = None) -> TokenRow:
        """Raises AlreadyExistsError where a form was sent again whose token has been revoked."""
        issued = tokens.by_id(self._db, new.id)
        if issued is None:
            if version_of(self._db, token_stream(new.id)):
                raise AlreadyExistsError("This token was revoked. Load the page anew to request another one.")
            await self._entities.ask(new.id, new.command, by=by, idempotency=idempotency)
            issued = tokens.by_id(self._db, new.id)
        assert issued is not None, "a token that was issued just now is there"
        return issued

    async def revoke(self, token: TokenRow, *, by: By, idempotency: IdempotencyRecord | None = None) -> None:
        """One that came by OAuth takes those with it that its user gave to the same client."""
        for other in self._of_same_client(token):
            await self._entities.ask(other.id, Revoke(), by=by)
        await self._entities.ask(
            token.id, Revoke(of_server=bool(token.server)), by=by, idempotency=idempotency
        )

    def _of_same_client(self, token: TokenRow) -> list[TokenRow]:
        if token.client == HUB_CLIENT:
            return []
        of_owner = tokens.of_owner(self._db, token.owner)
        return [other for other in of_owner if other.client == token.client and other.id != token.id]

    # --- within what is allowed ---

    def scopes_of_roles(self, names: list[str]) -> list[str]:
        """Raises InvalidError where there is no such role."""
        return [scope for name in names for scope in self._scopes_of_role(name)]

    def _scopes_of_role(self, name: str) -> list[str]:
        role = roles.by_name(self._db, name)
        if role is None:
            raise InvalidError(f"There is no role named {name[:40]!r}.")
        return role.raw_scopes()

    def _within(self, owner: UserRow, requested: list[str] | None) -> list[str]:
        rights = self._rights
        if requested is None:
            return rights.scopes_of_role(TOKEN)
        held = rights.of_user(owner)
        excess = excess_scopes(requested, Owner(user=owner.name), held, rights.memberships, rights.table)
        if excess:
            raise InvalidError(f"{owner.name} does not hold: {', '.join(excess)}.")
        self._warn_of_void(requested, owner)
        return requested

    def _warn_of_void(self, requested: list[str], owner: UserRow) -> None:
        """Scopes that can never match are harmless, and hardly what was meant."""
        if void := void_scopes(requested, self._rights.table):
            logger.warning("a token of %s has %d scopes in vain: %s", owner.name, len(void), void[0][:200])

    def _expiry(self, seconds: int | None) -> datetime | None:
        """Raises InvalidError for what is no time, or beyond `token_expires_in_max_seconds`."""
        most = self._settings().token_expires_in_max_seconds
        if seconds is None:
            seconds = most or None
        if seconds is None:
            return None
        if most and seconds > most:
            raise InvalidError(f"expires_in is at most {most} seconds here.")
        if seconds < 1:
            raise InvalidError("expires_in is a number of seconds, at least 1.")
        try:
            return datetime.now(UTC) + timedelta(seconds=seconds)
        except OverflowError:
            raise InvalidError(
                "expires_in lies beyond all time: leave it out for a token that lasts."
            ) from None
