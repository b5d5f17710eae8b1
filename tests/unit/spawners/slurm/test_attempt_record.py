"""What is kept of an attempt on the hub's own disk."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from core.plugins.spawner import Gone
from spawners.slurm.attempt_record import AttemptRecord, Owner


@pytest.fixture
def record(tmp_path: Path) -> AttemptRecord:
    return AttemptRecord(str(tmp_path / "attempts" / "s1"))


def test_what_was_never_begun_has_nothing(record: AttemptRecord) -> None:
    assert not record.exists()
    found = (record.owner(), record.job(), record.port(), record.end(), record.gone(), record.is_in_doubt())
    assert found == (None, None, None, None, None, False)
    record.remove()


def test_what_is_written_is_read_by_the_next_hub(record: AttemptRecord) -> None:
    record.create()
    owner = Owner("alice", "/home/alice/$(id).log", as_user=True)
    record.write_owner(owner)
    record.write_job(7)
    again = AttemptRecord(record.directory)
    assert (again.owner(), again.job()) == (owner, 7)
    assert os.stat(record.directory).st_mode & 0o077 == 0


def test_the_first_port_counts(record: AttemptRecord) -> None:
    record.create()
    assert record.write_port(9000)
    assert record.write_port(9000)
    assert not record.write_port(9001)
    assert record.port() == 9000
    assert sorted(os.listdir(record.directory)) == ["port"]


def test_the_first_end_counts_and_a_bar_is_none(record: AttemptRecord) -> None:
    record.create()
    record.bar()
    assert (record.end() is not None, record.gone()) == (True, None)
    assert record.write_end(Gone(1, reason="Because.")) == Gone(1, reason="Because.")
    assert record.write_end(Gone(2)) == Gone(1, reason="Because.")
    record.bar()
    assert record.gone() == Gone(1, reason="Because.")


def test_a_doubt_is_kept_until_it_is_cleared(record: AttemptRecord) -> None:
    record.create()
    record.write_doubt()
    assert record.is_in_doubt()
    record.clear_doubt()
    record.clear_doubt()
    assert not record.is_in_doubt()


def test_the_lock_is_held_by_whoever_inherits_it(record: AttemptRecord) -> None:
    lock = record.take_lock()
    assert lock is not None
    assert record.take_lock() is None
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=(lock,)) as heir:
        os.close(lock)
        assert record.take_lock() is None
        assert heir.stdin is not None
        heir.stdin.close()
        heir.wait()
    again = record.take_lock()
    assert again is not None
    os.close(again)


def test_what_cannot_be_read_is_no_news(record: AttemptRecord) -> None:
    record.create()
    Path(record.directory, "job").write_bytes(b"{")
    with pytest.raises(OSError, match="cannot be read"):
        record.job()
