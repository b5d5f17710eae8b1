"""What starting a hub costs after a week and after years: it should be the same.

The real command is started on the log of 1,000 users with 10,000 events and on that of 100,000 users with 1,000,000,
in turns. Prints the medians of the hub's CPU time and of the clock until `GET /hub/api/` answers, of the CPU time
once what a start leaves to do is done, and of the memory then; and the ratios.

    python -m benchmarks.start_up [--rounds 5] [--keep DIR]     DIR: where the logs are made, or were
"""

from __future__ import annotations

import argparse
import http.client
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import NamedTuple

import trio

from benchmarks.campus import make

SIZES = {"few": (1_000, 10_000), "many": (100_000, 1_000_000)}  # users and events
MOST = 1.5  # of the ratios
SETTLED = 2.0  # seconds after the first answer
TIMEOUT = 120.0
TICK = 1 / os.sysconf("SC_CLK_TCK")
CONFIG = """
c.JupyterHub.bind_url = "http://127.0.0.1:{public}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub}"
c.Proxy.should_start = False
c.JupyterHub.db_url = "sqlite:///{log}"
c.JupyterHub.cookie_secret_file = "{log}.secret"
c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.spawner_class = "simulated"
c.Authenticator.allow_all = True
c.Authenticator.admin_users = {{"user-000000"}}
c.JupyterHub.load_groups = {{"team-000000": {{"users": ["user-000001"]}}}}
"""


class Start(NamedTuple):
    """`cpu`, `clock`: seconds until the first answer. `later`: CPU seconds once it has settled. `memory`: in MiB."""

    cpu: float
    clock: float
    later: float
    memory: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--keep", type=Path)
    asked = parser.parse_args()
    with ExitStack() as stack:
        folder = asked.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        logs = {size: prepared(folder / f"{size}.sqlite", *SIZES[size]) for size in SIZES}
        for log in logs.values():
            measured(log)  # the first start after the log was made adds what the configuration says
        taken: dict[str, list[Start]] = {size: [] for size in SIZES}
        for _ in range(asked.rounds):
            for size, log in logs.items():
                taken[size].append(measured(log))
    return report(taken)


def prepared(log: Path, users: int, events: int) -> Path:
    if not log.exists():
        trio.run(make, str(log), users, events)
    return log


def measured(log: Path) -> Start:
    public, hub = free_ports()
    config = log.with_suffix(".py")
    config.write_text(CONFIG.format(log=log.absolute(), public=public, hub=hub))
    command = [str(Path(sys.executable).with_name("callboard")), "-f", str(config)]
    environment = {
        **os.environ,
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONPYCACHEPREFIX": str(log.parent / "bytecode"),
    }
    began = time.perf_counter()
    with subprocess.Popen(command, cwd=log.parent, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            wait_answer(hub, process)
            clock = time.perf_counter() - began
            cpu = cpu_of(process.pid)
            time.sleep(SETTLED)
            return Start(cpu, clock, cpu_of(process.pid), memory_of(process.pid))
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        for each in (one, other):
            each.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


def wait_answer(port: int, process: subprocess.Popen[bytes]) -> None:
    """Return once `GET /hub/api/` answers. Raises RuntimeError if the hub ends, or takes too long."""
    end = time.monotonic() + TIMEOUT
    while process.poll() is None and time.monotonic() < end:
        with suppress(OSError), closing(http.client.HTTPConnection("127.0.0.1", port)) as connection:
            connection.request("GET", "/hub/api/")
            if connection.getresponse().status == 200:
                return
        time.sleep(0.005)
    raise RuntimeError("the hub did not start")


def cpu_of(pid: int) -> float:
    """Seconds of CPU a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK


def memory_of(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def report(taken: dict[str, list[Start]]) -> int:
    few, many = (Start(*map(statistics.median, zip(*starts, strict=True))) for starts in taken.values())
    (users, events), (more_users, more_events) = SIZES.values()
    print(f"{'':24} {users:,} users, {events:,} events; {more_users:,} users, {more_events:,} events")
    for name, unit in (("cpu", "s"), ("clock", "s"), ("later", "s"), ("memory", "MiB")):
        one, other = getattr(few, name), getattr(many, name)
        print(f"{name:12} {one:8.2f} {unit} and {other:8.2f} {unit}: x {other / one:.2f}")
    kept = max(many.cpu / few.cpu, many.later / few.later) <= MOST
    print(f"budget: x {MOST} of CPU time, {'kept' if kept else 'EXCEEDED'}")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
