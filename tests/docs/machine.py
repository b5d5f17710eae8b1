"""A machine of its own for the commands of a page: namespaces in which ports, accounts and folders are as they say.

Port 8000 is free there, `useradd alice` leaves the real machine alone, and what still runs at the end goes with it.
"""

from __future__ import annotations

import queue
import secrets
import subprocess
import sys
import threading
import time
from pathlib import Path

from tests.docs.blocks import ROOT
from tests.docs.console import Command
from tests.engines.debian import need, need_root
from tests.integration.hub import READY

SCRIPT = Path(__file__).with_name("machine.sh")
ENDS_WITHIN = 120.0  # seconds: any command
SERVES_WITHIN = 60.0
SYSTEM = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Machine:
    """A shell in it, at /srv/hub. `opt`: what is at /opt/callboard; `wheelhouse`: where pip looks."""

    def __init__(self, work: Path, *, opt: Path, wheelhouse: Path) -> None:
        need_root("a machine of its own for the commands of a page")
        need("ip", "iproute2")
        work.mkdir()
        opt.mkdir(exist_ok=True)
        python = Path(sys.base_prefix).resolve()
        self.work = work
        self._hubs = 0
        self._shell = subprocess.Popen(
            [
                "unshare",
                "--mount",
                "--net",
                "--uts",
                "--pid",
                "--fork",
                "--kill-child",
                "--mount-proc",
                "bash",
                SCRIPT,
            ],
            env={
                "PATH": SYSTEM,
                "WORK": str(work),
                "OPT": str(opt),
                "PYTHON": str(python),
                "WHEELHOUSE": str(wheelhouse),
                "CHECKOUT": str(ROOT),
                "SHELL_PATH": f"/opt/callboard/bin:{python}/bin:{SYSTEM}",
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._lines: queue.Queue[bytes | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def close(self) -> None:
        self._shell.kill()
        self._shell.wait(10)
        for pipe in (self._shell.stdin, self._shell.stdout):
            assert pipe is not None
            pipe.close()

    def run(self, words: str) -> tuple[int, str]:
        """A command that ends by itself: its exit code, and what it prints."""
        mark = secrets.token_hex(8)
        self._send(f"{{ {words}\n}} 2>&1 </dev/null; status=$?; echo; echo {mark} $status\n")
        printed = b""
        deadline = time.monotonic() + ENDS_WITHIN
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"does not end: {words}\n{printed.decode()}") from None
            assert line is not None, f"the shell has ended: {words}\n{printed.decode()}"
            if line.startswith(mark.encode()):
                return int(line.split()[1]), printed.decode().strip("\n")
            printed += line

    def serve(self, words: str) -> str:
        """A hub, in place of the one before. What it has printed until it serves."""
        self.stop_hub()
        self._hubs += 1
        log = self.work / f"hub{self._hubs}.log"
        log.touch()
        self.run(f"{words} >> {log} 2>&1 &\nhub=$!")
        self.wait_for(log, READY, SERVES_WITHIN)
        return log.read_text()

    def stop_hub(self) -> None:
        """The one that runs, if one does, in order."""
        status, _ = self.run("[ -z ${hub-} ] || { kill $hub; wait $hub; }; unset hub")
        assert status == 0

    def wait_for_end(self) -> None:
        """Of the hub that runs, which has been told to end."""
        self.run("[ -z ${hub-} ] || wait $hub; unset hub")

    def interrupt(self, command: Command, within: float = 20.0) -> str:
        """A command that goes on: what it has printed when all that is shown is there."""
        log = self.work / "goes_on.log"
        log.write_bytes(b"")
        self.run(
            f"exec_in_background() {{ exec {command.words}\n}}; exec_in_background >> {log} 2>&1 </dev/null &\nbusy=$!"
        )
        deadline = time.monotonic() + within
        while (
            not (log.read_text().strip() and command.agrees(log.read_text())) and time.monotonic() < deadline
        ):
            time.sleep(0.05)
        assert self.run("kill -INT $busy")[0] == 0, f"has ended by itself: {command.words}\n{log.read_text()}"
        return log.read_text()

    def wait_for(self, log: Path, words: str, within: float) -> None:
        deadline = time.monotonic() + within
        while words not in log.read_text():
            assert self.run("kill -0 $hub")[0] == 0, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)

    def _send(self, text: str) -> None:
        assert self._shell.stdin is not None
        self._shell.stdin.write(text.encode())
        self._shell.stdin.flush()

    def _read(self) -> None:
        assert self._shell.stdout is not None
        for line in self._shell.stdout:
            self._lines.put(line)
        self._lines.put(None)
