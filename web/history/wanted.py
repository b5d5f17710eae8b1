"""What of the log a request asks for: of which users, servers, groups, roles and tokens, and which types of events."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from core.errors import InvalidError
from core.events import codec
from core.events.log.tables import Tables
from core.events.role import role_stream
from core.events.token import token_stream
from projections.histories.about import About, via
from projections.histories.called import ever_called, servers_ever_called

MOST = 50  # things in one request

_TYPES = frozenset({*codec.FIELDS, *(tag.partition(".")[0] for tag in codec.FIELDS)})


class Wanted(NamedTuple):
    """What is about any of these things, and of any of these types; without any of either: all of it.

    Names are those that things bear or once bore; servers are `alice/lab`. `types`: `server.ready`, or `server` for all
    that begin so. `things`: as streams, besides those with the names. `tokens`: ids, of what happened to them; of
    `used` also what was done with them.
    """

    users: tuple[str, ...] = ()
    servers: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    things: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    tokens: tuple[str, ...] = ()
    used: tuple[str, ...] = ()

    def check(self) -> Wanted:
        """The same. Raises InvalidError for what can mean nothing."""
        for name in self.servers:
            if "/" not in name:
                raise InvalidError(
                    f"A server is written user/name, or user/ for the default one, not {name[:40]!r}."
                )
        for kind in self.types:
            if kind not in _TYPES:
                raise InvalidError(f"There are no events of type {kind[:40]!r}.")
        if sum(map(len, self._names())) > MOST:
            raise InvalidError(f"Ask for at most {MOST} users, servers and the like, or for all there are.")
        return self

    def _names(self) -> tuple[tuple[str, ...], ...]:
        return self.users, self.servers, self.groups, self.roles, self.tokens, self.things

    def has_type(self, tag: str) -> bool:
        return not self.types or tag in self.types or tag.partition(".")[0] in self.types

    def found(self, db: Tables) -> frozenset[str] | None:
        """The things as they are known now; None for all there are."""
        return frozenset((*self.things, *self._named(db))) if any(self._names()) else None

    def tags(self) -> frozenset[str]:
        """Of all events there can be."""
        return frozenset(filter(self.has_type, codec.FIELDS))

    def _named(self, db: Tables) -> Iterable[str]:
        for name in self.users:
            yield from ever_called(db, "user", name)
        for name in self.groups:
            yield from ever_called(db, "group", name)
        for full_name in self.servers:
            user, _, name = full_name.partition("/")
            yield from servers_ever_called(db, ever_called(db, "user", user), name)
        yield from map(role_stream, self.roles)
        yield from map(token_stream, self.tokens)
        yield from map(via, self.used)


def is_about(things: frozenset[str] | None, about: About) -> bool:
    return things is None or not things.isdisjoint(about.things())
