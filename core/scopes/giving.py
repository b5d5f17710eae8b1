"""What may be given to others: nobody gives what they do not hold themselves.

Some scopes mean something else to each who holds them: `inherit`, `self`, and those with `!user` or `!server`. Who
gives such a one gives all that it can come to mean, to anybody.
"""

from __future__ import annotations

from collections.abc import Collection

from core.scopes.expand import excess_scopes
from core.scopes.held import Memberships, Scopes
from core.scopes.parse import Filter, Owner, parse_scope, why_void
from core.scopes.table import INHERIT, NO_SCOPE, SELF, SELF_SCOPES, STANDARD, ScopeTable

_OF_ITS_HOLDER = frozenset({Filter.USER.value, Filter.SERVER.value})


def depends_on_holder(text: str) -> bool:
    """Whether what this scope means comes from whoever will use it."""
    _, _, filter_ = text.partition("!")
    return text in (SELF, INHERIT) or filter_ in _OF_ITS_HOLDER


def excess_to_give(
    given: Collection[str],
    receiver: Owner,
    owned: Scopes,
    memberships: Memberships,
    table: ScopeTable = STANDARD,
) -> list[str]:
    """Those of the given scopes, as written, that can come to mean more than is owned. Raises ScopeError.

    `receiver`: what is known of it, such as the service whose visitors will give them; nobody for a role.
    """
    return [
        text
        for text in sorted(given)
        if excess_scopes(_at_most(text, table), receiver, owned, memberships, table)
    ]


def _at_most(text: str, table: ScopeTable) -> Collection[str]:
    """The scopes that this one is for a holder of everything."""
    scope = parse_scope(text, table)
    if not depends_on_holder(text) or why_void(scope):
        return (text,)
    if scope.name == INHERIT:
        return table.definitions.keys() - {SELF, INHERIT, NO_SCOPE}
    return SELF_SCOPES if scope.name == SELF else (scope.name,)
