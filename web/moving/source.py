"""JupyterHub's database, by plain SQL as of one moment, whatever its version: rows are dicts, columns may be missing.

A driver is needed only for what is named: SQLite comes with Python.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from web.moving.cells import Cells
from web.moving.database_servers import PREFIXES, connect_to_server
from web.moving.rows import MovingError, Row

CHUNK = 1000  # rows fetched at a time
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

COUNTED = ("users", "groups", "services", "roles", "spawners", "api_tokens", "shares", "share_codes")
"""Those of whose rows something may come."""


class Source:
    """`name`: for people and the log, without a password. `file`: of a SQLite database. `quote`: around names."""

    def __init__(self, connection: Any, name: str, *, file: Path | None = None, quote: str = '"') -> None:
        self.name = name
        self.file = file
        self.connection = connection
        self._quote = quote
        self._present = self._tables_present()
        if "users" not in self._present or "alembic_version" not in self._present:
            self.close()
            raise MovingError(f"{name} is no database of JupyterHub 2 or later: it has no tables of one.")
        (self.revision,) = next(self._execute("SELECT version_num FROM alembic_version"))
        if "roles" not in self._present:
            self.close()
            raise MovingError(
                f"{name} was made by a JupyterHub before 2.0: bring it up with `jupyterhub upgrade-db` of a later one."
            )

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
        """All of a table's, in the order of their ids; none where there is no such table.

        Raises MovingError for one with something else in it than belongs there.
        """
        if table not in self._present:
            return
        cells, cursor = Cells(table), self.connection.cursor()
        cursor.execute(f"SELECT * FROM {self._quoted(table)} ORDER BY {TABLES[table]}")  # noqa: S608
        names = [column[0] for column in cursor.description]
        while chunk := cursor.fetchmany(CHUNK):
            for values in chunk:
                row = dict(zip(names, values, strict=True))
                cells.check(row)
                yield row

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
        connection, quote = connect_to_server(given)
        return Source(connection, without_password(given), quote=quote)
    if scheme and scheme != "sqlite":
        raise MovingError(f"{scheme}:// is no database that JupyterHub keeps: sqlite, postgresql or mysql.")
    path = Path(given.removeprefix("sqlite://").removeprefix("/") if scheme else given)
    return Source(_open_file(path), str(path), file=path)


def _open_file(path: Path) -> sqlite3.Connection:
    if not path.is_file():
        raise MovingError(f"There is no database at {path}.")
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        raise MovingError(f"{os.fspath(path)} cannot be read: {error}.") from error
    return connection


def without_password(url: str) -> str:
    parts = urlsplit(url)
    user = f"{parts.username}@" if parts.username else ""
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{user}{parts.hostname or ''}{port}{parts.path}"
