"""Podman's service of the tests' own: its storage, socket and configuration beside nobody else's.

Containers share the machine's network: bridges of Podman's need the firewall, which no test touches.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

from tests.engines.container_engine import PYTHON_IMAGE, ContainerEngine
from tests.engines.daemons import Daemon, processes_of
from tests.engines.debian import need, need_root
from tests.engines.images import python_image

# Limits as low as anybody may set them: by default it asks for more than root has in a container.
_CONFIGURATION = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
oom_score_adj = 0
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
"""


class PodmanEngine(ContainerEngine):
    """Its containers run without it: a service that ends leaves them alone."""

    name = "Podman"
    gateway = "127.0.0.1"

    def __init__(self) -> None:
        need_root("Podman")
        self.directory = Path(tempfile.mkdtemp(prefix="callboard-podman-"))
        super().__init__(self.directory / "podman.sock")
        configuration = self.directory / "containers.conf"
        configuration.write_text(_CONFIGURATION)
        self._environment = {"CONTAINERS_CONF": str(configuration)}
        self._podman = [
            need("podman", "podman"),
            *("--root", str(self.directory / "root"), "--runroot", str(self.directory / "run")),
        ]
        self.daemon = Daemon(
            [*self._podman, "system", "service", "--time=0", self.host],
            self.directory / "podman.log",
            self._environment,
        )

    def start(self) -> None:
        self.daemon.start()
        self.daemon.wait(lambda: self.request("GET", "/_ping").is_success)
        if not self._images:
            self.import_image(PYTHON_IMAGE, python_image())
            self._images, self._networks = set(self.images()), set(self.networks())

    def import_image(self, name: str, archive: bytes) -> None:
        """By its command line: its service would leave out the tag."""
        command = [*self._podman, "import", "--quiet", "-", name]
        subprocess.run(
            command, input=archive, env={**os.environ, **self._environment}, capture_output=True, check=True
        )

    def kill(self) -> None:
        self.daemon.kill()
        self.socket.unlink()

    def revive(self) -> None:
        if not self.daemon.running:
            self.start()

    def close(self) -> list[str]:
        """Ends it and removes its directory. What of it could not be ended."""
        if self._images:
            with suppress(AssertionError):
                self.revive()
                self.remove_leftovers()
        self.daemon.stop()
        subprocess.run(
            [*self._podman, "system", "reset", "--force"],
            env={**os.environ, **self._environment},
            capture_output=True,
            check=False,
        )
        left = [f"process {pid}: {command}" for pid, command in processes_of(self.directory).items()]
        shutil.rmtree(self.directory, ignore_errors=True)
        return [*left, *([str(self.directory)] if self.directory.exists() else [])]
