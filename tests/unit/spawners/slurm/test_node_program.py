"""What runs on the node: the real program, under this Python, without a cluster."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import AlreadyExistsError
from spawners.slurm import node_program
from spawners.slurm.script import NODE_PROGRAM
from tests.integration.hub import wait_for
from tests.integration.port_listener import PortListener
from tests.integration.spawner_worlds import TINY_SERVER


def test_it_says_which_port_is_free() -> None:
    port = node_program.pick("127.0.0.1", "", 0)
    assert node_program.LOWEST <= port <= node_program.HIGHEST
    with socket.create_server(("127.0.0.1", port)), pytest.raises(SystemExit, match="all ports"):
        node_program.pick("127.0.0.1", f"{port}-{port}", 0)
    assert node_program.pick("127.0.0.1", f"{port}-{port}", 5) == port


def test_jobs_that_begin_at_once_look_at_different_ports_first() -> None:
    first = [
        job * node_program.STRIDE % (node_program.HIGHEST + 1 - node_program.LOWEST) for job in range(10_000)
    ]
    assert len(set(first)) == len(first)


def test_only_ones_own_listener_counts() -> None:
    me = os.getpid()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert node_program.listens(me, port)
        with subprocess.Popen(["sleep", "30"], start_new_session=True) as another:
            assert not node_program.listens(another.pid, port), "it is of the same user, and another's"
            another.kill()
        assert node_program.listeners(port, os.getuid() + 1) == set()
    assert not node_program.listens(me, port)


def test_a_server_that_has_ended_listens_nowhere() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, subprocess.Popen(["true"]) as ended:
        ended.wait()
        assert not node_program.listens(ended.pid, other.getsockname()[1])


@pytest.mark.slow
def test_a_child_of_the_server_may_listen_in_its_place() -> None:
    listen = (
        "import socket, time; s = socket.create_server(('127.0.0.1', 0)); "
        "print(s.getsockname()[1], flush=True); time.sleep(30)"
    )
    with subprocess.Popen(
        ["bash", "-c", f'{sys.executable} -c "{listen}"; true'],
        stdout=subprocess.PIPE,
        start_new_session=True,
        text=True,
    ) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        assert node_program.listens(server.pid, port)
        os.killpg(server.pid, signal.SIGKILL)


def environment(url: str, **behaviour: object) -> dict[str, str]:
    return {
        "CALLBOARD_LISTEN_IP": "127.0.0.1",
        "CALLBOARD_PORTS": "",
        "CALLBOARD_REPORT_TO": f"{url}/port",
        "JUPYTERHUB_SERVICE_PREFIX": "/user/alice/",
        "JUPYTERHUB_API_TOKEN": "token-of-the-server",
        "BEHAVIOUR": json.dumps(behaviour),
    }


def command(*server: str) -> list[str]:
    return [sys.executable, "-I", "-c", NODE_PROGRAM, *server]


@pytest.mark.slow
def test_the_server_takes_its_place_and_is_told_of_once_it_listens(tmp_path: Path) -> None:
    told: list[tuple[str, int]] = []
    listener = PortListener(lambda token, port: told.append((token, port)))
    say = tmp_path / "told"
    with subprocess.Popen(
        command(sys.executable, "-S", "-E", TINY_SERVER, "--an-argument"),
        env=environment(listener.url, tell=str(say), waits=str(tmp_path / "go")),
        stdout=subprocess.DEVNULL,
    ) as server:
        wait_for(say.exists)
        variables, arguments, *_ = json.loads(say.read_text())
        assert told == []  # it does not listen yet
        (tmp_path / "go").touch()
        wait_for(lambda: told)
        server.kill()
    listener.close()
    (token, port), *more = told
    assert (token, more) == ("token-of-the-server", [])
    assert variables["JUPYTERHUB_SERVICE_URL"] == f"http://127.0.0.1:{port}/user/alice/"
    assert arguments == ["--an-argument"]
    assert not [name for name in variables if name.startswith("CALLBOARD_")]


@pytest.mark.slow
def test_it_goes_on_telling_while_the_hub_is_away_and_stops_when_it_is_refused() -> None:
    answers = iter([RuntimeError("not yet"), AlreadyExistsError("another")])
    times: list[int] = []

    def refuse(_: str, port: int) -> None:
        times.append(port)
        raise next(answers)

    listener = PortListener(refuse)
    with subprocess.Popen(
        command(sys.executable, "-S", "-E", TINY_SERVER),
        env=environment(listener.url),
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        wait_for(lambda: listener.answers == [503, 409])
        assert len(times) == 2
        server.kill()
        assert server.stdout is not None
        assert "does not want this server: 409" in server.stdout.read()
    listener.close()


@pytest.mark.slow
def test_a_command_that_is_not_there_is_named_in_the_output() -> None:
    run = subprocess.run(
        command("/no/such/server"),
        env=environment("http://127.0.0.1:1"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 127
    assert "cannot be run" in run.stdout
    assert "/no/such/server" in run.stdout
