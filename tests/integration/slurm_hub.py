"""A real hub whose servers are jobs of a real cluster."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from spawners.slurm.script import job_name
from tests.engines.slurm import SlurmCluster
from tests.integration.hub import PAGE_SERVER, RealHub, wait_for

COUNTING = """\
#!/bin/bash
date +%s.%N >>{log}
exec /usr/bin/squeue "$@"
"""


class SlurmHub(RealHub):
    """Jobs belong to the hub's own account, unless `slurm_lines` of the configuration say otherwise."""

    def __init__(
        self, directory: Path, cluster: SlurmCluster, *slurm_lines: str, cmd: list[str] = PAGE_SERVER
    ) -> None:
        self.cluster = cluster
        directory.chmod(0o755)
        lines = [
            "c.JupyterHub.spawner_class = 'callboard-slurm'",
            "c.SlurmSpawner.submit_as = 'hub'",
            f"c.SlurmSpawner.node_python = {sys.executable!r}",
            "c.SlurmSpawner.req_memory = '50M'",
            f"c.SlurmSpawner.req_homedir = '{directory}/homes/{{username}}'",
            f"c.SlurmSpawner.output_file = '{directory}/{{spawn_id}}.log'",
            "c.SlurmSpawner.watch_interval = 1",
            "c.SlurmSpawner.command_timeout = 10",
            "c.Spawner.poll_interval = 5",
            "c.JupyterHub.tornado_settings = {'slow_spawn_timeout': 0, 'slow_stop_timeout': 0}",
            *slurm_lines,
        ]
        self.slurm_config = "\n".join(lines)
        super().__init__(directory, config=self.slurm_config, cmd=cmd)

    def start(self, *, fault: str = "", wait: bool = True, environment: dict[str, str] | None = None) -> None:
        super().start(fault=fault, wait=wait, environment={**self.cluster.environment, **(environment or {})})

    # --- what the cluster says ---

    def job_numbers(self, spawn_id: str, states: str = "all") -> list[int]:
        """Of the jobs of an attempt that Slurm remembers, in these states."""
        listed = self.cluster.run(
            "squeue", "-h", f"--name={job_name('callboard', spawn_id)}", f"--states={states}", "-o", "%i"
        )
        return sorted(map(int, listed.split()))

    def live_jobs(self) -> list[str]:
        """The names of all that wait or run."""
        return sorted(self.cluster.jobs().values())

    def wait_no_jobs(self, timeout: float = 30.0) -> None:
        wait_for(lambda: not self.cluster.jobs(), timeout)

    # --- what the hub says ---

    def spawn_id(self, user: str, server: str = "") -> str:
        """Of the last start."""
        asked = [event for event in self.events(user, server) if event.type == "server.spawn-requested"]
        return str(asked[-1].payload["spawn_id"])

    def told(self, user: str, server: str = "") -> list[str]:
        """The messages on the way."""
        return [
            str(event.payload["message"])
            for event in self.events(user, server)
            if event.type == "server.spawn-progressed"
        ]

    def wait_told(self, user: str, words: str, timeout: float = 20.0) -> None:
        wait_for(lambda: any(words in message for message in self.told(user)), timeout)

    def port_of(self, user: str) -> int:
        (record,) = self.directory.glob(f"callboard.sqlite-servers*/**/{self.spawn_id(user)}/port")
        port: int = json.loads(record.read_bytes())
        return port


class CountedSqueue:
    """A directory for the front of PATH, in which each call of squeue is noted down before it is made."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self._log = directory / "calls"
        self._log.touch()
        program = directory / "squeue"
        program.write_text(COUNTING.format(log=self._log))
        program.chmod(0o755)
        self.path = str(directory)

    def calls_and_seconds(self) -> tuple[int, float]:
        """How many there were, and how long it took from the first to the last."""
        moments = [float(line) for line in self._log.read_text().split()]
        return len(moments), moments[-1] - moments[0]


def at_least(seconds: float, began: float) -> None:
    """Wait until so many seconds have passed since."""
    time.sleep(max(0.0, began + seconds - time.monotonic()))
