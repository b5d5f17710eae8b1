"""Copies of a log: taken while it is in use, and put back; and what happens to the log that was there."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

from core.events.file.database import DatabaseError, LogLock, open_for_writing, open_to_look
from core.events.file.heads import head_of, heads_path, note_head, replace_heads, sync_directory
from core.events.file.verify import Head

PAGES = 2000  # copied at a time
BESIDE = ("-wal", "-shm", ".heads")

OnProgress = Callable[[int], None]
"""Told how many more percent are copied."""


def back_up(log: str, target: str, *, replace: bool, on_progress: OnProgress = lambda _: None) -> Head:
    """Copy the log as it is at one moment, in use or not; its head, which is written down beside both.

    The copy appears as a whole or not at all. Raises DatabaseError, OSError.
    """
    if os.path.exists(target) and not replace:
        raise DatabaseError(f"{target} is there already.")
    if os.path.realpath(target) == os.path.realpath(log):
        raise DatabaseError(f"{target} is the log itself.")
    draft = f"{target}.draft"
    try:
        head = _copy(log, draft, on_progress)
        os.replace(draft, target)
    finally:
        Path(draft).unlink(missing_ok=True)
    replace_heads(target, head, "backup")
    note_head(log, head, "backup")
    return head


def restore(
    backup: str,
    log: str,
    check: Callable[[str], None],
    *,
    replace: bool,
    on_progress: OnProgress = lambda _: None,
) -> tuple[Head, str]:
    """Put a copy in the place of the log. Its head, and under which name the former log is kept ("": there was none).

    `check`: raises for a copy that is not sound; nothing is changed then. Raises LogInUseError while a hub runs on
    the log, DatabaseError, OSError.
    """
    lock = LogLock(log)
    draft = f"{log}.draft"
    try:
        if os.path.exists(log) and not replace:
            raise DatabaseError(f"{log} is there already: --force puts it aside.")
        head = _copy(backup, draft, on_progress)
        check(draft)
        aside = put_aside(log)
        os.replace(draft, log)
        replace_heads(log, head, "restored")
    finally:
        Path(draft).unlink(missing_ok=True)
        lock.release()
    return head, aside


def put_aside(log: str) -> str:
    """Give a log another name, so that another can begin in its place. The name, "" if there was none.

    Everything that is in the WAL goes into the file first: a WAL must never be beside another log than its own.
    """
    if not os.path.exists(log):
        return ""
    aside = f"{log}.{datetime.now(UTC):%Y%m%dT%H%M%S}"
    with (
        suppress(sqlite3.Error),
        closing(open_for_writing(log)) as connection,
    ):  # a damaged one is kept as it is
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    for part in (*BESIDE, ""):
        if os.path.exists(log + part):
            os.rename(log + part, aside + part)
    sync_directory(heads_path(log).parent)
    return aside


def _copy(log: str, target: str, on_progress: OnProgress) -> Head:
    """A file of its own, without a WAL, synced to disk."""
    os.close(os.open(target, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600))
    source = open_to_look(log)
    copy = sqlite3.connect(target, isolation_level=None)
    try:
        source.execute("BEGIN")
        head = head_of(source)  # from here on the source stands still for us, whatever is appended
        source.backup(copy, pages=PAGES, progress=_percent(on_progress))
        copy.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        raise DatabaseError(f"{log} cannot be copied: {error}.") from None
    finally:
        copy.close()
        source.close()
    _sync(target)
    return head


def _percent(on_progress: OnProgress) -> Callable[[int, int, int], None]:
    done = 0

    def progress(_: int, left: int, of: int) -> None:
        nonlocal done
        now = 100 * (of - left) // max(of, 1)
        on_progress(now - done)
        done = now

    return progress


def _sync(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
