"""Whether a hub is at work on a database: whoever has it open is taken for one.

A hub keeps connections open as long as it lives, and a hub that has ended has none. When it was last active says
nothing: it writes that at its end, too.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from web.moving.source import Source

_POSTGRESQL = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
_MYSQL = "SELECT count(*) FROM information_schema.processlist WHERE db = database() AND id <> connection_id()"


def who_uses(source: Source) -> str:
    """In words, for a sentence that says no; `""` where nobody does, as far as the system tells."""
    if source.file is not None:
        found = processes_with(source.file)
        return f"process {', '.join(map(str, found))}" if found else ""
    others = _count(source.connection, _MYSQL if source.is_mysql else _POSTGRESQL)
    return f"{others} other connection{'s' if others > 1 else ''}" if others else ""


def processes_with(path: Path) -> list[int]:
    """The pids of others that have this file open, as far as the system lets them be seen."""
    wanted = os.path.realpath(path)
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdecimal() and int(entry) != os.getpid() and _has_open(entry, wanted):
            found.append(int(entry))
    return sorted(found)


def _has_open(pid: str, wanted: str) -> bool:
    folder = f"/proc/{pid}/fd"
    try:
        return any(_target(f"{folder}/{name}") == wanted for name in os.listdir(folder))
    except OSError:
        return False  # it has ended, or is another's


def _target(link: str) -> str:
    try:
        return os.readlink(link)
    except OSError:
        return ""


def _count(connection: Any, sql: str) -> int:
    cursor = connection.cursor()
    cursor.execute(sql)
    (number,) = cursor.fetchone()
    return int(number)
