"""A Slurm of the tests' own, with several nodes on this machine: munged, slurmctld and a slurmd for each node."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

from tests.engines.daemons import Daemon, processes_of
from tests.engines.debian import SYSTEM_PATH, need
from tests.integration.hub import free_ports, wait_for

PACKAGES = ("slurm-wlm", "munge")

_CONFIGURATION = """\
ClusterName=tested
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={directory}/munge.sock
CredType=cred/munge
StateSaveLocation={directory}/state
SlurmdSpoolDir={directory}/spool/%n
SlurmctldPidFile={directory}/slurmctld.pid
SlurmdPidFile={directory}/slurmd-%n.pid
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1,sched_min_interval=0
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/none
AccountingStorageType=accounting_storage/none
ReturnToService=1
SlurmdParameters=config_overrides
SlurmctldTimeout=20
SlurmdTimeout=5
KillWait=5
MinJobAge=300
MessageTimeout=5
TreeWidth=16
{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
PartitionName=short Nodes={first} MaxTime=10 State=UP
"""


class SlurmCluster:
    """Three nodes n1, n2, n3 of two CPUs and 2000 MB each; partitions `main` (all of them) and `short` (n1, 10 min).

    `cpus`: of each node, whatever this machine has; with a gigabyte for each.

    Nobody needs to be root. What is given as `environment` makes sbatch, squeue and the like speak to it.
    A controller that is killed may have forgotten what the last five seconds brought: Slurm saves its state that
    often, and when it is stopped.
    """

    name = "Slurm"

    def __init__(self, *, nodes: int = 3, cpus: int = 2) -> None:
        self._size = f"CPUs={cpus} RealMemory={1000 * cpus}"
        slurmctld = need("slurmctld", *PACKAGES)
        self.directory = Path(tempfile.mkdtemp(prefix="callboard-slurm-"))
        self.directory.chmod(0o755)  # jobs of others read slurm.conf and reach munged
        self.configuration = self.directory / "slurm.conf"
        self.environment = {"SLURM_CONF": str(self.configuration)}
        self._key()
        self.nodes = [f"n{number}" for number in range(1, nodes + 1)]
        self._configure()
        log = self.directory / "log"
        log.mkdir()
        self.munged = Daemon([need("munged", *PACKAGES), *self._munge_options()], log / "munged.log")
        self.controller = Daemon(
            [slurmctld, "-D", "-f", str(self.configuration)], log / "slurmctld.log", self.environment
        )
        self.node = {
            name: Daemon(
                [need("slurmd", *PACKAGES), "-D", "-f", str(self.configuration), "-N", name],
                log / f"slurmd-{name}.log",
                self.environment,
            )
            for name in self.nodes
        }

    def _key(self) -> None:
        key = self.directory / "munge.key"
        key.touch(0o600)
        key.write_bytes(os.urandom(1024))

    def _munge_options(self) -> list[str]:
        at = self.directory
        files = {"key": "munge.key", "pid": "munged.pid", "log": "log/munge.log", "seed": "munge.seed"}
        return [
            *("--foreground", "--force", "--num-threads=4", f"--socket={at}/munge.sock"),
            *(f"--{option}-file={at}/{name}" for option, name in files.items()),
        ]

    def _configure(self) -> None:
        port, *ports = free_ports(1 + len(self.nodes))
        host = socket.gethostname().partition(".")[0]
        lines = []
        for name, own in zip(self.nodes, ports, strict=True):
            (self.directory / "spool" / name).mkdir(parents=True)
            lines.append(f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={own} {self._size}")
        self.configuration.write_text(
            _CONFIGURATION.format(
                host=host,
                port=port,
                user=getpass.getuser(),
                directory=self.directory,
                nodes="\n".join(lines),
                first=self.nodes[0],
            )
        )

    # --- its life; `controller` and `node["n1"]` can be stopped, killed and frozen one by one ---

    def start(self) -> None:
        """Returns when all nodes are idle."""
        self.munged.start()
        self.munged.wait((self.directory / "munge.sock").exists)
        self.controller.start()
        for node in self.node.values():
            node.start()
        wait_for(lambda: set(self.node_states().values()) == {"idle"}, 30)

    def revive(self) -> None:
        """All its daemons run and all its nodes serve, whatever was done to them."""
        for daemon in self._daemons():
            if daemon.running:
                daemon.resume()
            else:
                daemon.start()
        wait_for(lambda: self.node_states(), 30)
        for name, state in self.node_states().items():
            if state.startswith(("down", "drain", "drng")):
                self.set_node(name, "RESUME")
        wait_for(lambda: set(self.node_states().values()) <= {"idle", "mix", "alloc", "comp"}, 60)

    def close(self) -> list[str]:
        """Ends it and removes its directory. What of it could not be ended."""
        with suppress(AssertionError):
            self.revive()
            self.remove_leftovers()
        for daemon in reversed(self._daemons()):
            daemon.stop()
        with suppress(AssertionError):
            wait_for(lambda: not processes_of(self.directory), 15)
        left = [f"process {pid}: {command}" for pid, command in processes_of(self.directory).items()]
        shutil.rmtree(self.directory, ignore_errors=True)
        return left

    def _daemons(self) -> list[Daemon]:
        return [self.munged, self.controller, *self.node.values()]

    # --- what it is asked ---

    def run(self, *command: str, given: str = "") -> str:
        """What `command` prints. Raises CalledProcessError, with what it complained of, if it fails."""
        environment = {**os.environ, "PATH": SYSTEM_PATH, **self.environment}
        done = subprocess.run(
            command, env=environment, input=given, capture_output=True, text=True, timeout=60, check=False
        )
        if done.returncode:
            raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
        return done.stdout.strip()

    def node_states(self) -> dict[str, str]:
        """As sinfo calls them, without its marks: idle, mix, alloc, comp, drain, down, ... Empty: nobody answered."""
        try:
            lines = self.run("sinfo", "-h", "-N", "-o", "%N %t").splitlines()
        except subprocess.CalledProcessError:
            return {}
        return {name: state.rstrip("*~#!%$@+^-") for name, state in map(str.split, lines)}

    def set_node(self, name: str, state: str) -> None:
        """`state`: DOWN, DRAIN or RESUME."""
        self.run("scontrol", "update", f"NodeName={name}", f"State={state}", "Reason=test")

    def jobs(self) -> dict[str, str]:
        """Names, by number, of the jobs that have not ended."""
        lines = self.run("squeue", "-h", "-o", "%i %j").splitlines()
        return dict(line.split(" ", 1) for line in lines)

    # --- what is left ---

    def leftovers(self) -> list[str]:
        return [f"job {number} ({name})" for number, name in self.jobs().items()]

    def remove_leftovers(self) -> None:
        for number in self.jobs():
            with suppress(subprocess.CalledProcessError):  # it ends just now
                self.run("scancel", "--full", "--signal=KILL", number)
                self.run("scancel", number)
        wait_for(lambda: not self.jobs(), 30)
