"""JupyterHub's database, by plain SQL as of one moment, whatever its version: rows are dicts, columns may be missing.

A driver is needed only for what is named: SQLite comes with Python.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from web.moving.database_servers import PREFIXES, connect_to_server
from web.moving.rows import MovingError, Row
from web.moving.sound_rows import SHAPES

CHUNK = 1000  # rows fetched at a time
BUSY = 1.0  # seconds for a file that somebody is writing to
TABLES = {
    "users": "id",
    "spawners": "id",
    "servers": "id",
    "groups": "id",
    "user_group_map": "group_id, user_id",
    "roles": "id",
    "user_role_map": "role_id, user_id",
    "group_role_map": "role_id, group_id",
    "service_role_map": "role_id, service_id",
    "api_token_role_map": "role_id, api_token_id",
    "services": "id",
    "oauth_clients": "id",
    "oauth_codes": "id",
    "api_tokens": "id",
    "shares": "id",
    "share_codes": "id",
}
"""All that is read, and in which order. Those of a later or an earlier version are empty where they are missing."""

LATER_OR_EARLIER = {"api_token_role_map", "shares", "share_codes"}
"""Tables that not every version has."""

COUNTED = ("users", "groups", "services", "roles", "spawners", "api_tokens", "shares", "share_codes")
"""Those of whose rows something may come."""


class Source:
    """`name`: for people and the log, without a password. `file`: of a SQLite database. `quote`: around names.

    `errors`: what the driver raises.
    """

    def __init__(
        self,
        connection: Any,
        name: str,
        *,
        file: Path | None = None,
        quote: str = '"',
        errors: type[Exception] = sqlite3.Error,
    ) -> None:
        self.name = name
        self._errors = errors
        self.file = file
        self.connection = connection
        self._quote = quote
        self._present = self._tables_present()
        if "users" not in self._present or "alembic_version" not in self._present:
            self.close()
            raise MovingError(f"{name} is no database of JupyterHub 2 or later: it has no tables of one.")
        self.revision = self._revision()
        if "roles" not in self._present:
            self.close()
            raise MovingError(
                f"{name} was made by a JupyterHub before 2.0: bring it up with `jupyterhub upgrade-db` of a later one."
            )
        self._check_tables()

    @property
    def is_mysql(self) -> bool:
        return self._quote == "`"

    def close(self) -> None:
        self.connection.close()

    def __enter__(self) -> Source:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def rows(self, table: str) -> Iterator[Row]:
        """All of a table's, in the order of their ids; none where there is no such table."""
        if table not in self._present:
            return
        cursor = self.connection.cursor()
        with self._reading():
            cursor.execute(f"SELECT * FROM {self._quoted(table)} ORDER BY {TABLES[table]}")  # noqa: S608
        names = [column[0] for column in cursor.description]
        if missing := sorted(SHAPES[table].columns - set(names)):
            raise MovingError(
                f"{self.name} is not as JupyterHub makes it: its table {table} has no column {missing[0]}."
            )
        while chunk := self._chunk(cursor):
            for values in chunk:
                yield dict(zip(names, values, strict=True))

    def _chunk(self, cursor: Any) -> list[tuple[Any, ...]]:
        with self._reading():
            return list(cursor.fetchmany(CHUNK))

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Raises MovingError for what keeps the database from being read to its end."""
        try:
            yield
        except self._errors as error:
            first = str(error).partition("\n")[0]
            raise MovingError(
                f"{self.name} cannot be read to its end: {first}.{_advice(error, self.file)}"
            ) from error

    def _check_tables(self) -> None:
        """A part of a database is not moved in: nobody would notice what is missing."""
        if missing := sorted(TABLES.keys() - LATER_OR_EARLIER - self._present):
            self.close()
            raise MovingError(
                f"{self.name} is not whole: it has no table {missing[0]}. Take another copy of it."
            )

    def count(self, table: str) -> int:
        if table not in self._present:
            return 0
        (number,) = next(self._execute(f"SELECT count(*) FROM {self._quoted(table)}"))  # noqa: S608
        return int(number)

    @property
    def length(self) -> int:
        """How many rows there are that something may come of."""
        return sum(map(self.count, COUNTED))

    def fingerprint(self) -> str:
        """Of all that is read; another one says that the other hub has been at work meanwhile."""
        digest = sha256(str(self.revision).encode())
        for table in TABLES:
            for row in self.rows(table):
                digest.update(repr(sorted((name, _plain(value)) for name, value in row.items())).encode())
        return digest.hexdigest()

    def _revision(self) -> str:
        """Of its schema; `""` where a table for it is there, and empty."""
        with self._reading():
            return next(
                (str(revision) for (revision,) in self._execute("SELECT version_num FROM alembic_version")),
                "",
            )

    def _execute(self, sql: str) -> Iterator[tuple[Any, ...]]:
        cursor = self.connection.cursor()
        cursor.execute(sql)
        return iter(cursor.fetchall())

    def _tables_present(self) -> frozenset[str]:
        if isinstance(self.connection, sqlite3.Connection):
            sql = "SELECT name FROM sqlite_master WHERE type = 'table'"
        else:
            schema = "database()" if self.is_mysql else "current_schema()"
            sql = f"SELECT table_name FROM information_schema.tables WHERE table_schema = {schema}"  # noqa: S608
        return frozenset(name for (name,) in self._execute(sql))

    def _quoted(self, table: str) -> str:
        """`groups` is a word of MySQL's own."""
        return f"{self._quote}{table}{self._quote}"


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview | bytearray) else value


def open_source(given: str) -> Source:
    """`given`: the path of a SQLite file, or a URL as `c.JupyterHub.db_url` has them. Raises MovingError."""
    scheme = given.partition("://")[0] if "://" in given else ""
    if scheme.partition("+")[0] in PREFIXES:
        connection, quote, errors = connect_to_server(given)
        return Source(connection, without_password(given), quote=quote, errors=errors)
    if scheme and scheme != "sqlite":
        raise MovingError(f"{scheme}:// is no database that JupyterHub keeps: sqlite, postgresql or mysql.")
    path = Path(given.removeprefix("sqlite://").removeprefix("/") if scheme else given)
    return Source(_open_file(path), str(path), file=path)


def _open_file(path: Path) -> sqlite3.Connection:
    if not path.is_file():
        raise MovingError(f"There is no database at {path}.")
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro", timeout=BUSY, uri=True, isolation_level=None
        )
        connection.text_factory = _text
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        raise MovingError(f"{os.fspath(path)} cannot be read: {error}.{_advice(error, path)}") from error
    return connection


def _advice(error: Exception, file: Path | None) -> str:
    if "malformed" in str(error):
        return (
            f" `sqlite3 {file} .recover` writes the SQL for another file with what can be read of this one."
        )
    return " Stop the hub that writes to it." if "locked" in str(error) else ""


def _text(stored: bytes) -> str | bytes:
    """As it is where it is no UTF-8: nobody is to be called by another name."""
    try:
        return stored.decode()
    except UnicodeDecodeError:
        return stored


def without_password(url: str) -> str:
    parts = urlsplit(url)
    user = f"{parts.username}@" if parts.username else ""
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{user}{parts.hostname or ''}{port}{parts.path}"
