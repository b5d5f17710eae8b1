"""What a progress stream shows: the messages of each server's start, or of its stop, from the first on."""

from __future__ import annotations

import sqlite3
from typing import Any, NamedTuple

import msgspec
from sqlite_utils import Database

from core.events.record import Record
from core.events.server import (
    ServerDied,
    ServerLost,
    ServerStopped,
    SpawnAdmitted,
    SpawnCancelled,
    SpawnFailed,
    SpawnProgressed,
    SpawnRequested,
    SpawnSucceeded,
    StopRequested,
)
from core.events.user import ServerRemoved

NAME = "progress"
VERSION = 2
TABLES = ("progress",)
EVENTS = (
    SpawnRequested,
    SpawnAdmitted,
    SpawnProgressed,
    SpawnSucceeded,
    SpawnFailed,
    SpawnCancelled,
    StopRequested,
    ServerStopped,
    ServerDied,
    ServerLost,
    ServerRemoved,
)

SPAWN, STOP = "spawn", "stop"
STOP_ASKED = {"progress": 0, "message": "Stop requested"}


class Message(NamedTuple):
    """`phase`: spawn or stop. `data`: JSON, empty for the ready event (it depends on how the hub is reached)."""

    position: int
    phase: str
    data: str
    is_last: bool


def create(db: Database) -> None:
    db.table("progress").create(
        {"server": str, "phase": str, "position": int, "data": str, "is_last": int},
        pk=("server", "phase", "position"),
        strict=True,
    )


def project(db: sqlite3.Connection, record: Record) -> None:
    server = record.key
    match record.event:
        case SpawnRequested():
            _begin(db, server, (SPAWN, STOP))
            _add(db, record, server, SPAWN, {"progress": 0, "message": "Server requested"})
        case SpawnAdmitted():
            _add(db, record, server, SPAWN, {"progress": 0, "message": "Its turn to start has come"})
        case SpawnProgressed() as said:
            _add(db, record, server, SPAWN, _progress(said))
        case SpawnSucceeded():
            _add(db, record, server, SPAWN, None, is_last=True)
        case SpawnFailed(reason=reason, html_message=html):
            _add(db, record, server, SPAWN, failure(reason, html), is_last=True)
        case SpawnCancelled():
            _add(db, record, server, SPAWN, failure("Spawn cancelled", whole=True), is_last=True)
            _add(db, record, server, STOP, STOP_ASKED)
        case StopRequested():
            _begin(db, server, (SPAWN, STOP))
            _add(db, record, server, STOP, STOP_ASKED)
        case ServerStopped(leftover=leftover):
            message = "Server stopped" if not leftover else "Server stopped; its end is not confirmed yet"
            _add(
                db, record, server, STOP, {"progress": 100, "stopped": True, "message": message}, is_last=True
            )
        case ServerDied() | ServerLost():
            _begin(db, server, (SPAWN, STOP))
        case ServerRemoved(server=removed):
            _begin(db, removed, (SPAWN, STOP))


def _progress(said: SpawnProgressed) -> dict[str, Any]:
    data: dict[str, Any] = {key: value for key, value in said.extra.items() if key != "ready"}
    if said.progress is not None:
        number = said.progress
        data["progress"] = int(number) if float(number).is_integer() else number
    data["message"] = said.message
    if said.html_message:
        data["html_message"] = said.html_message
    return data


def failure(reason: str, html_message: str = "", *, whole: bool = False) -> dict[str, Any]:
    """The event that ends the stream of a start that failed. `whole`: the reason says it all."""
    message = reason if whole else f"Spawn failed: {reason}"
    data: dict[str, Any] = {"progress": 100, "failed": True, "message": message}
    if html_message:
        data["html_message"] = html_message
    return data


def _begin(db: sqlite3.Connection, server: str, phases: tuple[str, ...]) -> None:
    for phase in phases:
        db.execute("DELETE FROM progress WHERE server = ? AND phase = ?", (server, phase))


def _add(
    db: sqlite3.Connection,
    record: Record,
    server: str,
    phase: str,
    data: dict[str, Any] | None,
    *,
    is_last: bool = False,
) -> None:
    text = "" if data is None else msgspec.json.encode(data).decode()
    db.execute("INSERT INTO progress VALUES (?, ?, ?, ?, ?)", (server, phase, record.position, text, is_last))


# --- queries ---


def messages(db: sqlite3.Connection, server: str, phase: str, after: int = 0) -> list[Message]:
    """What there is to show after position `after`; at most some fifty."""
    rows = db.execute(
        "SELECT position, phase, data, is_last FROM progress "
        "WHERE server = ? AND phase = ? AND position > ? ORDER BY position LIMIT 200",
        (server, phase, after),
    ).fetchall()
    return [Message(*row) for row in rows]
