"""Tokens that another hub has digested, from which they were moved in: found by how they begin, then compared."""

from __future__ import annotations

from core.events.log.tables import Tables
from core.token import HINT, is_foreign, matches
from projections import tokens
from projections.tokens import TokenRow


def moved_in(db: Tables, token: str) -> TokenRow | None:
    """The row of a token that came from another hub. Costs a digest for each of those that begin like this one."""
    for row in tokens.with_hint(db, token[:HINT]):
        if is_foreign(row.digest) and matches(row.digest, token):
            return row
    return None
