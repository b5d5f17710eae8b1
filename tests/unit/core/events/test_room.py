"""Room that is the log's own, and what is said when it is missing: what is known, and no more."""

from __future__ import annotations

import errno
import itertools
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import projections
from core.errors import UnavailableError
from core.events.file import disk, file_system, room
from core.events.file.ballast import SIZE, Ballast, ballast_path
from core.events.file.database import MEMORY
from core.events.file.disk import is_room_missing
from core.events.file.room import PAGES, WAL_ROOM
from core.events.file.verify import verify
from core.events.file.writer import Writer
from core.events.log.append_request import AppendRequest
from tests.logs import Disk, FullDisk, commit, created, ended, said
from tests.unit.conftest import OpenWriter


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "log.sqlite")


def errors(units: list[AppendRequest]) -> list[type | None]:
    return [type(unit.error) if unit.error else None for unit in units]


class Allocation:
    """In place of `posix_fallocate`: fails as it is told to, once it is told to."""

    def __init__(self) -> None:
        self.fails_with = 0
        self._real = os.posix_fallocate

    def __call__(self, file: int, offset: int, length: int) -> None:
        if self.fails_with:
            raise OSError(self.fails_with, os.strerror(self.fails_with))
        self._real(file, offset, length)


@pytest.fixture
def allocation(monkeypatch: pytest.MonkeyPatch) -> Allocation:
    made = Allocation()
    monkeypatch.setattr(os, "posix_fallocate", made)
    return made


# --- the room there is ---


def check_room(path: str, connection: sqlite3.Connection) -> None:
    """All pages have their place in the file, some of them are free, and the WAL is as long as it should be."""
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    for file, least in ((path, pages * size), (f"{path}-wal", WAL_ROOM)):
        found = os.stat(file)
        assert found.st_size >= least
        assert found.st_blocks * 512 >= least, "a hole is no room"
    assert free >= PAGES


@settings(deadline=None)
@given(batches=st.lists(st.tuples(st.integers(1, 400), st.booleans()), max_size=8))
def test_after_each_commit_all_room_is_there(
    tmp_path_factory: pytest.TempPathFactory, batches: list[tuple[int, bool]]
) -> None:
    path = str(tmp_path_factory.mktemp("log") / "log.sqlite")
    writer = Writer(path, ())
    check_room(path, writer.connection)
    for number, (events, checkpoints) in enumerate(batches):
        assert errors(commit(writer, said(f"v{number}", 0, events))) == [None]
        check_room(path, writer.connection)
        if checkpoints:
            writer.connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
            check_room(path, writer.connection)
    writer.close()
    verify(path)


def test_a_log_without_a_wal_gets_the_ballast_for_one(path: str, open_writer: OpenWriter) -> None:
    first = open_writer(path, ())
    commit(first, said("v1", 0))
    first.close()
    assert not Path(f"{path}-wal").exists()
    kept = ballast_path(path).stat().st_ino
    again = open_writer(path, ())
    assert Path(f"{path}-wal").stat().st_ino == kept
    assert ballast_path(path).stat().st_size == SIZE
    assert errors(commit(again, said("v1", 1))) == [None]
    again.close()
    assert verify(path).position == 2


def test_a_wal_that_is_there_is_never_written_over(path: str, tmp_path: Path) -> None:
    wal = tmp_path / "log.sqlite-wal"
    Ballast(path).make()
    wal.write_bytes(b"frames")
    assert not Ballast(path).lend(str(wal))
    assert wal.read_bytes() == b"frames"


@pytest.mark.parametrize("content", [b"", b"too short"])
def test_a_part_of_a_ballast_is_no_wal(path: str, tmp_path: Path, content: bytes) -> None:
    ballast_path(path).write_bytes(content)
    assert not Ballast(path).lend(str(tmp_path / "wal"))


def test_a_ballast_is_given_up_bit_by_bit(path: str) -> None:
    kept = Ballast(path)
    kept.make()
    sizes = [ballast_path(path).stat().st_size for _ in iter(kept.give_slice, False)]
    assert sizes == sorted(sizes, reverse=True)
    assert (len(sizes), sizes[-1]) == (16, 0)


def test_its_locks_outlive_the_room(path: str, open_writer: OpenWriter) -> None:
    """Closing a descriptor of an SQLite file drops the locks: another process may then take the WAL away."""
    writer = open_writer(path, ())
    for version in range(3):
        commit(writer, said("v1", version))
        assert "POSIX" in locks_on(path)


