"""A server is believed on its port only where it is the server that listens: with real processes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trio
from msgspec.structs import replace

from core.errors import SpawnError
from core.plugins.spawner import ANOTHER_ANSWERS, Attempt, Gone, Running
from spawners.local.spawner import LocalProcessSpawner
from spawners.process_family import MARK
from tests.integration.spawner_worlds import LocalWorld, ignore

REPOSITORY = Path(__file__).parents[2]
THIEF = """
import socket, sys
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
listener.bind((sys.argv[1], int(sys.argv[2])))
listener.listen()
print("listening", flush=True)
while True:
    connection, _ = listener.accept()
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n")
    connection.close()
"""


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[LocalWorld]:
    world = LocalWorld(tmp_path)
    with trio.fail_after(60):
        yield world
        await world.close()


@contextmanager
def thief(url: str, *, pretends: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """Another process that answers there. `pretends`: the attempt whose mark it carries."""
    host, port = urlsplit(url).hostname or "", urlsplit(url).port
    environment = os.environ | ({MARK: pretends} if pretends else {})
    command = [sys.executable, "-S", "-E", "-c", THIEF, host, str(port)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, env=environment, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"listening\n"
        try:
            yield process
        finally:
            process.kill()


async def wait_up(hub: LocalProcessSpawner, attempt: Attempt, url: str) -> None:
    with trio.fail_after(10):
        await hub.wait_up(attempt.spawn_id, f"{url}/user/alice/api")


@pytest.mark.parametrize("listens", ["", "child", "orphan"])
@pytest.mark.parametrize("hubs", [1, 2])
async def test_whoever_of_a_family_listens_is_the_server(world: LocalWorld, listens: str, hubs: int) -> None:
    hub, attempt = world.hub(), world.attempt(listens=listens)
    url = await hub.start(attempt, ignore)
    for asking in [hub, world.hub()][:hubs]:
        await wait_up(asking, attempt, url)


async def test_who_left_the_family_is_not_believed(world: LocalWorld) -> None:
    """Neither a descendant of the server nor in its session: as any other process of this machine."""
    hub, attempt = world.hub(), world.attempt(listens="away")
    url = await hub.start(attempt, ignore)
    with pytest.raises(SpawnError, match=f"Another process listens on port {urlsplit(url).port}"):
        await wait_up(hub, attempt, url)


@pytest.mark.parametrize("pretends", [False, True])
async def test_who_has_the_port_before_the_server_is_not_believed(world: LocalWorld, pretends: bool) -> None:
    """The mark in the environment can be forged: spawn ids are there for all to see."""
    go = world.directory / "go"
    hub, attempt = world.hub(), world.attempt(waits=str(go))
    url = await hub.start(attempt, ignore)
    with thief(url, pretends=attempt.spawn_id if pretends else ""):
        with pytest.raises(SpawnError) as refused:
            await wait_up(hub, attempt, url)
        told = f"Another process listens on port {urlsplit(url).port}, which this server was given."
        assert refused.value.message == told
        assert refused.value.reason == ANOTHER_ANSWERS
        go.touch()  # it now finds its port taken, and ends
        await hub.wait_news(attempt.spawn_id)
        assert await hub.poll(attempt.spawn_id) == Gone(1, told)
        with pytest.raises(SpawnError, match=f"exit status 1. {told}"):
            await world.hub().start(attempt, ignore)


async def test_a_port_that_the_server_got_after_all_is_its_own(world: LocalWorld) -> None:
    go = world.directory / "go"
    hub, attempt = world.hub(), world.attempt(waits=str(go))
    url = await hub.start(attempt, ignore)
    with thief(url), pytest.raises(SpawnError):
        await wait_up(hub, attempt, url)
    go.touch()
    await wait_up(hub, attempt, url)


async def test_who_listens_on_another_address_is_nobodys_trouble(world: LocalWorld) -> None:
    hub, attempt = world.hub(), world.attempt()
    url = await hub.start(attempt, ignore)
    with thief(url.replace("127.0.0.1", "127.0.0.2")):
        await wait_up(hub, attempt, url)


async def test_an_end_is_told_with_who_took_the_port(world: LocalWorld) -> None:
    hub, attempt = world.hub(), world.attempt()
    url = await hub.start(attempt, ignore)
    await wait_up(hub, attempt, url)
    os.kill(hub.state(attempt.spawn_id)["pid"], signal.SIGKILL)
    await hub.wait_news(attempt.spawn_id)
    with thief(url, pretends=attempt.spawn_id):
        ended = await world.hub().poll(attempt.spawn_id)
    told = f"Another process listens on port {urlsplit(url).port}, which this server was given."
    assert ended == Gone(-signal.SIGKILL, told)
    assert await world.hub().poll(attempt.spawn_id) == Gone(-signal.SIGKILL)  # by now nobody listens


async def test_a_port_given_to_another_server_meanwhile_is_no_trouble(world: LocalWorld) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    world.settings = replace(world.settings, port_range=(port, port))
    hub, first, second = world.hub(), world.attempt(), world.attempt()
    await wait_up(hub, first, await hub.start(first, ignore))
    os.kill(hub.state(first.spawn_id)["pid"], signal.SIGKILL)
    await hub.wait_news(first.spawn_id)
    await hub.poll(first.spawn_id)
    url = await hub.start(second, ignore)
    await wait_up(hub, second, url)
    assert urlsplit(url).port == port
    assert await hub.poll(first.spawn_id) == Gone(-signal.SIGKILL)
    assert isinstance(await hub.poll(second.spawn_id), Running)


# What a hub may see of processes of other accounts

CHANGE = (
    "import os, sys; uid = int(sys.argv[1]); uid and (os.setgroups([]), os.setgid(uid), os.setuid(uid))\n"
)
LOOK = (
    """
