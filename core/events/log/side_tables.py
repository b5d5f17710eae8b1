"""What stands beside the log and is no event: values that are replaced and deleted, such as answers and secrets.

Every change is data, made in the transaction of an append, so that whatever keeps the log can keep these too.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Protocol, runtime_checkable

from msgspec import UNSET, Struct, UnsetType


class SideTableChange(Struct, frozen=True):
    """`value`: None deletes. `replaces`: change nothing unless that is what is there (None: unless nothing is)."""

    table: str
    key: str
    value: bytes | None
    replaces: bytes | UnsetType | None = UNSET


class SideTable(Protocol):
    """Where the file has the values of one table. A module serves as one."""

    NAME: str

    def value(self, db: sqlite3.Connection, key: str) -> bytes | None: ...

    def put(self, db: sqlite3.Connection, key: str, value: bytes) -> None: ...

    def delete(self, db: sqlite3.Connection, key: str) -> None: ...


@runtime_checkable
class HasSideTable(Protocol):
    SIDE_TABLE: SideTable


class KeyAndValue:
    """A table of two columns. Names come from the program, never from without."""

    def __init__(self, table: str, key: str, value: str, *, is_text: bool = False) -> None:
        self.NAME = table
        self._is_text = is_text
        self._select = f"SELECT CAST({value} AS BLOB) FROM {table} WHERE {key} = ?"  # noqa: S608
        self._put = f"INSERT OR REPLACE INTO {table} ({key}, {value}) VALUES (?, ?)"  # noqa: S608
        self._delete = f"DELETE FROM {table} WHERE {key} = ?"  # noqa: S608

    def value(self, db: sqlite3.Connection, key: str) -> bytes | None:
        row = db.execute(self._select, (key,)).fetchone()
        return None if row is None else bytes(row[0])

    def put(self, db: sqlite3.Connection, key: str, value: bytes) -> None:
        db.execute(self._put, (key, value.decode() if self._is_text else value))

    def delete(self, db: sqlite3.Connection, key: str) -> None:
        db.execute(self._delete, (key,))


class SideTables:
    """All of them, by name."""

    def __init__(self, tables: Iterable[SideTable]) -> None:
        self._tables: Mapping[str, SideTable] = {table.NAME: table for table in tables}

    def apply(self, db: sqlite3.Connection, change: SideTableChange) -> bool:
        """In the open transaction. Whether anything was changed."""
        table = self._tables[change.table]
        if change.replaces is not UNSET and table.value(db, change.key) != change.replaces:
            return False
        if change.value is None:
            table.delete(db, change.key)
        else:
            table.put(db, change.key, change.value)
        return True
