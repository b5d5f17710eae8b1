"""What becomes of a server's row while the server starts, runs and ends: the events of its own stream."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import msgspec

from core.errors import NotFoundError
from core.events.record import Record, utc_text
from core.events.server import (
    LeftoverEnded,
    OptionsStored,
    OutOfSight,
    ServerAdopted,
    ServerDied,
    ServerLost,
    ServerStopped,
    SpawnAdmitted,
    SpawnAnswered,
    SpawnCancelled,
    SpawnFailed,
    SpawnRequested,
    SpawnSucceeded,
    StopRequested,
)

EVENTS = (
    SpawnRequested,
    SpawnAdmitted,
    SpawnAnswered,
    SpawnSucceeded,
    SpawnFailed,
    SpawnCancelled,
    StopRequested,
    ServerStopped,
    ServerDied,
    ServerAdopted,
    ServerLost,
    OutOfSight,
    LeftoverEnded,
    OptionsStored,
)


def project(db: sqlite3.Connection, record: Record) -> None:
    entity = record.key
    at = utc_text(record.at)
    match record.event:
        case SpawnRequested() as spawn:
            _begin(db, record, spawn)
        case SpawnAdmitted():
            db.execute("UPDATE servers SET started = ?, last_activity = ? WHERE id = ?", (at, at, entity))
        case SpawnAnswered(url=url):
            db.execute("UPDATE servers SET url = ? WHERE id = ?", (url, entity))
        case SpawnSucceeded() | ServerAdopted():
            db.execute("UPDATE servers SET state = 'ready', lost = '' WHERE id = ?", (entity,))
        case OutOfSight(reason=reason):
            db.execute("UPDATE servers SET state = 'check', lost = ? WHERE id = ?", (reason, entity))
        case SpawnCancelled() | StopRequested():
            db.execute("UPDATE servers SET state = 'stop', lost = '' WHERE id = ?", (entity,))
        case SpawnFailed(exit_status=status, leftover=leftover):
            _end(db, entity, at, status, msgspec.json.encode(record.event).decode())
            _leave_behind(db, entity, record.event.spawn_id, leftover)
        case ServerStopped(exit_status=status, leftover=leftover):
            _end(db, entity, at, status, None)
            _leave_behind(db, entity, record.event.spawn_id, leftover)
        case LeftoverEnded(spawn_id=spawn_id):
            _change_leftovers(db, entity, lambda left: [one for one in left if one != spawn_id])
        case ServerDied(exit_status=status) | ServerLost(exit_status=status):
            _end(db, entity, at, status, None)
        case OptionsStored(user_options=options):
            db.execute("UPDATE servers SET user_options = ? WHERE id = ?", (options_text(options), entity))


def _begin(db: sqlite3.Connection, record: Record, spawn: SpawnRequested) -> None:
    begun = utc_text(spawn.since or record.at)
    changed = db.execute(
        "UPDATE servers SET state = 'spawn', spawn_id = ?, prefix = ?, url = '', user_options = ?, "
        "started = ?, last_activity = ?, failure = NULL, exit_status = NULL, leftovers = ?, lost = '', "
        "fold_from = ? WHERE id = ? AND leaving = 0",
        (
            spawn.spawn_id,
            spawn.prefix,
            options_text(spawn.user_options),
            begun,
            begun,
            msgspec.json.encode(spawn.leftovers).decode(),
            record.version - 1,
            record.key,
        ),
    )
    if changed.rowcount == 0:  # refused here, where no other event can come between
        raise NotFoundError("There is no such server, or not for much longer.")


def _end(db: sqlite3.Connection, server: str, at: str, status: int | None, failure: str | None) -> None:
    db.execute(
        "UPDATE servers SET state = 'stopped', prefix = '', url = '', lost = '', started = NULL, last_activity = ?, "
        "exit_status = ?, failure = ? WHERE id = ?",
        (at, status, failure, server),
    )


def _leave_behind(db: sqlite3.Connection, server: str, spawn_id: str, leftover: bool) -> None:
    if leftover:
        _change_leftovers(db, server, lambda left: [*left, spawn_id])


def _change_leftovers(db: sqlite3.Connection, server: str, change: Callable[[list[str]], list[str]]) -> None:
    row = db.execute("SELECT leftovers FROM servers WHERE id = ?", (server,)).fetchone()
    if row is not None:
        left = msgspec.json.encode(change(msgspec.json.decode(row[0], type=list[str]))).decode()
        db.execute("UPDATE servers SET leftovers = ? WHERE id = ?", (left, server))


def options_text(options: dict[str, Any] | None) -> str | None:
    return None if options is None else msgspec.json.encode(options).decode()
