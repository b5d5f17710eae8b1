"""Side doors (CVE-2024-28179, CVE-2022-21697, CVE-2025-32428): what listens, who may connect, and what else is open.

With a real hub, its proxy and a server. The control socket is in tests/integration/test_control.py, streams to each
caller in tests/unit/web/api/test_events.py, upgrades through the proxy in tests/integration/test_proxy.py.
"""

from __future__ import annotations

import json
import socket
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.integration.hub import RealHub

pytestmark = pytest.mark.slow

UPGRADE = (
    "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealHub]:
    """One for all, with a server of alice's."""
    hub = RealHub(Path(tmp_path_factory.mktemp("hub")))
    try:
        hub.start()
        hub.add_user("alice")
        hub.begin("alice")
        hub.wait_ready("alice")
        yield hub
        assert "Traceback" not in hub.log()
    finally:
        hub.close()


def listeners(hub: RealHub) -> dict[str, set[str]]:
    """By the first words of its command: what every process of the hub listens on."""
    found: dict[str, set[str]] = {}
    for process in hub.processes():
        for connection in psutil.Process(process.pid).net_connections("all"):
            if connection.status == psutil.CONN_LISTEN:
                found.setdefault(" ".join(process.command[:3]), set()).add(connection.laddr.ip)
    return found


def test_every_listener_is_known_and_local_unless_it_is_meant_to_be_public(hub: RealHub) -> None:
    ports = {
        connection.laddr.port: connection.laddr.ip
        for process in hub.processes()
        for connection in psutil.Process(process.pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert set(ports.values()) == {"127.0.0.1"}, "this hub's public address is a local one"
    assert {hub.port, hub.hub_port} <= set(ports)
    (server,) = hub.server_processes("/user/alice/")
    url = server.environment["JUPYTERHUB_SERVICE_URL"]
    others = set(ports) - {hub.port, hub.hub_port}
    assert len(others) == 1, f"hub, proxy and one server listen, nobody else: {ports}"
    assert f"127.0.0.1:{others.pop()}/" in url


def test_the_only_other_socket_is_the_owners_alone(hub: RealHub) -> None:
    sockets = [path for path in hub.directory.rglob("*") if stat.S_ISSOCK(path.stat().st_mode)]
    assert [path.name for path in sockets] == ["callboard.sqlite.control"] or len(sockets) == 1, sockets
    assert stat.S_IMODE(sockets[0].stat().st_mode) == 0o600


def test_what_the_hub_keeps_is_for_itself(hub: RealHub) -> None:
    """Log, secrets, what servers say and where they are: nobody else's to read, and nobody's to write."""
    for path in hub.directory.rglob("*"):
        mode = stat.S_IMODE(path.lstat().st_mode)
        if path.is_relative_to(hub.directory / "homes") or path in (hub.config_file, hub.log_file):
            continue  # the test's own
        around = [parent for parent in path.parents if parent.is_relative_to(hub.directory)][:-1]
        inside = any(parent.stat().st_mode & 0o077 == 0 for parent in around)
        assert inside or mode & 0o077 == 0, f"{path.relative_to(hub.directory)}: {mode:o}"
        assert mode & 0o022 == 0, f"others may write {path}: {mode:o}"


def test_no_environment_of_a_server_has_what_is_the_hubs(hub: RealHub) -> None:
    secrets = {hub.proxies()[0].environment["CALLBOARD_PROXY_TOKEN"]}
    for process in hub.server_processes("/user/alice/"):
        assert not secrets & set(process.environment.values())
        assert not [name for name in process.environment if "COOKIE_SECRET" in name or "CRYPT" in name]


def upgraded(port: int, path: str, more: str = "") -> int:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(UPGRADE.format(path=path, more=more).encode())
        return int(connection.recv(4096).split()[1])


@pytest.mark.parametrize(
    "path",
    [
        "/hub/api/events",
        "/hub/api/users/alice/server/progress",
        "/hub/api/proxy/stream",
        "/hub/home",
        "/hub/",
    ],
)
def test_nothing_of_the_hub_is_upgraded(hub: RealHub, path: str) -> None:
    """A second way to ask that forgot who may."""
    for port in (hub.port, hub.hub_port):
        assert upgraded(port, path) not in (101, 200), path
        assert upgraded(port, path, "Authorization: token nonsense\r\n") not in (101, 200), path


@pytest.mark.parametrize(
    "behind", [b"x", b"GET / HTTP/1.1\r\n\r\n", bytes(range(256)), b"\x81\x05hello", b"\x88\x80"]
)
@pytest.mark.parametrize("path", ["/hub/", "/user/alice/", "/nothing"])
def test_bytes_behind_a_handshake_end_a_connection_and_no_hub(hub: RealHub, path: str, behind: bytes) -> None:
    """As hypercorn comes, one such connection ended the server, whoever sent it."""
    for port in (hub.port, hub.hub_port):
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            connection.sendall(UPGRADE.format(path=path, more="Content-Length: 1\r\n").encode() + behind)
            with suppress(ConnectionError):
                connection.recv(4096)
                connection.sendall(behind)
    assert hub.api("GET", "/users/alice").status_code == 200


@pytest.mark.parametrize(
    "path", ["/events", "/users/alice/server/progress", "/users/alice/events", "/proxy/stream"]
)
def test_streams_ask_who_reads(hub: RealHub, path: str) -> None:
    narrow = hub.token_of("alice", ["read:users:name!user"])
    for token in (None, "nonsense", *([] if path == "/events" else [narrow])):
        answer = hub.api("GET", path, token=token, headers={"Accept": "text/event-stream"}, stream=True)
        with answer:
            assert answer.status_code in (403, 404), (path, token)


def test_what_is_the_proxys_is_for_no_administrator(hub: RealHub) -> None:
    for method, path in (("GET", "/proxy/stream"), ("POST", "/proxy/applied"), ("POST", "/proxy/activity")):
        answer = hub.api(method, path, json={} if method == "POST" else None, stream=True)
        with answer:
            assert answer.status_code in (400, 403, 404, 405), path


@pytest.mark.parametrize("begin", ["", "GET /hub/login HTTP/1.1\r\n", "GET /hub/login HTTP/1.1\r\nX: "])
def test_who_sends_a_request_by_the_drop_holds_up_nobody(hub: RealHub, begin: str) -> None:
    slow = [
        socket.create_connection(("127.0.0.1", port), timeout=20)
        for port in (hub.port, hub.hub_port)
        for _ in range(100)
    ]
    try:
        for connection in slow:
            connection.sendall(begin.encode())
        assert hub.api("GET", "/users/alice").status_code == 200
        assert hub.request("GET", "/hub/login", token=None, direct=True).status_code == 200
    finally:
        for connection in slow:
            connection.close()


@pytest.mark.parametrize("size", [70_000, 1_000_000])
def test_a_head_without_end_is_cut_off(hub: RealHub, size: int) -> None:
    for port in (hub.port, hub.hub_port):
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            try:
                connection.sendall(b"GET /hub/login HTTP/1.1\r\nHost: x\r\nX: " + b"a" * size)
                answer = connection.recv(4096)
            except (BrokenPipeError, ConnectionResetError):
                continue
            assert not answer or int(answer.split()[1]) in (400, 431)


def test_a_host_that_is_none_does_no_harm(hub: RealHub) -> None:
    before = len(hub.log())
    for host in ("x" * 64, "a..b", "x" * 5000, ".", "a." * 200):
        answer = hub.request("GET", "/hub/login", token=None, headers={"Host": host}, direct=True)
        assert answer.status_code in (200, 400), host
    assert "Traceback" not in hub.log(before)


def test_a_server_asks_only_for_itself(hub: RealHub) -> None:
    """Its own token, which its owner and whatever they run can read."""
    (server,) = hub.server_processes("/user/alice/")
    token = server.environment["JUPYTERHUB_API_TOKEN"]
    for method, path in (
        *(
            ("GET", "/users"),
            ("GET", "/users/admin"),
            ("POST", "/users/eve"),
            ("GET", "/proxy"),
        ),
        *(
            ("POST", "/users/alice/tokens"),
            ("DELETE", "/users/alice/server"),
            ("POST", "/users/admin/server"),
        ),
        *(("POST", "/shutdown"), ("GET", "/services"), ("GET", "/groups"), ("GET", "/info")),
    ):
        answer = hub.api(method, path, token=token, json={} if method == "POST" else None)
        assert answer.status_code in (403, 404) or answer.text in ("", "[]", "{}"), (method, path)
    assert json.loads(hub.api("GET", "/user", token=token).text)["name"] == "alice"
