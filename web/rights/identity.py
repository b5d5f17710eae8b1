"""Who asks: from the credentials of a request to a principal and what it may do."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from msgspec import Struct

from core.events.tables import Tables
from core.scopes import Scopes
from core.token import HINT, MAX_LENGTH, quick_digest, slow_digest
from projections import tokens
from projections.tokens import TokenRow

REMEMBERED = 1000  # chosen tokens whose slow digest need not be computed again


class Identity(Struct, frozen=True):
    """`id`: of the user, else the name. `scopes`: all that this caller may do, by this credential."""

    kind: Literal["user", "service", "proxy"]
    id: str
    name: str
    scopes: Scopes
    token_id: str = ""
    session_id: str | None = None
    server: str = ""  # the id of the server whose own token was used

    @property
    def principal(self) -> str:
        return f"{self.kind}/{self.id}"


def token_in(authorization: str) -> str | None:
    """The token of an `Authorization: token X` or `bearer X` header."""
    kind, _, value = authorization.strip().partition(" ")
    value = value.strip()
    if kind.lower() not in ("token", "bearer") or not value or " " in value or len(value) > MAX_LENGTH:
        return None
    return value


class TokenBook:
    """Finds tokens: one look at an index for those the hub made, a slow digest at most for chosen ones."""

    def __init__(self, db: Tables, salt: str) -> None:
        self._db = db
        self._salt = salt
        self._slow: dict[str, str] = {}

    def find(self, token: str, now: datetime | None = None) -> TokenRow | None:
        """The token's row, unless it is unknown, revoked or has expired."""
        quick = quick_digest(token)
        row = tokens.by_digest(self._db, quick) or self._find_chosen(token, quick)
        if row is None or not is_valid(row, now):
            return None
        return row

    def _find_chosen(self, token: str, quick: str) -> TokenRow | None:
        slow = self._slow.get(quick)
        if slow is None:
            if not tokens.has_hint(self._db, token[:HINT]):
                return None
            slow = slow_digest(token, self._salt)
        row = tokens.by_digest(self._db, slow)
        if row is not None:
            if len(self._slow) >= REMEMBERED:
                self._slow.clear()
            self._slow[quick] = slow
        return row


def is_valid(row: TokenRow, now: datetime | None = None) -> bool:
    if row.expires_at is None:
        return True
    return datetime.fromisoformat(row.expires_at) > (now or datetime.now(UTC))
