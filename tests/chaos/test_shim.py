"""What a process under the shim is told by the system."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.chaos.schedule import Fault, Kind
from tests.chaos.shim import Shim

pytestmark = pytest.mark.slow  # wants a C compiler, which `make test` sees to

WRITE = """
import os, sys
file = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
for name, call in {
    "write": lambda: os.pwrite(file, b"x", 0),
    "read": lambda: os.pread(file, 1, 0),
    "sync": lambda: os.fdatasync(file),
    "grow": lambda: os.pwrite(file, b"x", 2**20),
    "room": lambda: os.posix_fallocate(file, 2**21, 4096),
}.items():
    try:
        call()
    except OSError as error:
        print(name, error.errno)
"""
CLOCK = "import time, datetime; print(time.time(), datetime.datetime.now().timestamp(), time.monotonic())"


@pytest.fixture
def shim(tmp_path: Path) -> Shim:
    return Shim(tmp_path / "shim")


def run(shim: Shim, program: str, *arguments: str) -> str:
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, env=shim.environment, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(
    ("fault", "failing"),
    [
        (Fault(0, Kind.FAILING_SYNCS, 1), "sync 5"),
        (Fault(0, Kind.FAILING_WRITES, 1), "write 5 grow 5"),
        (Fault(0, Kind.FAILING_READS, 1), "read 5"),
        (Fault(0, Kind.FULL_DISK, 1), "grow 28 room 28"),
        (Fault(0, Kind.FULL_DISK, 1, 2), "write 28 grow 28 room 28"),
        (Fault(0, Kind.CLOCK, 1, 30), ""),
    ],
)
def test_calls_on_the_files_of_a_log_fail_and_no_others(
    shim: Shim, tmp_path: Path, fault: Fault, failing: str
) -> None:
    log, other = tmp_path / "callboard.sqlite-wal", tmp_path / "other"
    log.write_bytes(b"there")
    shim.begin(fault)
    assert run(shim, WRITE, str(log)).split() == failing.split()
    assert run(shim, WRITE, str(other)) == ""
    shim.end(fault)
    assert run(shim, WRITE, str(log)) == ""


def test_one_in_so_many_calls_fails(shim: Shim, tmp_path: Path) -> None:
    shim.begin(Fault(0, Kind.FAILING_WRITES, 1, 2))
    assert run(shim, WRITE, str(tmp_path / "callboard.sqlite")).split() == ["grow", "5"]


@pytest.mark.parametrize("jump", [-86400, 3600])
def test_the_clock_of_the_wall_jumps_and_the_other_does_not(shim: Shim, jump: int) -> None:
    shim.begin(Fault(0, Kind.CLOCK, 1, jump))
    wall, wall_too, monotonic = map(float, run(shim, CLOCK).split())
    assert wall - time.time() == pytest.approx(jump, abs=60)
    assert wall_too == pytest.approx(wall, abs=60)
    assert monotonic == pytest.approx(time.monotonic(), abs=60)
