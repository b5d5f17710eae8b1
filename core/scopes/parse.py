"""One scope as it is written: `servers`, `servers!user=alice`, `servers!user`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum
from typing import Final

from msgspec import Struct

from core.errors import InvalidError
from core.scopes.table import INHERIT, NO_SCOPE, SELF, STANDARD, ScopeTable


class ScopeError(InvalidError, ValueError):
    """This is not a scope; the message names it."""


class Filter(Enum):
    USER = "user"
    GROUP = "group"
    SERVER = "server"
    SERVICE = "service"


class Scope(Struct, frozen=True):
    """`kind` None: without a filter. `value` None: that of whoever holds it, to be filled in (`!user`)."""

    name: str
    kind: Filter | None = None
    value: str | None = None

    def __str__(self) -> str:
        if self.kind is None:
            return self.name
        return f"{self.name}!{self.kind.value}" + ("" if self.value is None else f"={self.value}")


class Owner(Struct, frozen=True):
    """Who `self`, `!user`, `!service` and `!server` stand for. None: nobody, so such a scope falls away.

    A token that a server or service was given over OAuth has its user and that server or service.
    `server` is `alice/lab`, and `alice/` for the default one.
    """

    user: str | None = None
    service: str | None = None
    server: str | None = None


NOBODY: Final = Owner()

_FILTERS: Final = {kind.value: kind for kind in Filter}
_MAY_BE_FILLED_IN: Final = frozenset({Filter.USER, Filter.SERVICE, Filter.SERVER})
_TAKE_NO_FILTER: Final = frozenset({SELF, INHERIT, NO_SCOPE})
_SECOND_FILTER: Final = re.compile(r"!(?:user|group|server|service)(?:=|$)")


def parse_scope(text: str, table: ScopeTable = STANDARD) -> Scope:
    """Raises ScopeError. As in JupyterHub a filter may name nothing: see `why_void`."""
    name, mark, filter_ = text.partition("!")
    if name not in table:
        hint = " ('all' is now called 'inherit')" if name == "all" else ""
        raise ScopeError(f"Unknown scope: {text!r}{hint}.")
    if not mark:
        return Scope(name)
    return Scope(name, *_parse_filter(text, filter_))


def _parse_filter(text: str, filter_: str) -> tuple[Filter, str | None]:
    word, equals, value = filter_.partition("=")
    kind = _FILTERS.get(word)
    if kind is None:
        raise ScopeError(
            f"Scope {text!r}: unknown filter {word!r}; there are user, group, server and service."
        )
    if not equals:
        if kind not in _MAY_BE_FILLED_IN:
            raise ScopeError(f"Scope {text!r}: !{word} needs a value.")
        return kind, None
    if not value:
        raise ScopeError(f"Scope {text!r}: the filter's value is empty.")
    return kind, value


def why_void(scope: Scope) -> str:
    """Why this scope can never match anything, in a line for whoever wrote it; empty for one that may.

    JupyterHub starts with such scopes in its configuration. They allow nothing, here too.
    """
    if scope.kind is None:
        return ""
    if scope.name in _TAKE_NO_FILTER:
        return f"Scope {str(scope)!r} matches nothing: {scope.name!r} takes no filter."
    reason = "" if scope.value is None else _why_value_names_nothing(scope.kind, scope.value)
    return f"Scope {str(scope)!r} matches nothing: {reason}." if reason else ""


def _why_value_names_nothing(kind: Filter, value: str) -> str:
    if _SECOND_FILTER.search(value):
        return "it has two filters; write two scopes"
    if kind is Filter.SERVER and value.find("/") < 1:
        return "a server is written USER/SERVER, the default one USER/"
    return ""


def void_scopes(raw: Iterable[str], table: ScopeTable = STANDARD) -> list[str]:
    """A line for each of these scopes that can never match anything. Raises ScopeError."""
    return [line for text in raw if (line := why_void(parse_scope(text, table)))]


def fill_in(scope: Scope, owner: Owner) -> Scope | None:
    """`!user` becomes `!user=alice`. None where the owner has no such thing."""
    match scope.kind:
        case None:
            return scope
        case _ if scope.value is not None:
            return scope
        case Filter.USER:
            value = owner.user
        case Filter.SERVICE:
            value = owner.service
        case _:
            value = owner.server
    return None if value is None else Scope(scope.name, scope.kind, value)
