"""A log of two halves is found when it is opened, and is left as it is."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import projections
from core.events.file.database import DatabaseError, open_for_reading
from core.events.file.soundness import has_frames
from core.events.file.verify import verify
from core.events.file.writer import Writer
from tests.logs import commit, created, said
from tests.unit.conftest import OpenWriter


def copied(writer: Writer, path: Path, to: Path) -> None:
    """A copy of the log as its files are now, as if its hub were killed here."""
    for part in ("", "-wal"):
        shutil.copy(f"{path}{part}", f"{to}{part}")


def opens(path: Path) -> bool:
    try:
        Writer(str(path), projections.ALL).close()
    except DatabaseError:
        return False
    return True


@settings(deadline=None)
@given(
    before=st.integers(1, 300),
    between=st.integers(1, 300),
    after=st.integers(1, 30),
    checkpoints=st.booleans(),
)
def test_a_copy_over_a_live_wal_is_never_taken_for_a_log(
    tmp_path_factory: pytest.TempPathFactory, before: int, between: int, after: int, checkpoints: bool
) -> None:
    """An older copy of the file, under the WAL of a newer state: refused, or by chance a whole log."""
    place = tmp_path_factory.mktemp("logs")
    path, old, mixed = place / "log", place / "old", place / "mixed"
    writer = Writer(str(path), projections.ALL)
    commit(writer, *(created(number) for number in range(before)))
    writer.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    shutil.copy(path, old)
    commit(writer, *(created(1000 + number) for number in range(between)))
    if checkpoints:
        writer.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    for version in range(after):
        commit(writer, said("v", version))
    copied(writer, path, mixed)
    writer.close()
    shutil.copy(old, mixed)
    was = mixed.read_bytes(), Path(f"{mixed}-wal").read_bytes()
    if opens(mixed):
        verify(str(mixed))
    else:
        assert (mixed.read_bytes(), Path(f"{mixed}-wal").read_bytes()) == was, "nothing is changed"


def test_another_logs_file_under_a_wal_is_refused(tmp_path: Path, open_writer: OpenWriter) -> None:
    path, other = tmp_path / "log", tmp_path / "other"
    second = open_writer(str(other), projections.ALL)
    commit(second, *(created(number, f"other{number}") for number in range(200)))
    second.close()
    writer = open_writer(str(path), projections.ALL)
    commit(writer, *(created(number) for number in range(200)))
    writer.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    commit(writer, *(said("v", version) for version in range(5)))
    copied(writer, path, tmp_path / "mixed")
    shutil.copy(other, tmp_path / "mixed")
    with pytest.raises(DatabaseError, match="damaged, or is not the file that its -wal belongs to"):
        open_writer(str(tmp_path / "mixed"), projections.ALL)


def test_a_log_whose_end_was_rewritten_is_refused(tmp_path: Path, open_writer: OpenWriter) -> None:
    path = str(tmp_path / "log")
    writer = open_writer(path, projections.ALL)
    commit(writer, *(created(number) for number in range(20)))
    writer.close()
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("DROP TRIGGER events_refuse_update")
    db.execute("UPDATE events SET request = 'another' WHERE position = 15")
    db.close()
    with pytest.raises(DatabaseError, match="event 15 does not follow from event 14"):
        open_writer(path, projections.ALL)


def test_a_log_of_a_hub_that_was_killed_is_sound(tmp_path: Path, open_writer: OpenWriter) -> None:
    writer = open_writer(str(tmp_path / "log"), projections.ALL)
    commit(writer, *(created(number) for number in range(1200)))
    copied(writer, tmp_path / "log", tmp_path / "killed")
    assert has_frames(str(tmp_path / "killed-wal"))
    assert open_writer(str(tmp_path / "killed"), projections.ALL).position == 1200


@pytest.mark.parametrize(
    ("content", "has"), [(None, False), (b"", False), (bytes(64), False), (b"7" * 64, True)]
)
def test_a_wal_of_zeros_holds_nothing(tmp_path: Path, content: bytes | None, has: bool) -> None:
    if content is not None:
        (tmp_path / "wal").write_bytes(content)
    assert has_frames(str(tmp_path / "wal")) is has


def test_a_look_at_it_is_a_reader_alone(tmp_path: Path, open_writer: OpenWriter) -> None:
    writer = open_writer(str(tmp_path / "log"), ())
    commit(writer, said("v", 0))
    writer.close()
    open_writer(str(tmp_path / "log"), ())
    reader = open_for_reading(str(tmp_path / "log"))
    assert reader.execute("SELECT count(*) FROM events").fetchone() == (1,)
    reader.close()
