"""Copies of a log: taken while it is in use, and put back; and what happens to the log that was there."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from core.events.file.database import DatabaseError, LogLock, open_for_writing, open_to_look
from core.events.file.heads import head_of, heads_path, note_head, replace_heads, sync_directory
from core.events.file.verify import Head
from core.machine.private_file import begin_private_file

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
        aside = _kept_aside(log)
        os.replace(draft, log)  # at every moment there is a log, the former or this one
        replace_heads(log, head, "restored")
    finally:
        Path(draft).unlink(missing_ok=True)
        lock.release()
    return head, aside


def put_aside(log: str) -> str:
    """Give a log another name, so that another can begin in its place. The name, "" if there was none.

    Everything that is in the WAL goes into the file first: a WAL must never be beside another log than its own.
    """
    aside = _kept_aside(log)
    if aside:
        os.unlink(log)
        sync_directory(heads_path(log).parent)
    return aside


def _kept_aside(log: str) -> str:
    """Give it another name besides its own; what is beside it has the other name only."""
    if not os.path.exists(log):
        return ""
    aside = _free_name(f"{log}.{datetime.now(UTC):%Y%m%dT%H%M%S}")
    with (
        suppress(sqlite3.Error),
        closing(open_for_writing(log)) as connection,
    ):  # a damaged one is kept as it is
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    _second_name(log, aside)
    for part in BESIDE:
        if os.path.exists(log + part):
            os.rename(log + part, aside + part)
    sync_directory(heads_path(log).parent)
    return aside


def _free_name(wanted: str) -> str:
    names = (wanted if number == 1 else f"{wanted}.{number}" for number in count(1))
    return next(name for name in names if not os.path.lexists(name))


def _second_name(file: str, name: str) -> None:
    """A link, or a copy where the file system has none."""
    try:
        os.link(file, name)
    except OSError:
        with open(file, "rb") as source, open(begin_private_file(name), "wb") as copy:
            shutil.copyfileobj(source, copy)
        _sync(name)


def _copy(log: str, target: str, on_progress: OnProgress) -> Head:
    """A file of its own, without a WAL, synced to disk."""
    os.close(begin_private_file(target))
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
