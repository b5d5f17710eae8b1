"""What things were called when something happened, and what they are to a check of scopes now.

Rights are about who is there now: an event is shown to those who may see what it is about under its present name.
What is gone keeps its last name until another bears that; from then on only scopes without a filter show it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from core.events.group import GroupDeleted
from core.events.log.tables import Tables
from core.events.record import Record
from core.events.user import ServerRemoved, UserDeleted
from core.scopes import Group, Resource, Server, Service, User
from projections import groups, users
from projections.histories.belongings import Belonging, belonging
from projections.histories.called import names_of, new_names
from projections.servers import servers

REMEMBERED = 20_000  # of each kind
NO_NAME = "/"  # nobody is called that

_SINCE = itemgetter(0)


class NameBook:
    """Remembers what it was asked for, until a name changes."""

    def __init__(self, db: Tables) -> None:
        """`db`: what the event loop reads through."""
        self._db = db
        self._names: dict[str, list[tuple[int, str]]] = {}
        self._resources: dict[str, Resource] = {}
        self._belongings: dict[str, Belonging] = {}

    def on_records(self, records: Sequence[Record]) -> None:
        """A listener of the store."""
        for record in records:
            renamed = [thing for thing, _ in new_names(record)]
            for thing in renamed:
                self._names.pop(thing, None)
            if renamed or isinstance(record.event, UserDeleted | GroupDeleted | ServerRemoved):
                self._resources.clear()

    def owner_of(self, thing: str) -> str:
        """The id of the user whose server or token this is; `""` for that of a service."""
        if (known := self._belongings.get(thing)) is None:
            _make_room(self._belongings)
            known = self._belongings[thing] = belonging(self._db, thing)
        return known.user

    def at(self, thing: str, position: int) -> str:
        """The name of `user/{id}`, `server/{id}` or `group/{id}` at that time, or the first one it has had."""
        names = self._all(thing)
        return names[max(0, bisect_right(names, position, key=_SINCE) - 1)][1] if names else NO_NAME

    def _all(self, thing: str) -> list[tuple[int, str]]:
        if (known := self._names.get(thing)) is None:
            _make_room(self._names)
            known = self._names[thing] = names_of(self._db, thing)
        return known

    # --- now ---

    def resource(self, thing: str) -> Resource:
        """What a `user/{id}`, `server/{id}`, `group/{id}` or `service/{name}` is to scopes."""
        if (known := self._resources.get(thing)) is None:
            _make_room(self._resources)
            known = self._resources[thing] = self._find(thing)
        return known

    def _find(self, thing: str) -> Resource:
        kind, _, key = thing.partition("/")
        if kind == "service":
            return Service(key)
        if kind == "server":
            return self._server(thing, key)
        names = self._all(thing)
        name = names[-1][1] if names else NO_NAME
        if kind == "group":
            group = groups.by_name(self._db, name)
            return Group(name if group is None or group.id == key else NO_NAME)
        user = users.by_name(self._db, name)
        return User(name if user is None or user.id == key else NO_NAME)

    def _server(self, thing: str, server_id: str) -> Server:
        user_id = self.owner_of(thing)
        owner = self.resource(f"user/{user_id}")
        assert isinstance(owner, User), "a server belongs to a user"
        names = self._all(thing)
        name = names[-1][1] if names else NO_NAME
        server = servers.by_name(self._db, user_id, name)
        return Server(owner.name, name if server is None or server.id == server_id else NO_NAME)


def _make_room(remembered: dict[str, Any]) -> None:
    if len(remembered) >= REMEMBERED:
        remembered.clear()
