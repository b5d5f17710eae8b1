"""Which process is meant: a pid alone is not enough, for pids are used again."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from msgspec import Struct


class Identity(Struct, frozen=True):
    """A process for all time: no other one was started with this pid at this tick of this boot.

    `start`: clock ticks since boot. `namespace`: the pid namespace that the pid belongs to.
    """

    boot: str
    namespace: str
    pid: int
    start: int
    session: int


class Stat(Struct, frozen=True):
    """What /proc/PID/stat tells of interest."""

    pid: int
    state: str
    session: int
    start: int

    @property
    def has_ended(self) -> bool:
        return self.state in "ZXx"  # a zombie waits for its parent, it does not run


@cache
def this_boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


@cache
def this_namespace() -> str:
    return os.readlink("/proc/self/ns/pid")


def parse_stat(line: str) -> Stat:
    """Raises ValueError for what is not a whole line of /proc/PID/stat."""
    before, opened, rest = line.partition(" (")
    after = rest.rpartition(") ")[2].split()  # the name in between may itself hold blanks and brackets
    if not opened or len(after) < 20:
        raise ValueError(f"not a line of /proc/PID/stat: {line!r}")
    return Stat(int(before), after[0], int(after[3]), int(after[19]))


def read_stat(pid: int) -> Stat | None:
    """None if there is no such process."""
    try:
        descriptor = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
        try:
            line = os.read(descriptor, 4096)
        finally:
            os.close(descriptor)
    except (FileNotFoundError, ProcessLookupError):
        return None
    return parse_stat(line.decode("utf-8", "replace"))


def identify(stat: Stat) -> Identity:
    return Identity(this_boot(), this_namespace(), stat.pid, stat.start, stat.session)


def as_line(identity: Identity) -> str:
    """What `parse_identity` reads, of a process that has not written it itself."""
    between = "0 " * 15
    stat = f"{identity.pid} (taken-in) S 0 0 {identity.session} {between}{identity.start} 0"
    return f"{identity.boot} {identity.namespace} {stat}\n"


def began(identity: Identity) -> datetime:
    """When it was started, by the clock of now."""
    boot = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    return datetime.fromtimestamp(boot + identity.start / os.sysconf("SC_CLK_TCK"), UTC)


def parse_identity(line: str) -> Identity:
    """A boot id, a pid namespace and a line of /proc/PID/stat. Raises ValueError for anything else."""
    boot, namespace, stat = line.split(" ", 2)
    found = parse_stat(stat)
    return Identity(boot, namespace, found.pid, found.start, found.session)


def is_alive(identity: Identity) -> bool:
    """Zombies are not. Raises OSError where the kernel cannot be asked."""
    if identity.boot != this_boot() or identity.namespace != this_namespace():
        return False
    stat = read_stat(identity.pid)
    return stat is not None and stat.start == identity.start and not stat.has_ended


def open_process(identity: Identity) -> int | None:
    """A pidfd (the caller closes it) of exactly this process, None if it has ended.

    Opened first and compared afterwards: so the pid cannot change hands in between.
    """
    try:
        pidfd = os.pidfd_open(identity.pid)
    except ProcessLookupError:
        return None
    try:
        if is_alive(identity):
            return pidfd
    except BaseException:
        os.close(pidfd)
        raise
    os.close(pidfd)
    return None
