"""Events to put into logs, and files that fail when told to."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from core.errors import AlreadyExistsError
from core.events.file.ballast import ballast_path
from core.events.file.database import open_for_writing
from core.events.file.writer import Writer
from core.events.log.append_request import AppendRequest, IdempotencyRecord, Outcome, Write
from core.events.record import By, Record
from core.events.server import LeftoverEnded, SpawnProgressed, server_stream
from core.events.user import UserCreated, user_stream

BY = By("user/u1", "t1", "r1", 7)


def created(number: int, name: str | None = None) -> Write:
    """A user of their own stream."""
    event = UserCreated(name if name is not None else f"user{number}", f"v{number}")
    return Write(user_stream(f"u{number}"), 0, [event])


def said(server: str, version: int, count: int = 1) -> Write:
    """Messages of a spawn, from `version` + 1 on."""
    events = [SpawnProgressed("s1", f"message {version + number + 1}") for number in range(count)]
    return Write(server_stream(server), version, events)


def ended(server: str, version: int) -> Write:
    """An end, which is urgent."""
    return Write(server_stream(server), version, [LeftoverEnded("s1")])


def idempotency_record(key: str, digest: str = "body", status: int = 201) -> IdempotencyRecord:
    return IdempotencyRecord(key, digest, lambda _: Outcome(status, b'{"made":true}'))


def commit(writer: Writer, *units: AppendRequest | Write) -> list[AppendRequest]:
    """All of them in one transaction."""
    made = [unit if isinstance(unit, AppendRequest) else AppendRequest([unit], BY) for unit in units]
    writer.commit(made)
    return made


def rows(db: sqlite3.Connection, columns: str = "position, stream, version") -> list[Any]:
    return db.execute(f"SELECT {columns} FROM events ORDER BY position").fetchall()


class Refusing:
    """A projection that refuses users of a certain name, after having written something for them."""

    NAME = "refusing"
    VERSION = 1
    TABLES = ("seen",)
    EVENTS = (UserCreated,)

    def __init__(self, name: str = "nobody", error: Exception | None = None) -> None:
        self._name = name
        self._error = error or AlreadyExistsError(f"{name} will not do.")

    def create(self, db: Any) -> None:
        db.table("seen").create({"stream": str}, strict=True)

    def project(self, db: sqlite3.Connection, record: Record) -> None:
        db.execute("INSERT INTO seen VALUES (?)", (record.stream,))
        if isinstance(record.event, UserCreated) and record.event.name == self._name:
            raise self._error


class Disk:
    """Gives connections that fail where told to. `fails`: beginnings of statements, or `done COMMIT` to have the
    commit happen and an error reported. `code`: SQLite's, for the errors. `is_gone`: opening fails too."""

    def __init__(self) -> None:
        self.fails: set[str] = set()
        self.code = sqlite3.SQLITE_IOERR
        self.is_gone = False
        self.opened = 0
        self.commits = 0

    def connect(self, path: str) -> sqlite3.Connection:
        if self.is_gone:
            raise self.error("unable to open database file", sqlite3.SQLITE_CANTOPEN)
        self.opened += 1
        return open_for_writing(path, type("Failing", (FailingConnection,), {"disk": self}))

    def error(self, message: str = "disk I/O error", code: int | None = None) -> sqlite3.OperationalError:
        error = sqlite3.OperationalError(message)
        error.sqlite_errorcode = code or self.code
        return error


class FullDisk(Disk):
    """From `fill` on there is no room on it but that of the ballast of `log`."""

    def __init__(self, log: str) -> None:
        super().__init__()
        self.code = sqlite3.SQLITE_FULL
        self._ballast = ballast_path(log)
        self._is_full = False

    def fill(self) -> None:
        self._is_full = True

    @property
    def fails(self) -> set[str]:  # type: ignore[override]
        return {"COMMIT"} if self._is_full and self._ballast.exists() else set()

    @fails.setter
    def fails(self, _: set[str]) -> None:
        """It fails for want of room alone."""


class FailingConnection(sqlite3.Connection):
    disk: Disk

    def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
        self._fail(sql)
        cursor = super().execute(sql, parameters)
        if sql == "COMMIT":
            self.disk.commits += 1
        self._fail(f"done {sql}")
        return cursor

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]]) -> sqlite3.Cursor:  # type: ignore[override]
        self._fail(sql)
        return super().executemany(sql, parameters)

    def _fail(self, sql: str) -> None:
        if any(sql.startswith(beginning) for beginning in self.disk.fails):
            raise self.disk.error()


__all__ = [
    "BY",
    "Disk",
    "FullDisk",
    "IdempotencyRecord",
    "Refusing",
    "commit",
    "created",
    "ended",
    "idempotency_record",
    "rows",
    "said",
]
