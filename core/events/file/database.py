"""The file the log lives in: opening it, its schema, and refusing what is not ours."""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from hashlib import sha256

from sqlite_utils import Database, Migrations

from core.events import codec
from core.events.file.soundness import UnsoundError, check_sound, has_frames
from core.events.log.protocol import LogUnreachableError
from core.events.log.side_tables import KeyAndValue, SideTableChange

logger = logging.getLogger("callboard")

APPLICATION_ID = 0x43614C42  # "CaLB"
SCHEMA_VERSION = 1  # raised when an older program could no longer read the log

MEMORY = ":memory:"

WAL_PAGES = 4000  # a checkpoint is due when the WAL has as many
INSERT_EVENT = "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

WAL_KEPT = 32 * 2**20  # bytes: a longer WAL is cut back once it starts afresh


SIDE_TABLES = (
    KeyAndValue("event_shapes", "type", "fields", is_text=True),
    KeyAndValue("log_facts", "name", "value", is_text=True),
)


class DatabaseError(Exception):
    """The file cannot serve as a log; one line that says why."""


class LogInUseError(DatabaseError):
    """Another process holds the log's lock: a hub, as a rule."""


migrations = Migrations("callboard")


@migrations()
def create_log(db: Database) -> None:
    db.table("events").create(
        {
            "position": int,
            "stream": str,
            "version": int,
            "type": str,
            "payload": str,
            "at": str,
            "principal": str,
            "via": str,
            "request": str,
            "cause": int,
            "digest": str,
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
    db.table("event_shapes").create({"type": str, "fields": str}, pk="type", strict=True)
    db.table("projections").create({"name": str, "version": int}, pk="name", strict=True)
    db.table("command_keys").create(
        {"key": str, "digest": str, "status": int, "body": bytes, "at": str}, pk="key", strict=True
    )
    db.table("command_keys").create_index(["at"])
    db.table("log_facts").create({"name": str, "value": str}, pk="name", strict=True)
    db.execute("INSERT INTO log_facts VALUES ('salt', lower(hex(randomblob(16))))")


@migrations()
def add_room(db: Database) -> None:
    """What fills it for a moment leaves free pages in the file: see room.py."""
    db.table("room").create({"filling": bytes}, strict=True)


def open_log(
    path: str,
    bring_up: Callable[[sqlite3.Connection], object] = lambda _: None,
    connect: Callable[[str], sqlite3.Connection] | None = None,
) -> sqlite3.Connection:
    """The writer's connection to a log, which is made if it is not there. Raises DatabaseError.

    `bring_up`: makes its tables what this program needs, in one transaction.
    """
    try:
        if path != MEMORY:
            _check_is_file(path)
            _check_ours(path)
            _check_sound(path)
            _make_private(path)
        connection = (connect or open_for_writing)(path)
        try:
            _check_wal(connection, path)
            _set_up(connection)
            check_shapes(connection, path)
            connection.execute("BEGIN IMMEDIATE")
            bring_up(connection)
            connection.execute("COMMIT")
        except BaseException:
            connection.close()
            raise
    except (sqlite3.Error, OSError, LogUnreachableError) as error:
        raise DatabaseError(f"{path} cannot be opened: {error}.") from error
    return connection


def open_for_writing(path: str, factory: type[sqlite3.Connection] = sqlite3.Connection) -> sqlite3.Connection:
    """A connection to a log that is there: WAL, every commit synced. Writes nothing, so a full disk is no obstacle."""
    connection = sqlite3.connect(
        MEMORY if path == MEMORY else _uri(path, "rw"),
        uri=path != MEMORY,
        factory=factory,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
    )
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_KEPT}")
        connection.execute("PRAGMA cache_size = -32768")
        connection.execute("PRAGMA recursive_triggers = ON")  # REPLACE too is a DELETE that triggers refuse
    except BaseException:
        connection.close()
        raise
    return connection


def open_for_reading(path: str) -> sqlite3.Connection:
    """A connection that cannot write, for the event loop's small reads or a thread's long ones."""
    connection = sqlite3.connect(
        _uri(path, "ro"), uri=True, isolation_level=None, check_same_thread=False, cached_statements=256
    )
    connection.execute("PRAGMA query_only = ON")
    return connection


def open_to_look(path: str) -> sqlite3.Connection:
    """A log that is there, for reading, be it in use or not. Raises DatabaseError, also if a newer program wrote it."""
    if not os.path.exists(path):
        raise DatabaseError(f"There is no log at {path}.")
    try:
        _check_ours(path)
        connection = open_for_reading(path)
        try:
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            if application != APPLICATION_ID:
                raise DatabaseError(f"{path} is no Callboard log: it is empty.")  # noqa: TRY301
            check_shapes(connection, path)
        except BaseException:
            connection.close()
            raise
    except (sqlite3.Error, OSError) as error:
        raise DatabaseError(f"{path} cannot be opened: {error}.") from None
    return connection


def _uri(path: str, mode: str) -> str:
    quoted = path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    return f"file:{quoted}?mode={mode}"


def _check_ours(path: str) -> None:
    if not os.path.exists(path) or os.path.getsize(path) == 0:
        return
    if os.path.isfile(path) and not _begins_like_sqlite(
        path
    ):  # a short one SQLite would take for an empty one
        raise DatabaseError(f"{path} is not a Callboard log: it is no SQLite file.")
    try:
        probe = open_for_reading(path)
        try:
            (application,) = probe.execute("PRAGMA application_id").fetchone()
            (version,) = probe.execute("PRAGMA user_version").fetchone()
            (tables,) = probe.execute("SELECT count(*) FROM sqlite_master").fetchone()
        finally:
            probe.close()
    except sqlite3.OperationalError:
        raise  # it could not be read, which says nothing about what it is
    except sqlite3.DatabaseError as error:
        raise DatabaseError(f"{path} is not a Callboard log: {error}.") from None
    if application == 0 and tables == 0:
        return  # a hub was killed while it made it
    if application != APPLICATION_ID:
        raise DatabaseError(f"{path} is an SQLite file of something else, not a Callboard log.")
    if version > SCHEMA_VERSION:
        raise DatabaseError(f"{path} was written by a newer Callboard (schema {version}).")


def _check_is_file(path: str) -> None:
    """A device is none, and keeps its mode: others use `/dev/null`, too."""
    if os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
        raise DatabaseError(f"{path} is no file: a log cannot be kept there.")


def _check_sound(path: str) -> None:
    """Through a connection that cannot write: a log that is refused stays as it is, its WAL too."""
    if not os.path.exists(path) or os.path.getsize(path) == 0:
        return
    with closing(open_for_reading(path)) as probe:
        if not probe.execute("SELECT 1 FROM sqlite_master WHERE name = 'events'").fetchone():
            return
        try:
            check_sound(probe, thoroughly=has_frames(f"{os.path.realpath(path)}-wal"))
        except UnsoundError as error:
            raise DatabaseError(
                f"{path} is damaged, or is not the file that its -wal belongs to: {error}. `callboard verify` says "
                "more; `callboard restore` puts a backup in its place."
            ) from error


def _begins_like_sqlite(path: str) -> bool:
    with open(path, "rb") as file:
        return file.read(16) == b"SQLite format 3\0"


def _make_private(path: str) -> None:
    """Readable by its owner alone; what SQLite puts beside it gets the same mode."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    if os.stat(path).st_mode & 0o077:
        os.chmod(path, 0o600)


def _check_wal(connection: sqlite3.Connection, path: str) -> None:
    (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    if mode != "wal" and path != MEMORY:
        raise DatabaseError(f"{path} cannot serve as a log: its file system does not support a WAL.")


def _set_up(connection: sqlite3.Connection) -> None:
    """Schema and marks, in one transaction: a file is a whole log or none."""
    db = Database(connection, use_old_upsert=False)
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == SCHEMA_VERSION and not migrations.pending(db):
        return
    with db.atomic():
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        migrations.apply(db)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def log_id(connection: sqlite3.Connection) -> str:
    """Names the log and every copy of it, for all time. It tells nothing of the salt that it is made of."""
    (salt,) = connection.execute("SELECT value FROM log_facts WHERE name = 'salt'").fetchone()
    return sha256(f"callboard log {salt}".encode()).hexdigest()[:16]


def log_id_at(path: str) -> str:
    """Of the log at this path; `""` where there is none that can be read."""
    try:
        connection = open_to_look(path)
    except DatabaseError:
        return ""
    try:
        return log_id(connection)
    finally:
        connection.close()


# --- shapes of events ---


def check_shapes(connection: sqlite3.Connection, path: str) -> None:
    """An older program would overlook what a newer one has recorded, and so decide wrongly: it refuses the log."""
    for tag, fields in connection.execute("SELECT type, fields FROM event_shapes").fetchall():
        if tag not in codec.FIELDS:
            raise DatabaseError(f"{path} was written by a newer Callboard: it holds {tag!r} events.")
        if unknown := set(fields.split()) - codec.FIELDS[tag]:
            names = ", ".join(map(repr, sorted(unknown)))
            raise DatabaseError(
                f"{path} was written by a newer Callboard: its {tag!r} events have {names}, too."
            )


def noted_shapes(connection: sqlite3.Connection) -> set[str]:
    """The tags whose shape, as we write it, stands in the log."""
    rows = connection.execute("SELECT type, fields FROM event_shapes").fetchall()
    return {tag for tag, fields in rows if codec.FIELDS.get(tag) == frozenset(fields.split())}


def shape_noted(tag: str) -> SideTableChange:
    return SideTableChange("event_shapes", tag, " ".join(sorted(codec.FIELDS[tag])).encode())


# --- one hub per log ---


class LogLock:
    """An exclusive lock on a file beside the log, which names the holder's pid."""

    def __init__(self, path: str) -> None:
        name = f"{os.path.realpath(path)}.lock"
        try:
            self._file = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise DatabaseError(f"{name} cannot be opened: {error.strerror}.") from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._file, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(self._file)
            raise LogInUseError(f"A hub (pid {holder}) is running on {path}: stop it first.") from None
        pid = f"{os.getpid()}\n".encode()
        os.pwrite(self._file, pid, 0)
        os.ftruncate(self._file, len(pid))

    def release(self) -> None:
        os.close(self._file)
