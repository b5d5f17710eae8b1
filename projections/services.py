"""The services, and what is known of the processes of the managed ones."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

import msgspec
from msgspec.structs import astuple
from sqlite_utils import Database

from core.errors import AlreadyExistsError
from core.events.record import Record
from core.events.service import (
    ServiceAdded,
    ServiceChanged,
    ServiceDefinition,
    ServiceExited,
    ServiceFailed,
    ServiceRemoved,
    ServiceStarted,
)

NAME = "services"
VERSION = 1
TABLES = ("services",)
EVENTS = (ServiceAdded, ServiceChanged, ServiceRemoved, ServiceStarted, ServiceExited, ServiceFailed)


class ServiceRow(NamedTuple):
    """`definition`: a ServiceDefinition, as JSON, of which some fields stand in columns too.

    `process`: running, stopped or failed; `""` as long as nothing was heard of one. `run`, `pid`, `launch`: of
    the process that runs. `exit_status`: of the last one that ended.
    """

    position: int
    name: str
    from_config: bool
    admin: bool
    managed: bool
    client_id: str
    definition: str
    process: str
    run: str
    pid: int
    launch: str
    exit_status: int | None

    def defined(self) -> ServiceDefinition:
        return msgspec.json.decode(self.definition, type=ServiceDefinition)


_COLUMNS = ", ".join(ServiceRow._fields)
_ALL = f"SELECT {_COLUMNS} FROM services "  # noqa: S608


def create(db: Database) -> None:
    db.table("services").create(
        {
            "position": int,
            "name": str,
            "from_config": int,
            "admin": int,
            "managed": int,
            "client_id": str,
            "definition": str,
            "process": str,
            "run": str,
            "pid": int,
            "launch": str,
            "exit_status": int,
        },
        pk="name",
        strict=True,
    )
    db.execute("CREATE UNIQUE INDEX services_client_id ON services (client_id) WHERE client_id != ''")


def project(db: sqlite3.Connection, record: Record) -> None:
    name = record.key
    match record.event:
        case ServiceAdded(definition=definition, from_config=from_config):
            _claim_client(db, name, definition.oauth_client_id)
            row = (record.position, name, from_config, *_of(definition), "", "", 0, "", None)
            db.execute(f"INSERT INTO services VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608
        case ServiceChanged(definition=definition):
            _claim_client(db, name, definition.oauth_client_id)
            db.execute(
                "UPDATE services SET admin = ?, managed = ?, client_id = ?, definition = ? WHERE name = ?",
                (*_of(definition), name),
            )
        case ServiceRemoved():
            db.execute("DELETE FROM services WHERE name = ?", (name,))
        case ServiceStarted() as started:
            db.execute(
                "UPDATE services SET process = 'running', run = ?, pid = ?, launch = ? WHERE name = ?",
                (*astuple(started), name),
            )
        case ServiceExited(exit_status=exit_status):
            _ended(db, name, "stopped", exit_status)
        case ServiceFailed(exit_status=exit_status):
            _ended(db, name, "failed", exit_status)


def _of(definition: ServiceDefinition) -> tuple[bool, bool, str, str]:
    text = msgspec.json.encode(definition).decode()
    return definition.admin, definition.managed, definition.oauth_client_id, text


def _claim_client(db: sqlite3.Connection, name: str, client_id: str) -> None:
    taken = "SELECT name FROM services WHERE client_id = ? AND client_id != '' AND name != ?"
    holder = db.execute(taken, (client_id, name)).fetchone()
    if holder is not None:
        raise AlreadyExistsError(f"The OAuth client {client_id!r} is already that of service {holder[0]!r}.")


def _ended(db: sqlite3.Connection, name: str, process: str, exit_status: int | None) -> None:
    db.execute(
        "UPDATE services SET process = ?, run = '', pid = 0, launch = '', exit_status = ? WHERE name = ?",
        (process, exit_status, name),
    )


# --- queries ---


def by_name(db: sqlite3.Connection, name: str) -> ServiceRow | None:
    row = db.execute(_ALL + "WHERE name = ?", (name,)).fetchone()
    return None if row is None else ServiceRow(*row)


def by_client(db: sqlite3.Connection, client_id: str) -> ServiceRow | None:
    """The service that is this OAuth client."""
    row = db.execute(_ALL + "WHERE client_id = ? AND client_id != ''", (client_id,)).fetchone()
    return None if row is None else ServiceRow(*row)


def every(db: sqlite3.Connection) -> list[ServiceRow]:
    """All of them, by name: there are as many as people have set up."""
    return [ServiceRow(*row) for row in db.execute(_ALL + "ORDER BY name").fetchall()]
