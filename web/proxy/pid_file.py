"""Says who we are, so that the next hub knows whether the proxy it finds is one it can keep."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

PROTOCOL = 1  # of the hub's route stream and the reports


class PidFile(Struct, frozen=True):
    """`start_time` and `boot_id` tell this process from a later one with the same number."""

    pid: int
    start_time: int
    boot_id: str
    address: str
    protocol: int


def describe_ourselves(address: str) -> PidFile:
    pid = os.getpid()
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return PidFile(pid, start_time(pid), boot_id, address, PROTOCOL)


def start_time(pid: int) -> int:
    """In clock ticks since boot: field 22 of /proc/PID/stat, whose field 2 may hold spaces and brackets."""
    stat = Path(f"/proc/{pid}/stat").read_text()
    return int(stat.rpartition(")")[2].split()[19])


@contextlib.contextmanager
def kept(path: str, address: str) -> Iterator[None]:
    """Written whole or not at all; removed at the end, unless a next proxy has written its own."""
    if not path:
        yield
        return
    ourselves = describe_ourselves(address)
    _write(path, ourselves)
    try:
        yield
    finally:
        _remove(path, ourselves)


def _write(path: str, content: PidFile) -> None:
    beside = f"{path}.{content.pid}"
    Path(beside).write_bytes(msgspec.json.encode(content) + b"\n")
    os.rename(beside, path)


def _remove(path: str, content: PidFile) -> None:
    with contextlib.suppress(OSError, msgspec.MsgspecError):
        if msgspec.json.decode(Path(path).read_bytes(), type=PidFile) == content:
            os.unlink(path)
