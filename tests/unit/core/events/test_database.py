"""The file of the log: made private, refused in one line when it is not ours, held by one hub."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

import projections
from core.events import codec
from core.events.file.database import (
    MEMORY,
    SCHEMA_VERSION,
    DatabaseError,
    LogLock,
    open_for_reading,
    open_for_writing,
    open_log,
)
from tests.logs import Refusing, commit, created, rows, said
from tests.unit.conftest import OpenWriter


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "log.sqlite")


def refusal(path: str) -> str:
    with pytest.raises(DatabaseError) as caught:
        open_log(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def change(path: str, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        for statement in statements:
            db.execute(statement)
    db.close()


def test_whatever_the_umask_all_its_files_are_the_owners_alone(path: str, open_writer: OpenWriter) -> None:
    before = os.umask(0o022)
    try:
        writer = open_writer(path, projections.ALL)
        commit(writer, created(1))
        lock = LogLock(path)
    finally:
        os.umask(before)
    files = sorted(Path(path).parent.iterdir())
    assert [file.name for file in files] == [
        f"log.sqlite{end}" for end in ("", "-shm", "-wal", ".ballast", ".lock")
    ]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    lock.release()
    writer.close()


def test_a_log_that_others_may_read_is_made_private(path: str, open_writer: OpenWriter) -> None:
    open_writer(path, ()).close()
    os.chmod(path, 0o644)
    open_writer(path, ()).close()
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_an_sqlite_file_of_another_program_is_refused(path: str) -> None:
    change(path, "CREATE TABLE spawners (id INTEGER, server_id INTEGER)", "CREATE TABLE users (id INTEGER)")
    before = Path(path).read_bytes()
    assert refusal(path) == f"{path} is an SQLite file of something else, not a Callboard log."
    assert Path(path).read_bytes() == before


@pytest.mark.parametrize("content", [b"c.JupyterHub.port = 8000\n" * 100, os.urandom(5000), b"x"])
def test_a_file_that_is_no_database_is_refused(path: str, content: bytes) -> None:
    Path(path).write_bytes(content)
    assert "is not a Callboard log" in refusal(path)
    assert Path(path).read_bytes() == content


def test_what_is_no_file_is_refused_and_keeps_its_mode(tmp_path: Path) -> None:
    """As `/dev/null`, which a hub that root ran on it had taken from everybody else."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    pipe.chmod(0o666)
    assert refusal(str(pipe)) == f"{pipe} is no file: a log cannot be kept there."
    assert pipe.stat().st_mode & 0o777 == 0o666


def test_a_directory_is_refused(tmp_path: Path) -> None:
    assert str(tmp_path) in refusal(str(tmp_path))


def test_a_place_that_is_not_there_is_told_in_one_line(tmp_path: Path) -> None:
    assert "cannot be opened" in refusal(str(tmp_path / "no" / "log.sqlite"))


