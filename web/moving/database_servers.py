"""Databases of JupyterHub's that are no file: with whatever driver is installed, as SQLAlchemy's URLs name them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from web.moving.rows import MovingError

Connect = Callable[[Any, Mapping[str, Any]], Any]


def connect_to_server(url: str) -> tuple[Any, str, type[Exception]]:
    """A connection in a transaction that sees one moment and writes nothing, what stands around names, and errors.

    Raises MovingError, which does not show the password.
    """
    kind = PREFIXES[url.partition("://")[0].partition("+")[0]]
    driver = _driver(kind)
    try:
        connection = driver.connect(**_arguments(url, kind.names))
        for statement in kind.snapshot:
            connection.cursor().execute(statement)
    except driver.Error as error:
        first = str(error).partition("\n")[0]
        raise MovingError(f"The database server cannot be asked: {_without(first, url)}.") from None
    return connection, kind.quote, driver.Error


class Kind:
    """`drivers`: modules, the first that is there serves. `names`: of the arguments of their `connect`."""

    def __init__(
        self,
        called: str,
        drivers: tuple[str, ...],
        names: Mapping[str, str],
        snapshot: tuple[str, ...],
        quote: str,
    ) -> None:
        self.called = called
        self.drivers = drivers
        self.names = names
        self.snapshot = snapshot
        self.quote = quote


POSTGRESQL = Kind(
    "PostgreSQL",
    ("psycopg", "psycopg2"),
    {"path": "dbname", "username": "user", "password": "password", "hostname": "host", "port": "port"},
    ("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY",),
    '"',
)
MYSQL = Kind(
    "MySQL",
    ("pymysql", "MySQLdb"),
    {"path": "database", "username": "user", "password": "password", "hostname": "host", "port": "port"},
    ("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",),
    "`",
)
PREFIXES: Mapping[str, Kind] = {
    "postgresql": POSTGRESQL,
    "postgres": POSTGRESQL,
    "mysql": MYSQL,
    "mariadb": MYSQL,
}
"""By the scheme of a URL, without the driver that may be named behind a `+`."""


def _driver(kind: Kind) -> Any:
    for name in kind.drivers:
        try:
            return import_module(name)
        except ImportError:
            continue
    names = " or ".join("psycopg[binary]" if name == "psycopg" else name for name in kind.drivers)
    raise MovingError(
        f"Reading a {kind.called} database needs a driver: `pip install` one of {names} where callboard is."
    )


def _arguments(url: str, names: Mapping[str, str]) -> dict[str, Any]:
    parts = urlsplit(url)
    given = {
        "path": unquote(parts.path.removeprefix("/")),
        "username": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "hostname": parts.hostname or "",
        "port": parts.port or 0,
    }
    found = {names[part]: value for part, value in given.items() if value}
    return {**found, **dict(parse_qsl(parts.query))}


def _without(text: str, url: str) -> str:
    password = urlsplit(url).password
    return text.replace(unquote(password), "***") if password else text
