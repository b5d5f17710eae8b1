"""Scopes in words, for people who are asked to grant them."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from web.context import hub

KINDS = {
    "user": "user",
    "server": "the server",
    "group": "group",
    "service": "service",
}


class Described(Struct, frozen=True):
    """`filter`: what it is limited to, `""` where it is not."""

    scope: str
    description: str
    filter: str


def described(scopes: Iterable[str]) -> list[Described]:
    return [_described(scope) for scope in scopes]


def _described(scope: str) -> Described:
    name, _, limit = scope.partition("!")
    definition = hub().rights.table.definitions.get(name)
    kind, _, value = limit.partition("=")
    words = f"{KINDS.get(kind, kind)} {value}" if value else {"user": "only yourself"}.get(kind, kind)
    return Described(scope, definition.description if definition else name, words)
