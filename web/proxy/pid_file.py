"""Says who we are, so that the next hub knows whether the proxy it finds is one it can keep."""

import contextlib
import os
from pathlib import Path

import msgspec
from msgspec import Struct

from core.machine.private_file import write_private_file
from core.machine.process_identity import read_stat, this_boot

PROTOCOL = 1  # of the hub's route stream and the reports; a hub replaces a proxy that speaks another


class PidFile(Struct, frozen=True):
    """`start_time` and `boot_id` tell this process from a later one with the same number."""

    pid: int
    start_time: int
    boot_id: str
    address: str
    protocol: int


def write(path: str, address: str) -> PidFile:
    """Whole or not at all; nothing for the path ""."""
    pid = os.getpid()
    stat = read_stat(pid)
    assert stat is not None, "whoever asks is there"
    ourselves = PidFile(pid, stat.start, this_boot(), address, PROTOCOL)
    if path:
        write_private_file(path, msgspec.json.encode(ourselves) + b"\n")
    return ourselves


def remove(path: str, ourselves: PidFile) -> None:
    """Unless a next proxy has written its own."""
    with contextlib.suppress(OSError, msgspec.MsgspecError):
        if msgspec.json.decode(Path(path).read_bytes(), type=PidFile) == ourselves:
            os.unlink(path)
