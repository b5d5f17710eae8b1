"""A real hub in a process of its own, what it has used of the CPU, and a connection that asks it things."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).parent
TOKEN = "a" * 32
START = 30.0  # seconds


class Process:
    """`port`: where it listens."""

    def __init__(self, pid: int, port: int) -> None:
        self._pid = pid
        self.port = port

    def cpu(self) -> float:
        """Seconds that all its threads have used, from the kernel's own account."""
        tasks = Path(f"/proc/{self._pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


class Asker:
    """One connection that is kept; a request at a time."""

    def __init__(self, port: int, token: str = TOKEN) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._end = f" HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: token {token}\r\n".encode()

    def ask(self, method: str, path: str, body: bytes = b"") -> bytes:
        """The body of the answer, which has to be a good one."""
        length = b"Content-Length: %d\r\n\r\n" % len(body)
        self._socket.sendall(f"{method} {path}".encode() + self._end + length + body)
        head, _, rest = self._socket.recv(65536).partition(b"\r\n\r\n")
        assert head[9:10] == b"2", head
        _, found, after = head.lower().partition(b"content-length: ")
        wanted = int(after.split(b"\r\n")[0]) if found else 0
        while len(rest) < wanted:
            rest += self._socket.recv(65536)
        return rest


@contextmanager
def a_hub(*command: str) -> Iterator[Process]:
    """As `make hub` would run it, with the configuration of hubbench. `command`: instead of the hub's own."""
    public, port = _free_port(), _free_port()
    environment = {
        **os.environ,
        "HB_PUBLIC_PORT": str(public),
        "HB_HUB_PORT": str(port),
        "HB_ADMIN": "admin",
        "HB_TOKEN": TOKEN,
        "HB_SPAWNER": "noop",
        "HB_SHARED_URL": "http://127.0.0.1:1",
        "PYTHONPATH": str(HERE.parent),
    }
    callboard = command or (str(Path(sys.executable).parent / "callboard"),)
    with _running([*callboard, "-f", str(HERE / "hubbench_config.py")], port, environment) as process:
        yield process


@contextmanager
def a_bare_server() -> Iterator[Process]:
    """The hub's engine alone: it reads requests, checks them, and sends the same reply to each."""
    port = _free_port()
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    with _running([sys.executable, "-m", "benchmarks.bare_server", str(port)], port, environment) as process:
        yield process


@contextmanager
def _running(command: Sequence[str], port: int, environment: dict[str, str]) -> Iterator[Process]:
    with TemporaryDirectory() as folder, Path(folder, "hub.log").open("wb") as log:
        running = subprocess.Popen(command, cwd=folder, env=environment, stderr=log, stdout=log)
        try:
            _wait_for(port)
            time.sleep(1)  # for what it does after it has begun to serve
            yield Process(running.pid, port)
        finally:
            running.terminate()
            running.wait(START)


def _wait_for(port: int) -> None:
    until = time.monotonic() + START
    while not _listens(port):
        assert time.monotonic() < until, "it does not listen"
        time.sleep(0.05)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return False
    return True


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
