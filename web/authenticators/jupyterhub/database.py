"""The database that plug-ins see: JupyterHub's schema, in a file of their own.

What is in JupyterHub's tables is a copy of what the hub knows, written by the hub alone; what plug-ins keep in tables
of theirs (NativeAuthenticator's `users_info`) stays. JupyterHub's own way to open a database is not used: it runs
alembic, which takes over the process's logging.
"""

from __future__ import annotations

from typing import Any

from jupyterhub import orm
from sqlalchemy import Engine, create_engine, inspect
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import StaticPool

IN_MEMORY = ":memory:"


def open_database(path: str) -> Session:
    """`path`: of the file, which is made if need be."""
    options: dict[str, Any] = {"connect_args": {"check_same_thread": False}}
    if path == IN_MEMORY:
        options["poolclass"] = StaticPool
    engine = create_engine(f"sqlite:///{path}", **options)
    orm.register_foreign_keys(engine)
    _drop_older(engine)
    orm.Base.metadata.create_all(engine)
    return sessionmaker(bind=engine, expire_on_commit=False)()


def _drop_older(engine: Engine) -> None:
    """JupyterHub's tables, where another version of it has made them: they are copied anew."""
    found, tables = inspect(engine), _of_jupyterhub()
    present = set(found.get_table_names())
    if all(
        {column.name for column in table.columns}
        <= {column["name"] for column in found.get_columns(table.name)}
        for table in tables
        if table.name in present
    ):
        return
    orm.Base.metadata.drop_all(engine, tables=tables)


def _of_jupyterhub() -> list[Any]:
    """Plug-ins add tables of their own to the same metadata."""
    return [table for table in orm.Base.metadata.sorted_tables if table.name in _NAMES]


_NAMES = frozenset(orm.Base.metadata.tables)  # before any plug-in is imported, or as good as that
