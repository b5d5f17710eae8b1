"""What a user may give to an OAuth client, and what giving it means in words."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from core.scopes import (
    INHERIT,
    NO_SCOPE,
    Answer,
    Owner,
    ScopeError,
    Scopes,
    Server,
    as_stored,
    check,
    cut,
    excess_scopes,
    expand,
    parse_scope,
)
from core.scopes.parse import Scope
from core.scopes.table import ScopeTable
from projections.users import UserRow
from web.rights.oauth_clients import OAuthClient
from web.rights.rights import Rights
from web.site.bounds import MOST_SCOPES
from web.texts.translate import N_, _, told

_APPLIES_TO = {
    "user": N_("Applies to user {name}."),
    "group": N_("Applies to group {name}."),
    "server": N_("Applies to server {name}."),
    "service": N_("Applies to service {name}."),
}

IDENTIFY = "identify"  # an old word for no scope at all
IDENTIFYING = ("read:users:groups!user", "read:users:name!user")


class Described(Struct, frozen=True):
    """For the page that asks. `scope` None: nothing but who it is."""

    scope: str | None
    description: str
    filter: str


class Consent:
    """One user and one client: what may pass between them."""

    def __init__(self, rights: Rights, user: UserRow, client: OAuthClient) -> None:
        self._rights = rights
        self._client = client
        self._table: ScopeTable = rights.table
        self._owned: Scopes = rights.of_user(user)
        target = client.target
        self._owner = (
            Owner(user.name, server=f"{target.user}/{target.name}")
            if isinstance(target, Server)
            else Owner(user.name, service=target.name)
        )
        self.required = (client.access, *IDENTIFYING)

    def may_use_client(self) -> bool:
        name = self._client.access.partition("!")[0]
        answer = check(self._owned, name, self._client.target, self._rights.memberships)
        return answer is Answer.ALLOWED

    def asked(self, words: Iterable[str]) -> list[str] | None:
        """The scopes that a client asks for by these words; None if one is none, or is beyond what it may have.

        Names of roles stand for their scopes.
        """
        wanted = {word for word in words if word not in ("", IDENTIFY)}
        if len(wanted) > MOST_SCOPES:
            return None
        if not all(self._is_scope(word) for word in wanted):
            wanted = {scope for word in wanted for scope in self._rights.scopes_of_role(word) or [word]}
        wanted |= set(self.required)
        allowed = {*self._client.allowed, *self.required}
        try:
            return None if self._beyond(wanted, allowed) else sorted(wanted)
        except ScopeError:
            return None

    def _beyond(self, wanted: set[str], allowed: set[str]) -> bool:
        for word in wanted:
            parse_scope(word, self._table)
        if INHERIT in wanted - allowed:
            return True
        held = expand(frozenset(allowed), self._owner, self._table)
        return bool(excess_scopes(wanted, self._owner, held, self._rights.memberships, self._table))

    def _is_scope(self, word: str) -> bool:
        try:
            parse_scope(word, self._table)
        except ScopeError:
            return False
        return True

    def granted(self, asked: Iterable[str]) -> list[str]:
        """So much of it as the user has to give."""
        return sorted(cut(sorted(asked), self._owner, self._owned, self._rights.memberships, self._table))

    def spelled_out(self, granted: Iterable[str]) -> list[str]:
        """For others than the hub: `!user` and `!server` filled in."""
        return sorted(as_stored(granted, self._owner, self._table))

    def described(self, granted: Iterable[str]) -> list[Described]:
        """In words, without what is always given."""
        beyond = [scope for scope in granted if scope not in self.required]
        if INHERIT in beyond:
            beyond = [INHERIT]
        if not beyond:
            return [Described(None, told(self._table.definitions[NO_SCOPE].description), "")]
        return [in_words(scope, self._table) for scope in beyond]


def in_words(text: str, table: ScopeTable) -> Described:
    """For somebody whom `!user` means."""
    scope = parse_scope(text, table)
    return Described(text, told(table.definitions[scope.name].description), _limit(scope))


def _limit(scope: Scope) -> str:
    """Whom or what it applies to alone; `""` where that is not said."""
    if scope.kind is None:
        return ""
    if scope.value is None:
        return _("Applies to you only.") if scope.kind.value == "user" else ""
    return _(_APPLIES_TO[scope.kind.value]).format(name=scope.value)
