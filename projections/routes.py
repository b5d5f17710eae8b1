"""What is reached under which path: the table the proxy follows, for servers, services and extra routes alike.

A row stays when its route ends, without a target, so that a proxy that was away learns of the removal.
"""

from __future__ import annotations

import sqlite3
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from sqlite_utils import Database

from core.events.hub import ClockCorrected
from core.events.record import Record, utc_text
from core.events.route import RouteAdded, RouteRemoved
from core.events.server import (
    ServerDied,
    ServerLost,
    SpawnAnswered,
    SpawnCancelled,
    SpawnFailed,
    SpawnRequested,
    StopRequested,
    server_stream,
)
from core.events.service import ServiceAdded, ServiceChanged, ServiceDefinition, ServiceRemoved
from core.events.user import ServerRemoved
from projections.moments import take_back

NAME = "routes"
VERSION = 2
TABLES = ("routes",)
EVENTS = (
    SpawnRequested,
    SpawnAnswered,
    SpawnCancelled,
    SpawnFailed,
    StopRequested,
    ServerDied,
    ServerLost,
    ServerRemoved,
    ServiceAdded,
    ServiceChanged,
    ServiceRemoved,
    RouteAdded,
    RouteRemoved,
    ClockCorrected,
)


class Route(NamedTuple):
    """`holder`: the stream of what is reached by it: `server/{id}`, `service/{name}` or `route/{spec}`.

    `target`: None once it is gone. `user`, `user_name`, `server_name`: of a server. `at`: when it began to
    lead there. `position`: of the event that changed it last.
    """

    holder: str
    spec: str
    target: str | None
    user: str
    user_name: str
    server_name: str
    at: str
    position: int

    @property
    def kind(self) -> str:
        return self.holder.partition("/")[0]

    @property
    def holder_id(self) -> str:
        """The id of the server, or the name of the service."""
        return self.holder.partition("/")[2]

    def data(self) -> dict[str, Any]:
        """What JupyterHub's proxies keep with a route."""
        match self.kind:
            case "server":
                return {"user": self.user_name, "server_name": self.server_name}
            case "service":
                return {"service": self.holder_id}
            case _:
                return {"extra": True}


_ALL = f"SELECT {', '.join(Route._fields)} FROM routes "  # noqa: S608
_INSERT = f"INSERT OR REPLACE INTO routes VALUES ({', '.join('?' * len(Route._fields))})"  # noqa: S608


def create(db: Database) -> None:
    db.table("routes").create(
        {
            "holder": str,
            "spec": str,
            "target": str,
            "user": str,
            "user_name": str,
            "server_name": str,
            "at": str,
            "position": int,
        },
        pk="holder",
        strict=True,
    )
    db.table("routes").create_index(["position"])
    db.execute("CREATE INDEX routes_live ON routes (spec) WHERE target IS NOT NULL")


def project(db: sqlite3.Connection, record: Record) -> None:
    holder, at, position = record.stream, utc_text(record.at), record.position
    match record.event:
        case SpawnRequested() as spawn:
            names = (spawn.user, spawn.user_name, spawn.server_name)
            db.execute(_INSERT, (holder, spawn.prefix, None, *names, at, position))
        case SpawnAnswered(url=url):
            change = "UPDATE routes SET target = ?, at = ?, position = ? WHERE holder = ?"
            db.execute(change, (url, at, position, holder))
        case (
            SpawnCancelled()
            | SpawnFailed()
            | StopRequested()
            | ServerDied()
            | ServerLost()
            | ServiceRemoved()
            | RouteRemoved()
        ):
            _end(db, holder, position)
        case ServerRemoved(server=removed):
            _end(db, server_stream(removed), position)
        case ServiceAdded(definition=definition) | ServiceChanged(definition=definition):
            _lead_to_service(db, record, definition)
        case RouteAdded(spec=spec, target=target):
            db.execute(_INSERT, (holder, spec, target, "", "", "", at, position))
        case ClockCorrected() as correction:
            take_back(db, correction, "routes", "at")


def _lead_to_service(db: sqlite3.Connection, record: Record, definition: ServiceDefinition) -> None:
    """The way to its `url`, if it has one. Its prefix changes with the base URL alone, for which proxies start anew."""
    if not definition.url:
        _end(db, record.stream, record.position)
        return
    parts = urlsplit(definition.url)
    target = f"{parts.scheme}://{parts.netloc}"
    known = of_holder(db, record.stream)
    if known is None or (known.spec, known.target) != (definition.prefix, target):
        at, position = utc_text(record.at), record.position
        db.execute(_INSERT, (record.stream, definition.prefix, target, "", "", "", at, position))


def _end(db: sqlite3.Connection, holder: str, position: int) -> None:
    db.execute(
        "UPDATE routes SET target = NULL, position = ? WHERE holder = ? AND target IS NOT NULL",
        (position, holder),
    )


# --- queries ---


def live(db: sqlite3.Connection, after: str = "", count: int = 200) -> list[Route]:
    """The next routes, by holder, that lead somewhere."""
    rows = db.execute(
        _ALL + "WHERE target IS NOT NULL AND holder > ? ORDER BY holder LIMIT ?", (after, count)
    ).fetchall()
    return [Route(*row) for row in rows]


def changed(db: sqlite3.Connection, after: int, count: int = 200) -> list[Route]:
    """The next routes that changed after position `after`, the removed ones included."""
    rows = db.execute(_ALL + "WHERE position > ? ORDER BY position LIMIT ?", (after, count)).fetchall()
    return [Route(*row) for row in rows]


def head(db: sqlite3.Connection) -> int:
    """The position of the last change."""
    (position,) = db.execute("SELECT coalesce(max(position), 0) FROM routes").fetchone()
    return int(position)


def by_spec(db: sqlite3.Connection, spec: str) -> Route | None:
    row = db.execute(_ALL + "WHERE spec = ? AND target IS NOT NULL", (spec,)).fetchone()
    return None if row is None else Route(*row)


def of_holder(db: sqlite3.Connection, holder: str) -> Route | None:
    row = db.execute(_ALL + "WHERE holder = ?", (holder,)).fetchone()
    return None if row is None else Route(*row)


def of_server(db: sqlite3.Connection, server: str) -> Route | None:
    return of_holder(db, server_stream(server))


def page(db: sqlite3.Connection, offset: int, limit: int) -> list[Route]:
    """Routes that lead somewhere, by the code points of their specs."""
    rows = db.execute(
        _ALL + "WHERE target IS NOT NULL ORDER BY spec LIMIT ? OFFSET ?", (limit, offset)
    ).fetchall()
    return [Route(*row) for row in rows]


def count(db: sqlite3.Connection) -> int:
    (number,) = db.execute("SELECT count(*) FROM routes WHERE target IS NOT NULL").fetchone()
    return int(number)


def rank(db: sqlite3.Connection, spec: str) -> int:
    """How many come before this one."""
    (number,) = db.execute(
        "SELECT count(*) FROM routes WHERE target IS NOT NULL AND spec < ?", (spec,)
    ).fetchone()
    return int(number)