def test_a_newer_schema_is_refused(path: str, open_writer: OpenWriter) -> None:
    open_writer(path, ()).close()
    change(path, f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    assert refusal(path) == f"{path} was written by a newer Callboard (schema {SCHEMA_VERSION + 1})."


def test_events_that_only_a_newer_program_knows_are_refused_before_any_is_read(
    path: str, open_writer: OpenWriter
) -> None:
    open_writer(path, ()).close()
    change(path, "INSERT INTO event_shapes VALUES ('server.teleported', 'spawn_id')")
    assert refusal(path).endswith("was written by a newer Callboard: it holds 'server.teleported' events.")


def test_a_known_event_with_a_newer_field_is_refused_for_it_would_be_overlooked(
    path: str, open_writer: OpenWriter
) -> None:
    writer = open_writer(path, ())
    commit(writer, created(1))
    writer.close()
    change(path, "UPDATE event_shapes SET fields = fields || ' shoe_size' WHERE type = 'user.created'")
    assert refusal(path).endswith("its 'user.created' events have 'shoe_size', too.")


def test_the_shapes_of_what_is_recorded_are_noted_once(path: str, open_writer: OpenWriter) -> None:
    writer = open_writer(path, ())
    commit(writer, created(1), created(2))
    noted = writer.connection.execute("SELECT type, fields FROM event_shapes").fetchall()
    assert noted == [("user.created", " ".join(sorted(codec.FIELDS["user.created"])))]
    writer.close()
    change(path, "UPDATE event_shapes SET fields = 'name'")  # an older program's
    again = open_writer(path, ())
    commit(again, created(3))
    assert again.connection.execute("SELECT type, fields FROM event_shapes").fetchall() == noted
    again.close()


def test_a_shape_that_came_with_a_refused_event_is_noted_with_the_next(
    path: str, open_writer: OpenWriter
) -> None:
    writer = open_writer(path, (Refusing("eve"),))
    refused, _ = commit(writer, created(1, "eve"), said("v1", 0))
    assert refused.error is not None
    noted = "SELECT type FROM event_shapes ORDER BY type"
    assert writer.connection.execute(noted).fetchall() == [("server.spawn-progressed",)]
    commit(writer, created(2))
    assert writer.connection.execute(noted).fetchall() == [("server.spawn-progressed",), ("user.created",)]


def test_a_connection_made_after_trouble_is_like_the_first(path: str, open_writer: OpenWriter) -> None:
    first = open_writer(path, ()).connection
    again = open_for_writing(path)
    for setting in ("journal_mode", "synchronous", "recursive_triggers", "wal_autocheckpoint", "cache_size"):
        ask = f"PRAGMA {setting}"
        assert again.execute(ask).fetchone() == first.execute(ask).fetchone(), setting
    assert again.execute("PRAGMA synchronous").fetchone() == (2,)
    again.close()


def test_a_hub_killed_while_it_made_the_file_is_no_obstacle(path: str, open_writer: OpenWriter) -> None:
    """The file is an SQLite database by then, with nothing in it."""
    change(path, "PRAGMA journal_mode = WAL")
    assert Path(path).stat().st_size > 0
    writer = open_writer(path, ())
    commit(writer, created(1))
    assert rows(writer.connection) == [(1, "user/u1", 1)]
    writer.close()


def test_a_name_with_odd_characters_is_that_file(tmp_path: Path, open_writer: OpenWriter) -> None:
    path = str(tmp_path / "50% of? it#all.sqlite")
    open_writer(path, ()).close()
    assert os.path.exists(path)
    reader = open_for_reading(path)
    assert rows(reader) == []
    reader.close()


def test_a_reader_cannot_write(path: str, open_writer: OpenWriter) -> None:
    open_writer(path, ()).close()
    reader = open_for_reading(path)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute("DELETE FROM log_facts")
    reader.close()


def test_it_works_in_memory(open_writer: OpenWriter) -> None:
    writer = open_writer(MEMORY, projections.ALL)
    commit(writer, created(1))
    assert rows(writer.connection) == [(1, "user/u1", 1)]
    writer.close()


# --- one hub per log ---

HOLD = """
import sys
from core.events.file.database import LogLock
lock = LogLock(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_hub_is_refused_and_told_the_pid_of_the_first(path: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"held\n"
        for name in (path, os.path.join(tmp_path, ".", "log.sqlite")):
            with pytest.raises(DatabaseError, match=rf"A hub \(pid {first.pid}\) is running on"):
                LogLock(name)
        link = tmp_path / "link.sqlite"
        link.symlink_to(path)
        with pytest.raises(DatabaseError, match=str(first.pid)):
            LogLock(str(link))
        first.kill()
    lock = LogLock(path)  # the lock went with the process
    assert Path(f"{path}.lock").read_text() == f"{os.getpid()}\n"
    lock.release()
    LogLock(path).release()


def test_a_lock_where_nothing_can_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="cannot be opened: No such file or directory"):
        LogLock(str(tmp_path / "no" / "log.sqlite"))
