"""A real hub: started by its command in a directory of its own, killed, started again, and looked into.

Everything it starts carries a mark in its environment, so that a test can find what is left of it, and so that
nothing of it outlives the test. Only processes with that mark are ever ended.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import requests

import projections
from core.events.file.verify import verify
from projections.rebuild import drift

BIN = Path(sys.executable).parent
CALLBOARD = str(BIN / "callboard")
PAGE_SERVER = [sys.executable, "-S", "-E", str(Path(__file__).with_name("page_server.py"))]

ADMIN_TOKEN = "canary-admin-4e1f0c92d7"  # of the administrator `admin`
READY = "Callboard is running at"
START_TIMEOUT = 60.0
_MARK = (
    "CALLBOARD_TEST_HUB"  # of the hub and its proxy; servers carry another, for they get none of the hub's
)
SERVER_MARK = "CALLBOARD_TEST_SERVER_OF"

T = TypeVar("T")


class Event(NamedTuple):
    position: int
    stream: str
    type: str
    at: str
    principal: str
    payload: dict[str, Any]


class Process(NamedTuple):
    """`start`: in ticks since boot, which tells it from a later process of the same number."""

    pid: int
    start: int
    command: list[str]
    environment: dict[str, str]

    @property
    def spawn_id(self) -> str:
        return self.environment.get("CALLBOARD_SPAWN_ID", "")

    @property
    def prefix(self) -> str:
        return self.environment.get("JUPYTERHUB_SERVICE_PREFIX", "")

    @property
    def is_launcher(self) -> bool:
        return len(self.command) > 1 and self.command[1].endswith("launch.sh")


class Lines:
    """The lines of a reply, as they come. A connection that is cut raises; a proper end does not."""

    def __init__(self, reply: http.client.HTTPResponse, sock: socket.socket) -> None:
        self.status = reply.status
        self._reply = reply
        self._socket = sock

    def __iter__(self) -> Iterator[str]:
        while line := self._reply.readline():
            yield line.decode().rstrip("\n")

    def events(self) -> Iterator[dict[str, Any]]:
        """The data of server-sent events."""
        return (json.loads(line[5:]) for line in self if line.startswith("data:"))

    def hang_up(self) -> None:
        """Also from another thread."""
        self._socket.shutdown(socket.SHUT_RDWR)


class DidNotStart(Exception):
    """The hub ended before it served. `status`: its exit status."""

    def __init__(self, status: int, log: str) -> None:
        super().__init__(f"the hub ended with status {status}:\n{log}")
        self.status = status


class RealHub:
    """`config`: lines to add to its configuration file; `cmd`: what a server is.

    `programs`: where its own are; `environment`: what each start of it finds in its environment, too.
    """

    def __init__(
        self,
        directory: Path,
        *,
        config: str = "",
        cmd: list[str] = PAGE_SERVER,
        programs: Path = BIN,
        environment: dict[str, str] | None = None,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.port, self.hub_port = free_ports(2)
        self.url = f"http://127.0.0.1:{self.port}"
        self.hub_url = f"http://127.0.0.1:{self.hub_port}"
        self.log_file = directory / "hub.log"
        self.database = directory / "callboard.sqlite"
        self.process: subprocess.Popen[bytes] | None = None
        self._cmd = cmd
        self.configure(config)
        self._programs = programs
        self._environment = environment or {}
        self.command = [str(programs / "callboard"), "-f", str(self.config_file)]

    def configure(self, config: str) -> None:
        """Write the configuration file anew; the next start reads it."""
        self.config_file = self.directory / "hub_config.py"
        self.config_file.write_text(
            f"""c = get_config()
