"""An environment of its own with Callboard in it, and hubs that are run there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.integration.hub import READY, wait_for


class Installed:
    """A virtual environment, made by the commands of docs/installing.md, with pip looking into `wheelhouse` alone."""

    def __init__(self, prefix: Path, wheelhouse: Path, requirement: str) -> None:
        self.bin = prefix / "bin"
        self._pip_environment = {
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(wheelhouse),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_NO_COMPILE": "1",
        }
        done = self._run(sys.executable, "-m", "venv", str(prefix), cwd=wheelhouse)
        assert done.returncode == 0, done.stdout + done.stderr
        done = self.pip("install", "-q", requirement)
        assert done.returncode == 0, done.stdout + done.stderr

    def pip(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self._run(str(self.bin / "pip"), *words, cwd=self.bin)

    def python(self, *words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        return self._run(str(self.bin / "python"), *words, cwd=cwd)

    def callboard(self, *words: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
        """One that ends by itself."""
        return self._run(str(self.bin / "callboard"), *words, cwd=cwd, **environment)

    @contextmanager
    def hub(self, *words: str, cwd: Path) -> Iterator[subprocess.Popen[bytes]]:
        """One that serves; ended in order afterwards. What it says is in `hub.log`."""
        log = cwd.with_suffix(".log")
        with log.open("wb") as out:
            process = subprocess.Popen(
                [str(self.bin / "callboard"), *words],
                cwd=cwd,
                env=self._environment(),
                stdout=out,
                stderr=out,
            )
        try:
            wait_for(lambda: READY in log.read_text() or process.poll() is not None, 60)
            assert READY in log.read_text(), log.read_text()
            yield process
        finally:
            process.terminate()
            assert process.wait(20) == 0, log.read_text()

    def _environment(self) -> dict[str, str]:
        """Nothing of the tests' own environment but what a shell of the machine has."""
        return {
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "HOME": os.environ.get("HOME", "/"),
            "LANG": "C.UTF-8",
        }

    def _run(self, *command: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
        env = self._environment() | self._pip_environment | environment
        return subprocess.run(
            command, cwd=cwd, env=env, capture_output=True, text=True, timeout=120, check=False
        )
