"""A proxy's process, as a hub holds it: started by this hub or found."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import trio

from core.machine.process_identity import Identity, open_process, read_stat, this_namespace
from web.proxy.pid_file import PidFile

END_TIMEOUT = 10.0  # seconds
_STOPPED = "Tt"  # by a signal, by a debugger


class ProxyHandle:
    """`child`: if this hub has started it. `url`: of its health, once it has come up."""

    def __init__(self, pid: int, pidfd: int, child: subprocess.Popen[bytes] | None = None) -> None:
        self.pid = pid
        self.url = ""
        self._up_since = 0.0
        self._pidfd = pidfd
        self._child = child

    def came_up(self, url: str) -> None:
        if not self.url:
            self.url, self._up_since = url, trio.current_time()

    @property
    def seconds_up(self) -> float:
        """0 if it never came up."""
        return trio.current_time() - self._up_since if self.url else 0.0

    async def wait_end(self) -> None:
        await trio.lowlevel.wait_readable(self._pidfd)
        if self._child is not None:
            self._child.wait()  # it has ended: this only takes notice

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    async def end(self) -> None:
        """In good order, where it can: one that is stopped would go on taking connections, and serve none."""
        for number in (signal.SIGKILL,) if self._is_stopped() else (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, number)
            with trio.move_on_after(END_TIMEOUT):
                await self.wait_end()
                break
        self.close()

    def _is_stopped(self) -> bool:
        stat = read_stat(self.pid)
        return stat is not None and stat.state in _STOPPED

    def close(self) -> None:
        os.close(self._pidfd)


def words_of(pid: int) -> list[str]:
    """The command line of a process; empty if it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")[:-1]
    except OSError:
        return []


def arguments_of(pid: int) -> list[str]:
    """From the word `proxy` on; empty if there is none."""
    words = words_of(pid)
    return words[words.index("proxy", 1) :] if "proxy" in words[1:] else []


def callboard_command() -> list[str]:
    """How to run this very Callboard again."""
    beside = Path(sys.executable).with_name("callboard")
    return [str(beside)] if beside.exists() else [sys.executable, "-m", "web.cli"]


def open_proxy(described: PidFile) -> int | None:
    """A pidfd of the process described, None if it is gone or cannot be one."""
    same = Identity(described.boot_id, this_namespace(), described.pid, described.start_time, session=0)
    try:
        return open_process(same)
    except OSError:
        return None


def open_pid(pid: int) -> int | None:
    """A pidfd of whoever has that number now, None if nobody has. What it is must be looked at after this."""
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None