import encodings.ascii, json, sys
from core.machine.process_identity import identify, read_stat
from spawners.local.port_owner import _look, owner_of
"""
    + CHANGE
    + """
server = identify(read_stat(int(sys.argv[2])))
print(json.dumps([owner_of("127.0.0.1", int(sys.argv[3]), server).name, _look(server.pid).sockets is None]))
"""
)
LISTEN = (
    "import socket\n"
    + CHANGE
    + """
listener = socket.create_server(("127.0.0.1", int(sys.argv[2]))) if sys.argv[2] != "0" else None
print("ready", flush=True)
input()
"""
)
ROOT, ALICE, MALLORY = 0, 30001, 30002
UNTRACED = ["setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace", "--"]

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act for others")


@contextmanager
def process_of(uid: int, port: int) -> Iterator[int]:
    """The pid of a process of this account, which listens on this port if that is not 0."""
    command = [sys.executable, "-S", "-E", "-c", LISTEN, str(uid), str(port)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        try:
            yield process.pid
        finally:
            process.kill()


def look(server: int, port: int, *, uid: int = ROOT, rights: list[str]) -> tuple[str, bool]:
    """By a hub of this account: for whose it takes the port, and whether the server's descriptors are hidden."""
    command = [*rights, sys.executable, "-c", LOOK, str(uid), str(server), str(port)]
    owner, is_hidden = json.loads(subprocess.check_output(command, cwd=REPOSITORY))
    return owner, is_hidden


@needs_root
@pytest.mark.parametrize(
    ("hub", "rights", "is_hidden"), [(ROOT, [], False), (ROOT, UNTRACED, True), (MALLORY, [], True)]
)
@pytest.mark.parametrize("listening", [ALICE, MALLORY])
def test_where_descriptors_are_hidden_the_account_decides(
    hub: int, rights: list[str], is_hidden: bool, listening: int
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    if listening == ALICE:
        with process_of(ALICE, port) as server:
            assert look(server, port, uid=hub, rights=rights) == ("SERVER", is_hidden)
    else:
        with process_of(ALICE, 0) as server, process_of(MALLORY, port):
            assert look(server, port, uid=hub, rights=rights) == ("STRANGER", is_hidden)


@needs_root
def test_hidden_descriptors_leave_other_processes_of_the_account_undecided() -> None:
    """What the security page says of it: such a hub cannot tell alice's server from another process of hers."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with process_of(ALICE, 0) as server, process_of(ALICE, port):
        assert look(server, port, rights=[]) == ("STRANGER", False)
        assert look(server, port, rights=UNTRACED) == ("SERVER", True)
