"""The servers, and every query on them."""

from __future__ import annotations

import sqlite3
from typing import Any, NamedTuple

import msgspec
from sqlite_utils import Database

from core.errors import NotFoundError
from core.events.activity import ActivityRecorded
from core.events.hub import ClockCorrected, HubStarted
from core.events.record import Record, utc_text
from core.events.server import SpawnFailed
from core.events.share import ShareCodeIssued, ShareGranted
from core.events.user import (
    ServerAdded,
    ServerRemovalRequested,
    ServerRemoved,
    ServerRenamed,
    ServerTitled,
    UserCreated,
    UserDeleted,
)
from projections.moments import take_back
from projections.servers import life

NAME = "servers"
VERSION = 5
TABLES = ("servers",)
EVENTS = (
    *life.EVENTS,
    UserCreated,
    UserDeleted,
    ServerAdded,
    ServerRemovalRequested,
    ServerRemoved,
    ServerRenamed,
    ServerTitled,
    ShareGranted,
    ShareCodeIssued,
    HubStarted,
    ClockCorrected,
    ActivityRecorded,
)


class ServerRow(NamedTuple):
    """`state`: stopped, spawn, ready, check or stop. `prefix`: while it is not stopped, else `""`.

    `fold_from`: the version of its stream after which folding may begin. `failure`: the last SpawnFailed, as
    JSON, until the next start. `exit_status`: of the last attempt, where known. `leftovers`: the spawn ids of
    attempts left behind that the hub goes on ending, as a JSON list. `leaving`: its removal was asked for.
    `lost`: why its engine cannot see it, in words, while it cannot; its state is check then.
    """

    id: str
    user: str
    name: str
    display_name: str
    state: str
    spawn_id: str
    prefix: str
    url: str
    user_options: str | None
    started: str | None
    last_activity: str | None
    failure: str | None
    exit_status: int | None
    leftovers: str
    leaving: bool
    fold_from: int
    lost: str

    @property
    def is_active(self) -> bool:
        return self.state != "stopped"

    @property
    def has_ended(self) -> bool:
        """Whether nothing of it is left."""
        return self.state == "stopped" and self.leftovers == "[]"

    @property
    def may_start(self) -> bool:
        """Also in place of what may still run on a node that is lost."""
        return not self.is_active or bool(self.lost)

    def options(self) -> dict[str, Any] | None:
        return (
            None if self.user_options is None else msgspec.json.decode(self.user_options, type=dict[str, Any])
        )

    def left_behind(self) -> list[str]:
        return msgspec.json.decode(self.leftovers, type=list[str])

    def failed(self) -> SpawnFailed | None:
        return None if self.failure is None else msgspec.json.decode(self.failure, type=SpawnFailed)


_ALL = f"SELECT {', '.join(ServerRow._fields)} FROM servers "  # noqa: S608
_UNFINISHED = (
    "WHERE id IN (SELECT id FROM servers WHERE state != 'stopped' "
    "UNION SELECT id FROM servers WHERE leftovers != '[]')"
)


def create(db: Database) -> None:
    db.table("servers").create(
        {
            "id": str,
            "user": str,
            "name": str,
            "display_name": str,
            "state": str,
            "spawn_id": str,
            "prefix": str,
            "url": str,
            "user_options": str,
            "started": str,
            "last_activity": str,
            "failure": str,
            "exit_status": int,
            "leftovers": str,
            "leaving": int,
            "fold_from": int,
            "lost": str,
        },
        pk="id",
        strict=True,
    )
    db.table("servers").create_index(["user"])
    db.execute("CREATE INDEX servers_active ON servers (state, user) WHERE state != 'stopped'")
    db.execute("CREATE INDEX servers_leaving ON servers (id) WHERE leaving = 1")
    db.execute("CREATE INDEX servers_failed ON servers (user) WHERE failure IS NOT NULL")
    db.execute("CREATE INDEX servers_leftovers ON servers (id) WHERE leftovers != '[]'")


def project(db: sqlite3.Connection, record: Record) -> None:
    if isinstance(record.event, life.EVENTS):  # most of what happens
        return life.project(db, record)
    return _project_others(db, record)


