"""The log against what a machine does to it: processes killed at any moment, and a disk that is full."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import projections
from core.errors import UnavailableError
from core.events.file.ballast import ballast_path
from core.events.file.database import open_for_reading
from core.events.file.verify import Head, UnreadableLogError, verify
from core.events.file.writer import Writer
from projections.rebuild import drift
from tests.integration.conftest import SmallDisks
from tests.logs import commit, created, ended


def check_whole(path: str, noted: Head | None = None) -> Head:
    head = verify(path, *([noted] if noted else []))
    log = open_for_reading(path)
    assert drift(log, projections.ALL) == []
    log.close()
    return head


# --- killed ---


def run_and_kill(path: str, seconds: float) -> list[str]:
    """What was acknowledged by a process that appends until it is killed, `seconds` after its first answer."""
    command = [sys.executable, "-m", "tests.integration.append_until_killed", path]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(seconds)
        process.kill()
        return [line.decode() for line in (first + process.stdout.read()).splitlines()]


@pytest.mark.parametrize("rounds", [6, pytest.param(40, marks=pytest.mark.slow)])
def test_killed_at_any_moment_nothing_acknowledged_is_lost(tmp_path: Path, rounds: int) -> None:
    path = str(tmp_path / "log.sqlite")
    chance = random.Random(rounds)
    head = None
    for _ in range(rounds):
        acknowledged = run_and_kill(path, chance.uniform(0.0, 0.3))
        head = check_whole(path, head)
        log = open_for_reading(path)
        there = {f"{p} {s} {v}" for p, s, v in log.execute("SELECT position, stream, version FROM events")}
        log.close()
        assert acknowledged
        assert not set(acknowledged) - there
        Writer(path, projections.ALL).close()  # what a restart begins with


# --- full ---


@pytest.fixture
def small_disk(small_disks: SmallDisks) -> Path:
    return small_disks(12)


def fill(disk: Path, leave: int = 200 * 1024) -> None:
    """Take all room but so many bytes."""
    with (disk / "filler").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            file.truncate(file.tell() - leave)


def test_a_full_disk_refuses_lets_stops_through_and_recovers(small_disk: Path) -> None:
    path = str(small_disk / "log.sqlite")
    writer = Writer(path, projections.ALL)
    reader = open_for_reading(path)
    units = commit(writer, created(0))
    fill(small_disk)
    while units[-1].error is None:
        assert len(units) < 5000
        units += commit(writer, created(len(units)))
    assert isinstance(units[-1].error, UnavailableError)
    assert "full" in str(units[-1].error)
    stops = [commit(writer, ended("v1", version))[0] for version in range(200)]
    assert [stop.error for stop in stops] == [None] * 200
    assert ballast_path(path).exists(), "it is for the next start"
    for pause in (0, 1.1):  # there is not yet room again
        time.sleep(pause)
        units += commit(writer, created(len(units)))
        assert isinstance(units[-1].error, UnavailableError), "the last room is for stops"
    assert reader.execute("SELECT count(*) FROM users").fetchone() == (sum(not u.error for u in units),)
    assert check_whole(path).position == writer.position

    (small_disk / "filler").unlink()
    time.sleep(1.1)
    units += commit(writer, created(len(units)))
    assert units[-1].error is None
    assert writer.trouble == ""
    assert ballast_path(path).exists()
    there = {stream for (stream,) in reader.execute("SELECT stream FROM events")}
    assert {unit.writes[0].stream for unit in units if unit.error is None} == there - {"server/v1"}
    check_whole(path)
    reader.close()
    writer.close()


def test_a_log_on_a_full_disk_can_be_opened_again(small_disk: Path) -> None:
    path = str(small_disk / "log.sqlite")
    writer = Writer(path, projections.ALL)
    commit(writer, created(0))
    fill(small_disk)
    number = 1
    while commit(writer, created(number))[0].error is None:
        number += 1
    writer.close()
    again = Writer(path, projections.ALL)
    assert again.position == number
    check_whole(path)
    again.close()


FILL = """
import os, sys, time
file = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
end = time.monotonic() + 60
print("filling", flush=True)
while time.monotonic() < end:
    try:
        os.write(file, bytes(4096))
    except OSError:
        time.sleep(0.0002)
"""


@pytest.fixture
def filler(small_disk: Path) -> Iterator[Callable[[], None]]:
    """Has somebody else take every bit of room as soon as there is any, until the end of the test."""
    running: list[subprocess.Popen[str]] = []

    def begin() -> None:
        command = [sys.executable, "-c", FILL, str(small_disk / "filler")]
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        assert running[-1].stdout is not None
        assert running[-1].stdout.readline() == "filling\n"
        while os.statvfs(small_disk).f_bavail:
            time.sleep(0.01)

    yield begin
    for process in running:
        process.kill()
        process.communicate()


def test_stops_go_through_while_somebody_else_takes_every_bit_of_room(
    small_disk: Path, filler: Callable[[], None]
) -> None:
    path = str(small_disk / "log.sqlite")
    writer = Writer(path, projections.ALL)
    reader = open_for_reading(path)
    commit(writer, *(created(number) for number in range(100)))
    filler()
    stops = [commit(writer, ended("v1", version))[0] for version in range(1000)]
    assert [stop.error for stop in stops] == [None] * 1000
    refused = [commit(writer, created(number))[0] for number in range(1000, 2000)]
    assert any(unit.error for unit in refused), "nobody is made up"
    check_whole(path)
    reader.close()
    writer.close()


def test_a_log_without_room_for_reading_it_is_not_called_broken(small_disk: Path) -> None:
    path = str(small_disk / "log.sqlite")
    writer = Writer(path, projections.ALL)
    commit(writer, created(1))
    writer.close()
    ballast_path(path).unlink()
    fill(small_disk, leave=0)
    with pytest.raises(UnreadableLogError, match="Is its disk full"):
        verify(path)
    (small_disk / "filler").unlink()
    check_whole(path)


def test_a_log_can_be_opened_while_somebody_else_takes_every_bit_of_room(
    small_disk: Path, filler: Callable[[], None]
) -> None:
    path = str(small_disk / "log.sqlite")
    writer = Writer(path, projections.ALL)
    commit(writer, *(created(number) for number in range(100)))
    writer.close()
    filler()
    again = Writer(path, projections.ALL)
    assert again.trouble == "the disk of log.sqlite is full"
    stops = [commit(again, ended("v1", version))[0] for version in range(200)]
    assert [stop.error for stop in stops] == [None] * 200
    again.close()
