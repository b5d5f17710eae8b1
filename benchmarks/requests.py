"""What a request costs the hub's CPU, over a socket, beside what nothing written in Python could cost less than.

python -m benchmarks.requests            figures, and ratios to the last recorded run of this machine
python -m benchmarks.requests --record   the same, and these are the recorded ones from now on

A run of another machine, another Python or another number of cores is not compared.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryFile

from benchmarks.a_hub import Asker, Process, a_bare_server, a_hub
from benchmarks.recorded import compared, record

USERS = 100
ROUNDS = 5
TIMES = 400  # requests in a round
FSYNCS = 50


def main(arguments: list[str]) -> int:
    figures = {**of_the_hub(), **limits()}
    for line in compared(figures):
        print(line)
    if "--record" in arguments:
        record(figures)
    return 0


def of_the_hub() -> dict[str, float]:
    """Microseconds of its CPU."""
    with a_hub() as hub:
        admin = Asker(hub.port)
        for number in range(USERS):
            admin.ask("POST", f"/hub/api/users/u{number}")
        token = json.loads(admin.ask("POST", "/hub/api/users/u1/tokens", b"{}"))["token"]
        own = Asker(hub.port, token)
        return {
            "GET /": cost(hub, lambda _: admin.ask("GET", "/hub/api/")),
            "GET /user": cost(hub, lambda _: own.ask("GET", "/hub/api/user")),
            "GET /users/:name": cost(hub, lambda n: admin.ask("GET", f"/hub/api/users/u{n % USERS}")),
            "50 users": cost(
                hub, lambda n: admin.ask("GET", f"/hub/api/users?limit=50&offset={n % 50}"), 100
            ),
            "POST /users/:name": cost(hub, lambda n: admin.ask("POST", f"/hub/api/users/new{n}"), 50),
            "DELETE /users/:name": cost(hub, lambda n: admin.ask("DELETE", f"/hub/api/users/new{n}"), 50),
        }


def limits() -> dict[str, float]:
    """What is left when nothing is decided: of the CPU, and of the clock where disk or kernel is asked."""
    with a_bare_server() as server:
        asker = Asker(server.port)
        bare = cost(server, lambda _: asker.ask("GET", "/hub/api/"))
    return {
        "limit: a request read, a reply sent": bare,
        "limit: a process begun and ended": median_time(_process, 20),
        "limit: one fsync": median_time(_fsync, 1),
    }


def cost(process: Process, ask: Callable[[int], object], times: int = TIMES) -> float:
    """The median of some rounds; the first one is for warming up."""
    taken = []
    for number in range(ROUNDS + 1):
        before = process.cpu()
        for index in range(times):
            ask(number * times + index)
        taken.append((process.cpu() - before) / times * 1e6)
    return statistics.median(taken[1:])


def median_time(do: Callable[[], float], times: int) -> float:
    return statistics.median(do() for _ in range(times))


def _process() -> float:
    began = time.perf_counter()
    subprocess.run(["true"], check=True)
    return (time.perf_counter() - began) * 1e6


def _fsync() -> float:
    with TemporaryFile(dir=Path.cwd()) as file:
        return statistics.median(_one_fsync(file.fileno()) for _ in range(FSYNCS))


def _one_fsync(file: int) -> float:
    os.write(file, b"x" * 4096)
    began = time.perf_counter()
    os.fsync(file)
    return (time.perf_counter() - began) * 1e6


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