c.JupyterHub.bind_url = "{self.url}"
c.JupyterHub.hub_port = {self.hub_port}
c.JupyterHub.spawner_class = "simple"
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.Authenticator.admin_users = {{"admin"}}
c.JupyterHub.api_tokens = {{"{ADMIN_TOKEN}": "admin"}}
c.JupyterHub.allow_named_servers = True
c.Callboard.stray_grace = 0
c.SimpleLocalProcessSpawner.home_dir_template = "{self.directory}/homes/{{username}}"
c.Spawner.environment = {{"{SERVER_MARK}": "{self.directory}"}}
c.Spawner.cmd = {self._cmd!r}
{config}
"""
        )

    # --- its life ---

    def start(self, *, fault: str = "", wait: bool = True, environment: dict[str, str] | None = None) -> None:
        """Start it and wait until it says that it serves. `fault`: where it shall die. Raises DidNotStart."""
        assert self.process is None or self.process.poll() is not None, "it runs already"
        begin = self.log_file.stat().st_size if self.log_file.exists() else 0
        own = {key: value for key, value in os.environ.items() if not key.startswith("CALLBOARD_")}
        own |= {
            _MARK: str(self.directory),
            "PATH": f"{self._programs}:{os.environ['PATH']}",
            **self._environment,
            **(environment or {}),
        }
        if fault:
            own["CALLBOARD_FAULT"] = fault
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.directory,
                env=own,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        if wait:
            self._wait_ready(begin)

    def _wait_ready(self, begin: int) -> None:
        assert self.process is not None
        deadline = time.monotonic() + START_TIMEOUT
        while READY not in (said := self.log(begin)):
            status = self.process.poll()
            if status is not None:
                raise DidNotStart(status, self.log(begin))
            assert time.monotonic() < deadline, f"the hub did not start:\n{said}"
            time.sleep(0.01)

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def terminate(self, timeout: float = 20.0) -> int:
        """SIGTERM; the exit status."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(timeout)

    def wait_end(self, timeout: float = 20.0) -> int:
        assert self.process is not None
        return self.process.wait(timeout)

    def restart(self) -> None:
        self.kill()
        self.start()

    def run_another(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another `callboard` in the same directory, which is expected to end by itself."""
        own = {key: value for key, value in os.environ.items() if not key.startswith("CALLBOARD_")}
        return subprocess.run(
            [str(self._programs / "callboard"), *arguments],
            cwd=self.directory,
            env={**own, _MARK: str(self.directory), **self._environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )

    def close(self) -> None:
        """Nothing of it outlives the test."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)
        deadline = time.monotonic() + 10
        while left := self.processes():
            for process in left:
                _kill(process)
            assert time.monotonic() < deadline, f"does not end: {left}"
            time.sleep(0.01)

    # --- talking to it ---

    def request(
        self, method: str, path: str, *, token: str | None = ADMIN_TOKEN, direct: bool = False, **options: Any
    ) -> requests.Response:
        """`direct`: to the hub's own port, not through the proxy."""
        headers = dict(options.pop("headers", {}))
        if token is not None:
            headers.setdefault("Authorization", f"token {token}")
        url = f"{self.hub_url if direct else self.url}{path}"
        options.setdefault("timeout", 30)
        options.setdefault("allow_redirects", False)
        return requests.request(method, url, headers=headers, **options)

    @contextlib.contextmanager
    def stream(
        self, path: str, *, direct: bool = False, headers: dict[str, str] | None = None
    ) -> Iterator[Lines]:
        """A reply that comes bit by bit, read on a connection of its own."""
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.hub_port if direct else self.port, timeout=30
        )
        try:
            connection.request(
                "GET", path, headers={"Authorization": f"token {ADMIN_TOKEN}", **(headers or {})}
            )
            assert connection.sock is not None
            yield Lines(connection.getresponse(), connection.sock)
        finally:
            connection.close()

    def api(self, method: str, path: str, **options: Any) -> requests.Response:
        return self.request(method, f"/hub/api{path}", **options)

    def add_user(self, name: str) -> None:
        assert self.api("POST", f"/users/{name}").status_code in (201, 409)

    def begin(self, user: str, server: str = "", **options: Any) -> requests.Response:
        """Ask for a start."""
        return self.api("POST", f"/users/{user}/servers/{server}", **options)

    def begin_unheard(self, method: str, path: str) -> None:
        """Send a request of which the answer is of no interest: the hub is expected to die over it."""
        with contextlib.suppress(requests.RequestException):
            self.api(method, path)

    def end(self, user: str, server: str = "", **options: Any) -> requests.Response:
        return self.api("DELETE", f"/users/{user}/servers/{server}", **options)

    def server(self, user: str, server: str = "") -> dict[str, Any]:
        """The model, whether it runs or not."""
        answer = self.api("GET", f"/users/{user}/servers/{server}")
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def user(self, name: str) -> dict[str, Any]:
        answer = self.api("GET", f"/users/{name}")
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def wait_ready(self, user: str, server: str = "", timeout: float = 20.0) -> dict[str, Any]:
        return wait_for(lambda: (model := self.server(user, server))["ready"] and model, timeout)

    def wait_stopped(self, user: str, server: str = "", timeout: float = 20.0) -> None:
        wait_for(lambda: self.server(user, server)["stopped"], timeout)

    def page(self, user: str, server: str = "", rest: str = "api") -> requests.Response:
        """What the server itself answers through the public port."""
        prefix = f"/user/{user}/{server}/" if server else f"/user/{user}/"
        return self.request("GET", prefix + rest)

    def wait_begun(self, user: str, timeout: float = 20.0) -> Process:
        """The server of a user, once it has begun and knows how to behave."""

        def begun() -> Process | None:
            for process in self.server_processes(f"/user/{user}/"):
                output = self.directory / "callboard.sqlite-servers" / process.spawn_id / "output"
                if output.exists() and b"page server" in output.read_bytes():
                    return process
            return None

        process = wait_for(begun, timeout)
        assert process is not None
        return process

    def token_of(self, user: str, scopes: list[str] | None = None) -> str:
        answer = self.api("POST", f"/users/{user}/tokens", json={"scopes": scopes} if scopes else {})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["token"])

    def behave(self, user: str, **behaviour: Any) -> None:
        """How this user's servers are to behave: see page_server.py."""
        home = self.directory / "homes" / user
        home.mkdir(parents=True, exist_ok=True)
        (home / "behaviour.json").write_text(json.dumps(behaviour))

    # --- looking into it ---

    def log(self, begin: int = 0) -> str:
        """What hub and proxy have written to standard output and error."""
        try:
            return self.log_file.read_bytes()[begin:].decode("utf-8", "replace")
        except FileNotFoundError:
            return ""

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The log as of one moment."""
        connection = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, isolation_level=None)
        try:
            connection.execute("BEGIN")
            yield connection
        finally:
            connection.close()

    def events(self, user: str | None = None, server: str = "") -> list[Event]:
        """All events, or those of one server."""
        with self.reading() as db:
            where, stream = "", ()
            if user is not None:
                row = db.execute(
                    "SELECT servers.id FROM servers JOIN users ON users.id = servers.user "
                    "WHERE users.name = ? AND servers.name = ?",
                    (user, server),
                ).fetchone()
                assert row is not None, f"{user} has no server {server!r}"
                where, stream = "WHERE stream = ?", (f"server/{row[0]}",)
            rows = db.execute(
                f"SELECT position, stream, type, at, principal, payload FROM events {where} ORDER BY position",
                stream,
            ).fetchall()
        return [Event(*row[:5], json.loads(row[5])) for row in rows]

    def story(self, user: str, server: str = "") -> list[str]:
        """What happened to a server, without its progress messages: `spawn-requested`, `ready`, ..."""
        types = [event.type.removeprefix("server.") for event in self.events(user, server)]
        return [kind for kind in types if kind != "spawn-progressed"]

    @property
    def head(self) -> int:
        with self.reading() as db:
            (head,) = db.execute("SELECT coalesce(max(position), 0) FROM events").fetchone()
        return int(head)

    def check_log(self) -> None:
        """The log is whole, and every table is what the log says."""
        verify(str(self.database))
        with self.reading() as db:
            assert drift(db, projections.ALL) == []

    # --- its processes ---

    def processes(self) -> list[Process]:
        """All that it has started and that lives: hubs, proxies, launchers, servers and what those started."""
        marks = {_MARK: str(self.directory), SERVER_MARK: str(self.directory)}
        return [
            process
            for process in _all_processes()
            if any(process.environment.get(name) == value for name, value in marks.items())
        ]

    def server_processes(self, prefix: str | None = None) -> list[Process]:
        """Servers and what they have started, without launchers; those below this URL path."""
        return [
            process
            for process in self.processes()
            if process.spawn_id and not process.is_launcher and prefix in (None, process.prefix)
        ]

    def proxy_pid(self) -> int:
        return int(json.loads((self.directory / "callboard-proxy.pid").read_bytes())["pid"])

    def proxies(self) -> list[Process]:
        return [process for process in self.processes() if "proxy" in process.command[:4]]


def wait_for(true: Callable[[], T], timeout: float = 10.0) -> T:
    """The first true value; asks 50 times a second."""
    deadline = time.monotonic() + timeout
    while not (found := true()):
        assert time.monotonic() < deadline, "it did not become true in time"
        time.sleep(0.02)
    return found


def free_ports(count: int) -> list[int]:
    """Below those that the kernel gives to outgoing connections, so that none is taken in the meantime."""
    found: list[int] = []
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while len(found) < count:
        port = 10_000 + int.from_bytes(os.urandom(4), "big") % max(first - 10_000, 1_000)
        with socket.socket() as sock, contextlib.suppress(OSError):
            sock.bind(("127.0.0.1", port))
            if port not in found:
                found.append(port)
    return found


def descriptors(pid: int) -> int:
    """How many files a process has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def children(pid: int) -> list[tuple[int, str]]:
    """The children of a process and their states; `Z` for one that nobody has waited for."""
    found = []
    for process in filter(str.isdecimal, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
            if int(fields[1]) == pid:
                found.append((int(process), fields[0]))
    return found


def resident(pid: int) -> int:
    """Bytes of memory that a process has touched, at most so far."""
    status = Path(f"/proc/{pid}/status").read_text()
    match = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert match is not None
    return int(match[1]) * 1024


def _all_processes() -> list[Process]:
    found = []
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        with contextlib.suppress(OSError, ValueError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            if fields[0] in "ZXx":
                continue
            environment = Path(f"/proc/{pid}/environ").read_bytes().decode("utf-8", "replace")
            command = Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace")
            pairs = dict(pair.split("=", 1) for pair in environment.split("\0") if "=" in pair)
            found.append(Process(int(pid), int(fields[19]), command.split("\0")[:-1], pairs))
    return found


def _kill(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        pidfd = os.pidfd_open(process.pid)
        try:
            fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
            if int(fields[19]) == process.start:
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        except FileNotFoundError:
            pass
        finally:
            os.close(pidfd)
