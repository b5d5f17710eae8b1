"""Who asks: from the credentials of a request to a principal and what it may do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Literal

from msgspec import Struct

from core.events.log.tables import Tables
from core.events.record import Record
from core.events.server import SpawnRequested
from core.events.token import TokenIssued
from core.events.user import UserDeleted
from core.scopes import Owner, Scopes, expand, identify_scopes
from core.token import HINT, MAX_LENGTH, quick_digest, slow_digest
from projections import tokens
from projections.tokens import TokenRow
from web.rights.moved_tokens import moved_in

REMEMBERED = 1000  # tokens that need not be looked for again, and chosen ones whose slow digest is known


class Identity(Struct, frozen=True, dict=True):
    """`id`: of the user, else the name. `scopes`: all that this caller may do, by this credential.

    An operator is whoever administers the hub from its own machine: what they do the hub does for them.
    """

    kind: Literal["user", "service", "proxy", "operator"]
    id: str
    name: str
    scopes: Scopes
    token_id: str = ""
    session_id: str | None = None
    server: str = ""  # the id of the server whose own token was used

    @cached_property
    def seen_by_itself(self) -> Scopes:
        """With what lets anybody see who they are, whatever their credential allows."""
        owner = Owner(**({self.kind: self.name} if self.is_in_log else {}))
        return self.scopes | expand(identify_scopes(owner), owner)

    @property
    def is_in_log(self) -> bool:
        """Whether it is a user or a service, whom others can name."""
        return self.kind in ("user", "service")

    @property
    def principal(self) -> str:
        return "hub" if self.kind == "operator" else f"{self.kind}/{self.id}"


def token_in(authorization: str) -> str | None:
    """The token of an `Authorization: token X` or `bearer X` header."""
    kind, _, value = authorization.strip().partition(" ")
    value = value.strip()
    if kind.lower() not in ("token", "bearer") or not value or " " in value or len(value) > MAX_LENGTH:
        return None
    return value


class TokenBook:
    """Finds tokens: one look at an index for those the hub made, a slow digest at most for chosen ones, and for those
    that came from another hub as much work as they were there.

    What was found is remembered until an event that may change the row of any token. That there is no such token never
    is.
    """

    def __init__(self, db: Tables, salt: str, is_up_to_date: Callable[[], bool]) -> None:
        """`is_up_to_date`: whether `forget` has been told of every event there is; else nothing remembered counts."""
        self._db = db
        self._salt = salt
        self._is_up_to_date = is_up_to_date
        self._slow: dict[str, str] = {}
        self._rows: dict[str, TokenRow] = {}

    HEARS = tuple(kind for kind in tokens.EVENTS if kind not in (TokenIssued, SpawnRequested))

    def forget(self, records: Sequence[Record]) -> None:
        """A listener of the store, for `HEARS`: drop everything, for such events are few beside requests.

        But a user who is deleted takes their own tokens along, and nobody else's.
        """
        heard = [record for record in records if isinstance(record.event, self.HEARS)]
        gone = {record.stream for record in heard if isinstance(record.event, UserDeleted)}
        if len(gone) < len(heard):
            self._rows.clear()
        else:
            self._rows = {digest: row for digest, row in self._rows.items() if row.owner not in gone}

    def find(self, token: str, now: datetime | None = None) -> TokenRow | None:
        """The token's row, unless it is unknown, revoked or has expired."""
        quick = quick_digest(token)
        known = self._rows.get(quick) if self._is_up_to_date() else None
        row = known or self._look_for(token, quick)
        if row is None or not is_valid(row, now):
            return None
        return row

    def _look_for(self, token: str, quick: str) -> TokenRow | None:
        row = tokens.by_digest(self._db, quick) or self._find_chosen(token, quick)
        if row is not None:
            if len(self._rows) >= REMEMBERED:
                self._rows.clear()
            self._rows[quick] = row
        return row

    def _find_chosen(self, token: str, quick: str) -> TokenRow | None:
        known = self._slow.get(quick)
        if known is not None:
            row = tokens.by_digest(self._db, known)
        elif not tokens.has_hint(self._db, token[:HINT]):
            return None
        else:
            row = moved_in(self._db, token) or tokens.by_digest(self._db, slow_digest(token, self._salt))
        if row is not None:
            if len(self._slow) >= REMEMBERED:
                self._slow.clear()
            self._slow[quick] = row.digest
        return row


def is_valid(row: TokenRow, now: datetime | None = None) -> bool:
    if row.expires_at is None:
        return True
    return datetime.fromisoformat(row.expires_at) > (now or datetime.now(UTC))
