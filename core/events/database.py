"""The file the log lives in: opening it, its schema, and refusing what is not ours."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from sqlite_utils import Database, Migrations

from core.events.record import Record

APPLICATION_ID = 0x43614C42  # "CaLB"
SCHEMA_VERSION = 1  # raised when an older program could no longer read the log

MEMORY = ":memory:"


class DatabaseError(Exception):
    """The file cannot serve as a log; one line that says why."""


class Projection(Protocol):
    """A table (or a few) that events build, in the transaction that records them. A module serves as one.

    `VERSION` is raised whenever the columns or their meaning change: the table is then rebuilt from the log.
    """

    NAME: str
    VERSION: int
    TABLES: tuple[str, ...]
    EVENTS: tuple[type, ...]

    def create(self, db: Database) -> None: ...

    def project(self, db: sqlite3.Connection, record: Record) -> None:
        """Change the tables for one event. May raise a HubError: the append is then refused as a whole."""


migrations = Migrations("callboard")


@migrations()
def create_log(db: Database) -> None:
    db.table("events").create(
        {
            "position": int,
            "stream": str,
            "version": int,
            "type": str,
            "payload": bytes,
            "at": str,
            "principal": str,
            "via": str,
            "request": str,
            "cause": int,
            "digest": bytes,
        },
        pk="position",
        not_null={"stream", "version", "type", "payload", "at", "principal", "via", "request", "digest"},
        strict=True,
    )
    db.table("events").create_index(["stream", "version"], unique=True)
    for verb in ("UPDATE", "DELETE"):
        db.execute(
            f"CREATE TRIGGER events_refuse_{verb.lower()} BEFORE {verb} ON events "
            "BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END"
        )
    db.table("projections").create({"name": str, "version": int}, pk="name", strict=True)
    db.table("command_keys").create(
        {"key": str, "digest": str, "status": int, "body": bytes, "at": str}, pk="key", strict=True
    )
    db.table("command_keys").create_index(["at"])
    db.table("log_facts").create({"name": str, "value": str}, pk="name", strict=True)
    db.execute("INSERT INTO log_facts VALUES ('salt', lower(hex(randomblob(16))))")


def open_for_writing(path: str) -> sqlite3.Connection:
    """The writer's connection: WAL, every commit synced. Raises DatabaseError for a file that is not ours."""
    _check_ours(path)
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_autocheckpoint = 4000")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        migrations.apply(Database(connection, use_old_upsert=False))
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    except BaseException:
        connection.close()
        raise
    if path != MEMORY:
        os.chmod(path, 0o600)
    return connection


def open_for_reading(path: str) -> sqlite3.Connection:
    """A connection that cannot write, for the event loop's small reads or a thread's long ones."""
    connection = sqlite3.connect(
        f"file:{_quote(path)}?mode=ro",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
    )
    connection.execute("PRAGMA query_only = ON")
    return connection


def _quote(path: str) -> str:
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def _check_ours(path: str) -> None:
    if path == MEMORY or not os.path.exists(path) or os.path.getsize(path) == 0:
        return
    try:
        probe = open_for_reading(path)
        try:
            (application,) = probe.execute("PRAGMA application_id").fetchone()
            (version,) = probe.execute("PRAGMA user_version").fetchone()
        finally:
            probe.close()
    except sqlite3.DatabaseError as error:
        raise DatabaseError(f"{path} is not a Callboard log: {error}.") from None
    if application != APPLICATION_ID:
        raise DatabaseError(f"{path} is an SQLite file of something else, not a Callboard log.")
    if version > SCHEMA_VERSION:
        raise DatabaseError(f"{path} was written by a newer Callboard (schema {version}).")


def create_projections(connection: sqlite3.Connection, projections: Sequence[Projection]) -> list[Projection]:
    """Make the tables of new or changed projections, empty; those are returned, to be filled from the log."""
    db = Database(connection)
    known = dict(connection.execute("SELECT name, version FROM projections").fetchall())
    stale = [p for p in projections if known.get(p.NAME) != p.VERSION]
    for projection in stale:
        for table in projection.TABLES:
            connection.execute(f"DROP TABLE IF EXISTS [{table}]")
        projection.create(db)
        connection.execute(
            "INSERT OR REPLACE INTO projections VALUES (?, ?)", (projection.NAME, projection.VERSION)
        )
    return stale


class LogLock:
    """One hub per log: an exclusive lock on a file beside it, which names the holder's pid."""

    def __init__(self, path: str) -> None:
        self._file = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._file, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(self._file)
            raise DatabaseError(f"Another hub (pid {holder}) is running on {path}.") from None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        os.close(self._file)


def ballast_path(path: str) -> Path:
    return Path(f"{path}.ballast")