def locks_on(path: str) -> str:
    inode = os.stat(path).st_ino
    lines = Path("/proc/locks").read_text().splitlines()
    return "\n".join(line for line in lines if f":{inode} " in line and f" {os.getpid()} " in line)


def test_a_place_where_no_room_can_be_kept_refuses_nothing(
    path: str, allocation: Allocation, open_writer: OpenWriter
) -> None:
    allocation.fails_with = errno.EOPNOTSUPP
    writer = open_writer(path, projections.ALL)
    assert writer.has_room
    assert errors(commit(writer, created(1), ended("v1", 0))) == [None, None]
    assert not ballast_path(path).exists()


def test_a_log_in_memory_needs_no_room(open_writer: OpenWriter) -> None:
    writer = open_writer(MEMORY, ())
    assert errors(commit(writer, said("v1", 0))) == [None]
    assert writer.has_room
    assert not Path(ballast_path(MEMORY)).exists()


# --- when the disk is full ---


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_without_room_what_is_urgent_goes_through_until_there_is_room_again(
    path: str, number: int, allocation: Allocation, open_writer: OpenWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "RETRY", 0.0)
    writer = open_writer(path, projections.ALL)
    allocation.fails_with = number
    units = [commit(writer, said(f"v{turn}", 0, 100))[0] for turn in range(200)]
    refused = units.index(next(unit for unit in units if unit.error))
    assert refused, "there was room for some"
    assert errors(units[refused:]) == [UnavailableError] * (200 - refused)
    assert writer.trouble == "the disk of log.sqlite is full"
    assert not writer.has_room
    assert errors([commit(writer, ended("w", version))[0] for version in range(100)]) == [None] * 100
    assert errors(commit(writer, created(1), ended("w", 100))) == [UnavailableError, None]
    assert ballast_path(path).exists(), "it is for the next start"
    allocation.fails_with = 0
    assert errors(commit(writer, created(1), ended("w", 101))) == [None, None]
    assert (writer.trouble, writer.has_room) == ("", True)
    check_room(path, writer.connection)


