"""Heads that a log is known to have had, in a file beside it: written down at each backup and at each orderly end.

Whoever cuts off the end of the log would have to think of this file too; so keep copies of heads elsewhere.
"""

from __future__ import annotations

import os
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from core.events.file.verify import START, Head, parse_head
from core.machine.private_file import write_private_file

KEPT = 100  # heads; the oldest go first


def heads_path(log: str) -> Path:
    return Path(f"{os.path.realpath(log)}.heads")


def head_of(log: sqlite3.Connection) -> Head:
    row = log.execute("SELECT position, digest FROM events ORDER BY position DESC LIMIT 1").fetchone()
    return Head(*row) if row else START


def noted_heads(log: str) -> list[Head]:
    """The oldest first. Raises ValueError for a file that is not ours."""
    path = heads_path(log)
    if not path.exists():
        return []
    return [parse_head(line.split()[0]) for line in path.read_text().splitlines() if line.strip()]


def note_head(log: str, head: Head, why: str) -> None:
    """Add one: all of the file or nothing of the change survives a power cut. Raises OSError.

    A log that was put back to an earlier state has heads of another past: `replace_heads` then.
    """
    path = heads_path(log)
    lines = path.read_text().splitlines() if path.exists() else []
    _write(path, [*lines[1 - KEPT :], _line(head, why)])


def replace_heads(log: str, head: Head, why: str) -> None:
    """From now on the log is known to have had this head, and no other. Raises OSError."""
    _write(heads_path(log), [_line(head, why)])


def _line(head: Head, why: str) -> str:
    return f"{head} {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {why}"


def _write(path: Path, lines: list[str]) -> None:
    write_private_file(path, "".join(f"{line}\n" for line in lines).encode(), synced=True)
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Make the names in it survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
