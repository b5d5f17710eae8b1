"""What a user's browser brings never reaches another's process: with a real hub, its proxy and real servers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from spawners.local.listeners import read_listeners
from tests.integration.conftest import MakeHub
from tests.integration.hub import RealHub, free_ports, wait_for

pytestmark = pytest.mark.slow

COOKIE = {"Cookie": "of=alice"}
THIEF = """
import socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("listening", flush=True)
while True:
    connection, _ = listener.accept()
    print(connection.recv(4096), flush=True)
    connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 5\\r\\nConnection: close\\r\\n\\r\\nthief")
    connection.close()
"""


@contextmanager
def thief(port: int, output: Path) -> Iterator[None]:
    """What it is sent goes to `output`."""
    command = [sys.executable, "-S", "-E", "-c", THIEF, str(port)]
    with output.open("wb") as file, subprocess.Popen(command, stdout=file) as process:
        try:
            wait_for(lambda: b"listening" in output.read_bytes())
            yield
        finally:
            process.kill()


def with_one_port(make_hub: MakeHub, config: str = "") -> tuple[RealHub, int]:
    """A hub whose servers all get the same port, and this port."""
    (port,) = free_ports(1)
    hub = make_hub(config=f"c.LocalProcessSpawner.port_range = ({port}, {port})\n{config}")
    hub.start()
    for name in ("alice", "bob"):
        hub.add_user(name)
    return hub, port


def took(port: int) -> str:
    return f"Another process listens on port {port}, which this server was given."


def test_who_has_a_servers_port_before_it_is_taken_for_nobodys_server(
    make_hub: MakeHub, tmp_path: Path
) -> None:
    hub, port = with_one_port(make_hub)
    hub.behave("alice", slow=20)
    assert hub.begin("alice").status_code in (201, 202)
    hub.wait_begun("alice")
    received = tmp_path / "received"
    with thief(port, received):
        hub.wait_stopped("alice")
        visit = hub.request("GET", "/user/alice/", headers=COOKIE)
        assert visit.text != "thief"
    (failed,) = [event.payload for event in hub.events("alice") if event.type == "server.spawn-failed"]
    assert failed["reason"] == took(port)
    assert b"of=alice" not in received.read_bytes()
    assert "spawn-answered" not in hub.story("alice")
    assert hub.server_processes("/user/alice/") == []
    hub.behave("alice")
    hub.begin("alice")  # the port is free again
    hub.wait_ready("alice")


@pytest.mark.parametrize("has_ended", [False, True])
def test_who_got_a_servers_port_while_the_hub_was_away_is_found_out(
    make_hub: MakeHub, tmp_path: Path, has_ended: bool
) -> None:
    hub, port = with_one_port(make_hub)
    hub.behave("alice", deaf=True)
    hub.begin("alice")
    hub.wait_ready("alice")
    (server,) = hub.server_processes("/user/alice/")
    hub.kill()
    os.kill(server.pid, signal.SIGKILL if has_ended else signal.SIGUSR1)
    wait_for(lambda: not read_listeners(port))
    with thief(port, tmp_path / "received"):
        hub.start()
        hub.wait_stopped("alice")
        assert hub.request("GET", "/user/alice/", headers=COOKIE).text != "thief"
    told = [event.payload for event in hub.events("alice") if event.type.startswith("server.")]
    if has_ended:
        assert hub.story("alice")[-1] == "lost"
        assert told[-1]["trouble"] == took(port)
    else:
        assert hub.story("alice")[-2:] == ["stop-requested", "stopped"]
        assert told[-2]["why"] == f"Found after a restart of the hub: {took(port)}"


def test_what_outlives_a_server_is_not_given_the_requests_of_who_has_its_port_next(make_hub: MakeHub) -> None:
    hub, _ = with_one_port(make_hub)
    hub.behave("alice", heir=True)
    hub.begin("alice")
    hub.wait_ready("alice")
    assert hub.page("alice", rest="x").json()["prefix"] == "/user/alice/"  # by a child, over what is kept
    hub.end("alice")
    hub.wait_stopped("alice")
    hub.begin("bob")
    hub.wait_ready("bob")
    for _ in range(3):
        answer = hub.request("GET", "/user/bob/x", headers=COOKIE)
        assert json.loads(answer.text)["prefix"] == "/user/bob/"