def _project_others(db: sqlite3.Connection, record: Record) -> None:
    entity = record.key
    match record.event:
        case UserCreated(default_server=server):
            _insert(db, server, entity, "", "", None)
        case ServerAdded(server=server, name=name, display_name=display_name, user_options=options):
            _insert(db, server, entity, name, display_name, life.options_text(options))
        case ServerRenamed(server=server, name=name, default_server=default):
            db.execute("UPDATE servers SET name = ? WHERE id = ?", (name, server))
            if default:
                _insert(db, default, entity, "", "", None)
        case ServerTitled(server=server, display_name=display_name):
            db.execute("UPDATE servers SET display_name = ? WHERE id = ?", (display_name, server))
        case ServerRemovalRequested(server=server):
            db.execute("UPDATE servers SET leaving = 1 WHERE id = ?", (server,))
        case ServerRemoved(server=server):
            db.execute("DELETE FROM servers WHERE id = ?", (server,))
        case UserDeleted():
            db.execute("DELETE FROM servers WHERE user = ?", (entity,))
        case ShareGranted(server=server) | ShareCodeIssued(server=server):
            _check_still_there(db, server)
        case HubStarted():
            db.execute(
                "UPDATE servers SET state = 'check' WHERE state != 'stopped' AND state = 'ready'"
            )  # the first term is what lets it use the index of the few
        case ActivityRecorded(servers=servers):
            rows = [(utc_text(moment), server, utc_text(moment)) for server, moment in servers.items()]
            db.executemany(
                "UPDATE servers SET last_activity = ? WHERE id = ? AND coalesce(last_activity, '') < ?", rows
            )
        case ClockCorrected(after=after) as correction:
            db.execute("UPDATE servers SET last_activity = ?1 WHERE last_activity > ?1", (utc_text(after),))
            take_back(db, correction, "servers", "started")


def _insert(
    db: sqlite3.Connection, server: str, user: str, name: str, display_name: str, options: str | None
) -> None:
    db.execute(
        "INSERT INTO servers VALUES (?, ?, ?, ?, 'stopped', '', '', '', ?, NULL, NULL, NULL, NULL, '[]', 0, 0, '')",
        (server, user, name, display_name, options),
    )


def _check_still_there(db: sqlite3.Connection, server: str) -> None:
    """Nothing is shared of a server that was removed meanwhile."""
    if db.execute("SELECT 1 FROM servers WHERE id = ?", (server,)).fetchone() is None:
        raise NotFoundError("There is no such server.")


def not_yet(user_id: str, name: str, display_name: str = "") -> ServerRow:
    """What the row of a server would be that nobody has added."""
    return ServerRow(
        id="",
        user=user_id,
        name=name,
        display_name=display_name,
        state="stopped",
        spawn_id="",
        prefix="",
        url="",
        user_options=None,
        started=None,
        last_activity=None,
        failure=None,
        exit_status=None,
        leftovers="[]",
        leaving=False,
        fold_from=0,
        lost="",
    )


# --- queries ---


def by_id(db: sqlite3.Connection, server_id: str) -> ServerRow | None:
    row = db.execute(_ALL + "WHERE id = ?", (server_id,)).fetchone()
    return None if row is None else ServerRow(*row)


def by_name(db: sqlite3.Connection, user_id: str, name: str) -> ServerRow | None:
    row = db.execute(_ALL + "WHERE user = ? AND name = ?", (user_id, name)).fetchone()
    return None if row is None else ServerRow(*row)


def of_user(db: sqlite3.Connection, user_id: str) -> list[ServerRow]:
    """All servers of a user, the default one first."""
    rows = db.execute(_ALL + "WHERE user = ? ORDER BY name", (user_id,)).fetchall()
    return [ServerRow(*row) for row in rows]


def of_users(db: sqlite3.Connection, user_ids: list[str]) -> dict[str, list[ServerRow]]:
    """The servers of each of these users (a page of them at most)."""
    marks = ",".join("?" * len(user_ids))
    found: dict[str, list[ServerRow]] = {user_id: [] for user_id in user_ids}
    for server in map(ServerRow._make, db.execute(f"{_ALL} WHERE user IN ({marks})", user_ids).fetchall()):
        found[server.user].append(server)
    for its in found.values():
        if len(its) > 1:
            its.sort(key=lambda server: server.name)
    return found


def unfinished(db: sqlite3.Connection, after: str = "", count: int = 200) -> list[ServerRow]:
    """The next servers, by id, that are not stopped or have left something behind: those that need an actor."""
    rows = db.execute(f"{_ALL} {_UNFINISHED} AND id > ? ORDER BY id LIMIT ?", (after, count)).fetchall()
    return [ServerRow(*row) for row in rows]


def starting(db: sqlite3.Connection) -> list[ServerRow]:
    """Those whose start is under way or waits for its turn: as many as there are."""
    rows = db.execute(f"{_ALL} WHERE state != 'stopped' AND state = 'spawn'").fetchall()
    return [ServerRow(*row) for row in rows]


def is_any_checked(db: sqlite3.Connection) -> bool:
    """Whether it is still to be seen of any server if it runs. That a node is lost has been seen."""
    sql = "SELECT 1 FROM servers WHERE state != 'stopped' AND state = 'check' AND lost = '' LIMIT 1"
    return db.execute(sql).fetchone() is not None


def leaving(db: sqlite3.Connection, after: str = "") -> list[ServerRow]:
    """The next servers, by id, whose removal was asked for and is not over."""
    rows = db.execute(_ALL + "WHERE leaving = 1 AND id > ? ORDER BY id LIMIT 200", (after,)).fetchall()
    return [ServerRow(*row) for row in rows]
