"""Processes that make up an engine: started, stopped, killed and frozen one by one, by the handle kept of each."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


class Daemon:
    """One program in the foreground; its output goes to `log`."""

    def __init__(self, command: list[str], log: Path, environment: dict[str, str] | None = None) -> None:
        self.command = command
        self.log = log
        self._environment = environment or {}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self.command[0]} was never started"
        return self._process.pid

    def start(self) -> None:
        assert not self.running, f"{self.command[0]} runs already"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                env={**os.environ, **self._environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def stop(self, timeout: float = 30.0) -> None:
        """SIGTERM, also to one that is frozen."""
        if self._process is not None and self.running:
            self._process.terminate()
            self.resume()
            self._process.wait(timeout)

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)

    def freeze(self) -> None:
        """SIGSTOP: it keeps its sockets and answers nobody."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def wait(self, ready: Callable[[], object], timeout: float = 30.0) -> None:
        """Return once `ready()` is true; it may raise OSError until then."""
        deadline = time.monotonic() + timeout
        while True:
            with suppress(OSError):
                if ready():
                    return
            said = self.log.read_text(errors="replace")[-2000:]
            assert self.running, f"{self.command[0]} has ended:\n{said}"
            assert time.monotonic() < deadline, f"{self.command[0]} does not answer:\n{said}"
            time.sleep(0.05)


def processes_of(directory: Path) -> dict[int, str]:
    """Command lines, by pid, of what lives and names this directory in its arguments or its environment."""
    found = {}
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        with suppress(OSError):
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZXx":
                continue
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            if str(directory).encode() in command + Path(f"/proc/{pid}/environ").read_bytes():
                found[int(pid)] = command.replace(b"\0", b" ").decode(errors="replace").strip()
    found.pop(os.getpid(), None)
    return found
