"""Scopes: who may do what, and to whom. Pure, and on the path of every request.

table.py    the scopes there are, as data
parse.py    one scope as it is written, `servers!user=alice`
held.py     the scopes somebody holds, expanded; union and intersection
expand.py   from what roles, tokens and shares say to what is held
giving.py   what may be given to others
check.py    may they? and why
visible.py  which keys of a model they may see
"""

from core.scopes.check import Answer, Explanation, Grant, check, check_any, explain, least, listed
from core.scopes.expand import (
    as_stored,
    cut,
    excess_scopes,
    expand,
    identify_scopes,
    share_scopes,
    token_scopes,
    with_members,
)
from core.scopes.giving import depends_on_holder, excess_to_give
from core.scopes.held import (
    EVERYWHERE,
    NO_GROUPS,
    NOTHING,
    Group,
    Memberships,
    Reach,
    Resource,
    Scopes,
    Server,
    Service,
    User,
    intersect,
)
from core.scopes.parse import (
    NOBODY,
    Filter,
    Owner,
    Scope,
    ScopeError,
    fill_in,
    parse_scope,
    void_scopes,
    why_void,
)
from core.scopes.table import BUILT_IN, INHERIT, NO_SCOPE, SELF, STANDARD, Definition, ScopeTable
from core.scopes.visible import (
    visible_group_keys,
    visible_server_keys,
    visible_service_keys,
    visible_user_keys,
)

__all__ = [
    "BUILT_IN",
    "EVERYWHERE",
    "INHERIT",
    "NOBODY",
    "NOTHING",
    "NO_GROUPS",
    "NO_SCOPE",
    "SELF",
    "STANDARD",
    "Answer",
    "Definition",
    "Explanation",
    "Filter",
    "Grant",
    "Group",
    "Memberships",
    "Owner",
    "Reach",
    "Resource",
    "Scope",
    "ScopeError",
    "ScopeTable",
    "Scopes",
    "Server",
    "Service",
    "User",
    "as_stored",
    "check",
    "check_any",
    "cut",
    "depends_on_holder",
    "excess_scopes",
    "excess_to_give",
    "expand",
    "explain",
    "fill_in",
    "identify_scopes",
    "intersect",
    "least",
    "listed",
    "parse_scope",
    "share_scopes",
    "token_scopes",
    "visible_group_keys",
    "visible_server_keys",
    "visible_service_keys",
    "visible_user_keys",
    "void_scopes",
    "why_void",
    "with_members",
]
