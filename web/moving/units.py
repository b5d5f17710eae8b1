"""What a database's rows come to, piece by piece: each is recorded as a whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from core.events.log.append_request import Write
from core.events.log.side_tables import SideTableChange
from core.naming.ids import derived_id
from core.plugins.spawner import Elsewhere


class Comes(NamedTuple):
    """`kind`: in which line of the table it is counted, `""`: in none. `rows`: how many rows it was made of."""

    kind: str
    writes: tuple[Write, ...]
    changes: tuple[SideTableChange, ...] = ()
    rows: int = 1


class Stays(NamedTuple):
    kind: str
    name: str
    why: str


class Runs(NamedTuple):
    """A server that runs: it comes if its spawner can take it in, else it stays."""

    found: Elsewhere
    comes: Comes


Piece = Comes | Stays | Runs
Pieces = Iterator[Piece]


class Person(NamedTuple):
    """`session`: the id of the one session of all browsers in which they had logged in."""

    id: str
    name: str
    session: str


class Place(NamedTuple):
    """A server, by the row of its spawner. `version`: how many events its stream has by now."""

    id: str
    person: Person
    name: str
    version: int


class Known:
    """What has come so far, by the ids of the rows it came from. `seed`: what all new ids are made of."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self.users: dict[int, Person] = {}
        self.servers: dict[int, Place] = {}
        self.groups: dict[int, str] = {}
        self.services: dict[int, str] = {}
        self.clients: dict[str, str] = {}  # by identifier: what tokens name them by
        self.own_tokens: set[int] = set()  # rows of tokens that belong to servers which run
        self.taken_in: set[str] = set()  # ids of servers that run and have come
        self.seen = Seen()

    def id(self, kind: str, table: str, row: int) -> str:
        milliseconds, _, _ = self._seed.partition("-")
        return derived_id(kind, int(milliseconds), f"{self._seed} {table} {row}")

    def holder(self, kind: str, row: int) -> str | None:
        """`user/{id}`, `group/{id}` or `service/{name}`; None for who has not come."""
        if kind == "user":
            return f"user/{self.users[row].id}" if row in self.users else None
        names = self.groups if kind == "group" else self.services
        return f"{kind}/{names[row]}" if row in names else None


class Seen:
    """When they were last active."""

    def __init__(self) -> None:
        self.users: dict[str, datetime] = {}
        self.servers: dict[str, datetime] = {}
        self.tokens: dict[str, datetime] = {}
