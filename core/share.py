"""A share: what somebody else may do with one server. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from core.events.share import ShareEvent, ShareGranted, ShareNarrowed, ShareRevoked, ShareWidened
from core.naming.names import full_name
from core.scopes import STANDARD, Filter, ScopeTable, Server, parse_scope


def scopes_on(owner: str, server: str, names: Iterable[str]) -> list[str]:
    """The scopes of a share as they are checked and shown: `access:servers!server=alice/lab`."""
    return [f"{name}!server={full_name(owner, server)}" for name in names]


def without_filter(full: Iterable[str]) -> frozenset[str]:
    """The scopes of a share as they are recorded, whatever its server is called."""
    return frozenset(scope.partition("!")[0] for scope in full)


def meant_on(server: Server, requested: Iterable[str], table: ScopeTable = STANDARD) -> frozenset[str]:
    """Those to be revoked, without filter. Raises ScopeError.

    They are named as the share shows them: without the filter of its server they name nothing in it.
    Source: JupyterHub, Share.revoke.
    """
    here = (Filter.SERVER, full_name(server.user, server.name))
    scopes = (parse_scope(text, table) for text in requested)
    return frozenset(scope.name for scope in scopes if (scope.kind, scope.value) == here)


class NoShare(Struct, frozen=True):
    """Never granted, or revoked."""


class Share(Struct, frozen=True):
    scopes: frozenset[str]


AnyShare = NoShare | Share


class GrantShare(Struct, frozen=True):
    """Make the share, or add to it: granting never takes away. `grantee`: `user/{id}` or `group/{id}`."""

    owner: str
    server: str
    grantee: str
    scopes: frozenset[str]


class Revoke(Struct, frozen=True):
    """`scopes` None: all of them. A share without scopes is none."""

    scopes: frozenset[str] | None = None


Command = GrantShare | Revoke


def decide(share: AnyShare, command: Command) -> list[ShareEvent]:
    match command:
        case GrantShare():
            return _grant(share, command)
        case Revoke():
            return _revoke(share, command)
        case _:
            assert_never(command)


def _grant(share: AnyShare, command: GrantShare) -> list[ShareEvent]:
    if isinstance(share, NoShare):
        return [ShareGranted(command.owner, command.server, command.grantee, sorted(command.scopes))]
    new = command.scopes - share.scopes
    return [ShareWidened(sorted(new))] if new else []


def _revoke(share: AnyShare, command: Revoke) -> list[ShareEvent]:
    if isinstance(share, NoShare):
        return []
    lost = share.scopes if command.scopes is None else share.scopes & command.scopes
    if lost == share.scopes:
        return [ShareRevoked()]
    return [ShareNarrowed(sorted(lost))] if lost else []


def evolve(share: AnyShare, event: ShareEvent) -> AnyShare:
    if isinstance(event, ShareGranted):
        return Share(frozenset(event.scopes))
    if isinstance(share, NoShare):
        return share
    match event:
        case ShareWidened():
            return replace(share, scopes=share.scopes | frozenset(event.scopes))
        case ShareNarrowed():
            return replace(share, scopes=share.scopes - frozenset(event.scopes))
        case ShareRevoked():
            return NoShare()
        case _:
            assert_never(event)
