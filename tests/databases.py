"""Databases for tests of tables, apart from a log."""

from __future__ import annotations

import sqlite3


class _ClosedWithItsLastReader(sqlite3.Connection):
    def __del__(self) -> None:
        self.close()


def in_memory() -> sqlite3.Connection:
    """An empty one. It is closed when nobody has it any more, as each example of a property makes its own.

    That may be noticed in any thread, since each may be the one that collects garbage.
    """
    return sqlite3.connect(":memory:", factory=_ClosedWithItsLastReader, check_same_thread=False)
