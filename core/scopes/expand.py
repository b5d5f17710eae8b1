"""From scopes as they are written in roles, tokens and shares to what they allow."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache

from core.scopes.held import (
    EVERYWHERE,
    Memberships,
    Reach,
    Scopes,
    Server,
    Service,
    intersect,
    is_within,
)
from core.scopes.parse import NOBODY, Filter, Owner, Scope, ScopeError, fill_in, parse_scope, why_void
from core.scopes.table import INHERIT, NO_SCOPE, SELF, SELF_SCOPES, STANDARD, ScopeTable


@lru_cache(maxsize=4096)
def expand(raw: frozenset[str], owner: Owner = NOBODY, table: ScopeTable = STANDARD) -> Scopes:
    """All that these scopes allow to this owner. Everything an owner's roles and shares say goes in at once.

    `inherit` adds nothing here; see `token_scopes`. What means nothing falls away rather than raising: it
    was valid when it was stored, and a configuration may change since.
    """
    held: dict[str, Reach] = {}
    for text in raw:
        for scope in _read(text, owner, table):
            reach = _reach(scope)
            for name in table.below(scope.name, on_a_server=scope.kind is Filter.SERVER):
                held[name] = held[name] | reach if name in held else reach
    return Scopes(held)


def _read(text: str, owner: Owner, table: ScopeTable) -> Iterator[Scope]:
    try:
        scope = parse_scope(text, table)
    except ScopeError:
        return
    if scope.name in (INHERIT, NO_SCOPE) or why_void(scope):
        return
    if scope.name == SELF:
        if owner.user is not None:
            yield from (Scope(name, Filter.USER, owner.user) for name in SELF_SCOPES)
    elif (filled := fill_in(scope, owner)) is not None:
        yield filled


def _reach(scope: Scope) -> Reach:
    if scope.kind is None:
        return EVERYWHERE
    assert scope.value is not None, "filled in before"
    value = frozenset((scope.value,))
    match scope.kind:
        case Filter.USER:
            return Reach(users=value)
        case Filter.GROUP:
            return Reach(groups=value)
        case Filter.SERVER:
            return Reach(servers=value)
        case Filter.SERVICE:
            return Reach(services=value)


def as_stored(raw: Iterable[str], owner: Owner, table: ScopeTable = STANDARD) -> frozenset[str]:
    """The same scopes with `!user`, `!service` and `!server` filled in, as a token stores them.

    Those which mean nothing for this owner are left out. Raises ScopeError.
    """
    scopes = (fill_in(parse_scope(text, table), owner) for text in raw)
    return frozenset(str(scope) for scope in scopes if scope is not None)


def identify_scopes(owner: Owner) -> frozenset[str]:
    """What everybody may see of themselves.

    In every token, as far as the owner has it; in `GET /user` always, for the model but not its `scopes`.
    """
    if owner.user is not None:
        return frozenset(f"{name}!user={owner.user}" for name in ("read:users:name", "read:users:groups"))
    if owner.service is not None:
        return frozenset({f"read:services:name!service={owner.service}"})
    return frozenset()


def token_scopes(
    stored: frozenset[str],
    owner: Owner,
    owned: Scopes,
    memberships: Memberships,
    *,
    client: Server | Service | None = None,
    table: ScopeTable = STANDARD,
) -> Scopes:
    """What a token may do: never more than its owner, who holds `owned` now (roles, groups' roles, shares).

    `client`: whom it was given to over OAuth; using that is part of it. So `!server` and `!service` are too.
    """
    if INHERIT in stored:
        return owned
    match client:
        case Server(user, name):
            owner = Owner(owner.user, owner.service, f"{user}/{name}")
            stored |= {"access:servers!server"}
        case Service(name):
            owner = Owner(owner.user, name, owner.server)
            stored |= {"access:services!service"}
    return intersect(expand(stored | identify_scopes(owner), owner, table), owned, memberships)


def excess_scopes(
    requested: Collection[str],
    owner: Owner,
    owned: Scopes,
    memberships: Memberships,
    table: ScopeTable = STANDARD,
) -> list[str]:
    """Those of the requested scopes, as written, that go beyond what is owned. Raises ScopeError.

    For new tokens, and for shares and their codes: `requested` is then `share_scopes(...)`. What somebody gives to
    others is asked of `excess_to_give`.
    """
    return sorted(text for text in requested if not _is_owned(text, owner, owned, memberships, table))


def _is_owned(text: str, owner: Owner, owned: Scopes, memberships: Memberships, table: ScopeTable) -> bool:
    parse_scope(text, table)
    return _all_within(_expand_one(text, owner, table), owned, memberships)


def cut(
    requested: Iterable[str],
    owner: Owner,
    owned: Scopes,
    memberships: Memberships,
    table: ScopeTable = STANDARD,
) -> list[str]:
    """The requested scopes as far as they are owned: as written where all of it is, else spelled out."""
    kept: dict[str, None] = {}
    for text in requested:
        asked = _expand_one(text, owner, table)
        within = _all_within(asked, owned, memberships)
        kept |= dict.fromkeys([text] if within else intersect(asked, owned, memberships).as_strings())
    return list(kept)


def _expand_one(text: str, owner: Owner, table: ScopeTable) -> Scopes:
    return expand.__wrapped__(frozenset((text,)), owner, table)


def _all_within(scopes: Scopes, owned: Scopes, memberships: Memberships) -> bool:
    nowhere = Reach()
    return all(
        is_within(reach, owned.held.get(name, nowhere), memberships) for name, reach in scopes.held.items()
    )


def share_scopes(
    requested: Iterable[str] | None, server: Server, table: ScopeTable = STANDARD
) -> frozenset[str]:
    """What a share of this server grants: the scopes asked for, each with the filter of this server.

    None asks for the usual one, `access:servers`. Raises ScopeError for any other filter.
    """
    value = f"{server.user}/{server.name}"
    return frozenset(
        str(_on_server(text, value, table))
        for text in (("access:servers",) if requested is None else requested)
    )


def _on_server(text: str, server: str, table: ScopeTable) -> Scope:
    scope = parse_scope(text, table)
    if scope.name in (SELF, INHERIT, NO_SCOPE):
        raise ScopeError(f"Scope {text!r} cannot be shared.")
    if scope.kind is not None and (scope.kind, scope.value) != (Filter.SERVER, server):
        raise ScopeError(f"Scope {text!r}: a share has no filter but !server={server}.")
    return Scope(scope.name, Filter.SERVER, server)


def with_members(scopes: Scopes, memberships: Memberships, name: str = "access:servers") -> Scopes:
    """The same, with the members of each `!group` filter of this scope named one by one.

    Single-user servers and services compare the `scopes` of `GET /user` as text and know no groups
    (jupyterhub.services.auth): to them `access:servers!group=g` opens nobody's server.
    """
    reach = scopes.held.get(name)
    if reach is None or not reach.groups:
        return scopes
    members = frozenset(user for group in reach.groups for user in memberships.members_of(group))
    return scopes | Scopes({name: Reach(users=members)}) if members else scopes