def test_only_urgent_units_are_tried_on_the_last_room(
    path: str, open_writer: OpenWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = Disk()
    full.code = sqlite3.SQLITE_FULL
    writer = open_writer(path, projections.ALL, connect=full.connect)
    monkeypatch.setattr(room, "has_room", lambda _: False)
    full.fails = {"INSERT INTO users"}  # the stop in the batch needs no such row, and so would go through
    units = commit(writer, created(1), ended("v1", 0))
    assert errors(units) == [UnavailableError, None]
    full.fails = set()
    units = commit(writer, created(1), ended("v1", 1))
    assert errors(units) == [UnavailableError, None], "the room is for what is urgent"
    assert "the disk of log.sqlite is full" in str(units[0].error)


def test_the_ballast_is_the_last_resort(
    path: str, open_writer: OpenWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a file system that writes nothing over in place the room in the files is worth nothing."""
    full = FullDisk(path)
    writer = open_writer(path, projections.ALL, connect=full.connect)
    monkeypatch.setattr(room, "has_room", lambda _: False)
    full.fill()
    assert errors(commit(writer, created(1), ended("v1", 0))) == [UnavailableError, None]
    assert not ballast_path(path).exists()


def test_room_is_not_tried_for_at_every_commit(path: str, allocation: Allocation) -> None:
    now = itertools.count(0.0, 0.4)
    kept = room.Room(path, lambda: next(now))
    connection = Writer(path, ()).connection
    kept.missed(OSError(errno.ENOSPC, "No space left on device"))
    allocation.fails_with = errno.ENOSPC
    tried = []
    for _ in range(5):
        tried.append(kept.regain(connection))
    assert tried == [False] * 5
    connection.close()


# --- reasons ---


@pytest.mark.parametrize("has_room", [True, False])
@pytest.mark.parametrize(
    ("code", "is_missing"),
    [
        (sqlite3.SQLITE_FULL, lambda has_room: True),
        (sqlite3.SQLITE_IOERR_WRITE, lambda has_room: not has_room),  # so a quota shows
        (sqlite3.SQLITE_IOERR_FSYNC, lambda has_room: not has_room),
        (sqlite3.SQLITE_IOERR_SHMSIZE, lambda has_room: not has_room),
        (sqlite3.SQLITE_CANTOPEN, lambda has_room: not has_room),
        (sqlite3.SQLITE_BUSY, lambda has_room: False),
        (sqlite3.SQLITE_READONLY, lambda has_room: False),
        (sqlite3.SQLITE_CORRUPT, lambda has_room: False),
    ],
)
def test_the_disk_is_full_only_if_room_is_what_is_missing(
    path: str,
    code: int,
    is_missing: Callable[[bool], bool],
    has_room: bool,
    open_writer: OpenWriter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(room, "RETRY", 0.0)
    failing = Disk()
    failing.code = code
    writer = open_writer(path, projections.ALL, connect=failing.connect)
    for module in (disk, room):
        monkeypatch.setattr(module, "has_room", lambda _: has_room)
    failing.fails = {"COMMIT"}
    for version in range(2):
        units = commit(writer, created(1), ended("v1", version))
        assert ("is full" in str(units[0].error)) is is_missing(has_room)
        assert ("is full" in writer.trouble) is is_missing(has_room)
        assert ballast_path(path).exists() is not is_missing(has_room)
    failing.fails = set()
    units = commit(writer, created(1), ended("v1", 0))
    stays_short = is_missing(has_room) and not has_room
    assert errors(units) == [UnavailableError if stays_short else None, None]


def test_a_foreign_lock_is_no_full_disk(path: str, open_writer: OpenWriter) -> None:
    writer = open_writer(path, projections.ALL)
    writer.connection.execute("PRAGMA busy_timeout = 10")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    units = commit(writer, created(1), ended("v1", 0))
    assert "locked" in writer.trouble
    assert all("locked" in str(unit.error) and "full" not in str(unit.error) for unit in units)
    assert ballast_path(path).exists()
    other.execute("ROLLBACK")
    other.close()
    assert errors(commit(writer, created(1), ended("v1", 0))) == [None, None]
    assert writer.trouble == ""


def test_what_is_no_error_of_a_disk_says_nothing_about_room(path: str) -> None:
    assert not is_room_missing(None, path)
    assert not is_room_missing(ValueError(), path)
    assert not is_room_missing(OSError(errno.EIO, "Input/output error"), path)
    assert is_room_missing(OSError(errno.EDQUOT, "Disk quota exceeded"), path)


def test_asking_for_room_leaves_nothing_behind(path: str, tmp_path: Path, allocation: Allocation) -> None:
    assert disk.has_room(path)
    for number, has_room in ((errno.ENOSPC, False), (errno.EDQUOT, False), (errno.EIO, True)):
        allocation.fails_with = number
        assert disk.has_room(path) is has_room
    assert list(tmp_path.iterdir()) == []
    assert disk.has_room(str(tmp_path / "nowhere" / "log")), "that is no want of room"


# --- file systems ---


MOUNTS = r"""22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
40 22 0:36 / /srv rw,relatime shared:1 - btrfs /dev/sdb rw
41 40 0:40 / /srv/hub\040logs rw - xfs /dev/sdc rw
42 22 0:50 / /tank rw - zfs tank rw
"""


@pytest.mark.parametrize(
    ("file", "kind", "copies"),
    [
        ("/var/lib/hub/log", "ext4", False),
        ("/srv/log", "btrfs", True),
        ("/srvlog", "ext4", False),
        ("/srv/hub logs/log", "xfs", False),
        ("/tank/hub/log", "zfs", True),
    ],
)
def test_which_file_systems_write_nothing_over_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, kind: str, copies: bool
) -> None:
    (tmp_path / "mountinfo").write_text(MOUNTS)
    monkeypatch.setattr(file_system, "MOUNTS", tmp_path / "mountinfo")
    assert file_system.file_system(file) == kind
    assert file_system.is_copy_on_write(file) is copies


def test_a_full_disk_is_said_when_the_log_is_opened_though_all_room_is_there(
    path: str, open_writer: OpenWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "has_room", lambda _: False)
    writer = open_writer(path, projections.ALL)
    assert (writer.trouble, writer.has_room) == ("the disk of log.sqlite is full", False)
    assert errors(commit(writer, created(1), ended("v1", 0))) == [UnavailableError, None]


def test_where_no_room_can_be_had_the_hub_says_so(
    path: str, open_writer: OpenWriter, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(room, "is_copy_on_write", lambda _: True)
    monkeypatch.setattr(room, "file_system", lambda _: "btrfs")
    writer = open_writer(path, ())
    assert "on btrfs no room can be kept for a full disk" in caplog.text
    assert errors(commit(writer, said("v1", 0))) == [None]


def test_a_system_that_tells_of_no_mounts_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_system, "MOUNTS", tmp_path / "none")
    assert file_system.file_system("/srv/log") == ""
