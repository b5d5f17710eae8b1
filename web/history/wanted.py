"""What of the log a request asks for: of which users, servers and groups, and which types of events."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from core.errors import InvalidError
from core.events import codec
from core.events.log.tables import Tables
from projections import histories
from projections.histories import About

MOST = 50  # things in one request

_TYPES = frozenset({*codec.FIELDS, *(tag.partition(".")[0] for tag in codec.FIELDS)})


class Wanted(NamedTuple):
    """What is about any of these things, and of any of these types; without any of either: all of it.

    Names are those that things bear or once bore; servers are `alice/lab`. `types`: `server.ready`, or `server` for all
    that begin so. `things`: as streams, besides those with the names.
    """

    users: tuple[str, ...] = ()
    servers: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    things: tuple[str, ...] = ()

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
        if len(self.users) + len(self.servers) + len(self.groups) > MOST:
            raise InvalidError(f"Ask for at most {MOST} users, servers and groups, or for all there are.")
        return self

    def has_type(self, tag: str) -> bool:
        return not self.types or tag in self.types or tag.partition(".")[0] in self.types

    def found(self, db: Tables) -> frozenset[str] | None:
        """The things as they are known now; None for all there are."""
        if not (self.users or self.servers or self.groups or self.things):
            return None
        return frozenset((*self.things, *self._named(db)))

    def _named(self, db: Tables) -> Iterable[str]:
        for name in self.users:
            yield from histories.ever_called(db, "user", name)
        for name in self.groups:
            yield from histories.ever_called(db, "group", name)
        for full_name in self.servers:
            user, _, name = full_name.partition("/")
            yield from histories.servers_ever_called(db, histories.ever_called(db, "user", user), name)


def is_about(things: frozenset[str] | None, about: About) -> bool:
    return things is None or not things.isdisjoint(about.things())
