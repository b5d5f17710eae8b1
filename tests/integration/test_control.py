"""The control socket of a hub, and `callboard token` with and without one."""

from __future__ import annotations

import json
import os
import socket
import stat
from pathlib import Path

import pytest
import trio

from tests.conftest import hub_in_memory
from tests.integration.conftest import MakeHub
from tests.integration.hub import RealHub
from web.control.channel import LONGEST, NoHubError, RefusedError, ask_hub, control_path
from web.control.commands import commands
from web.control.server import control_socket, serve_control


def test_nobody_answers_where_no_hub_runs(tmp_path: Path) -> None:
    with pytest.raises(NoHubError):
        ask_hub(str(tmp_path / "log.sqlite"), "token", name="alice")


async def test_the_socket_is_its_owners_alone_and_lies_beside_the_log_however_deep(tmp_path: Path) -> None:
    directory = tmp_path / ("d" * 100) / ("e" * 100)
    directory.mkdir(parents=True)
    log = str(directory / "log.sqlite")
    Path(control_path(log)).write_text("left by a hub that was killed")
    async with hub_in_memory() as hub, trio.open_nursery() as nursery:
        with control_socket(log) as listener:
            await nursery.start(serve_control, listener, commands(hub))
            assert stat.S_IMODE(os.stat(control_path(log)).st_mode) == 0o600
            token = await trio.to_thread.run_sync(lambda: ask_hub(log, "token", name="Alice"))
            row = hub.tokens.find(token)
            assert row is not None
            assert (row.raw_scopes(), row.expires_at) == (["inherit"], None)
            records = hub.store.read_all(hub.store.head - 1)
            assert records[-1].by.principal == "hub"
            assert records[-1].by.via.startswith("command-line/")
            nursery.cancel_scope.cancel()
        assert not os.path.exists(control_path(log))
    hub.store.close()


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        (b'{"command": "dance"}\n', "knows no command 'dance'"),
        (b"{}\n", "A line of JSON with a command is expected"),
        (b"\xff\n", "A line of JSON with a command is expected"),
        (b"x" * (LONGEST + 1), "A line of JSON with a command is expected"),
        (b'{"command": "token"}\n', "There is no user named 'none'"),
        (b'{"command": "token", "name": "nobody"}\n', "There is no user named 'nobody'"),
    ],
)
async def test_what_cannot_be_answered_is_refused(tmp_path: Path, sent: bytes, answered: str) -> None:
    log = str(tmp_path / "log.sqlite")

    def talk() -> str:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(control_path(log))
            connection.sendall(sent)
            return connection.recv(10_000).decode()

    async with hub_in_memory() as hub, trio.open_nursery() as nursery:
        with control_socket(log) as listener:
            await nursery.start(serve_control, listener, commands(hub))
            assert answered in await trio.to_thread.run_sync(talk)
            nursery.cancel_scope.cancel()
    hub.store.close()


async def test_a_command_that_fails_hurts_nobody_else(tmp_path: Path) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("a bug")

    async def well(*_: object) -> str:
        return "well"

    log = str(tmp_path / "log.sqlite")
    async with trio.open_nursery() as nursery:
        with control_socket(log) as listener:
            await nursery.start(serve_control, listener, {"fail": fail, "well": well})
            with pytest.raises(RefusedError, match="its log says how"):
                await trio.to_thread.run_sync(lambda: ask_hub(log, "fail"))
            assert await trio.to_thread.run_sync(lambda: ask_hub(log, "well")) == "well"
            nursery.cancel_scope.cancel()


# --- callboard token ---


def made(hub: RealHub, *arguments: str) -> str:
    said = hub.run_another("token", "-f", "hub_config.py", *arguments)
    assert (said.returncode, said.stderr) == (0, "")
    token = said.stdout.removesuffix("\n")
    assert len(token) == 32
    return token


def test_tokens_with_and_without_a_running_hub(make_hub: MakeHub) -> None:
    hub = make_hub()
    unknown = hub.run_another("token", "-f", "hub_config.py", "alice")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert unknown.stderr == "callboard: There is no user named 'alice'.\n"
    assert not hub.database.exists()
    before = made(hub, "admin")
    hub.start()
    hub.add_user("alice")
    meanwhile = made(hub, "alice")
    unknown = hub.run_another("token", "-f", "hub_config.py", "bob")
    assert (unknown.returncode, unknown.stderr) == (1, "callboard: There is no user named 'bob'.\n")
    for token, name in ((before, "admin"), (meanwhile, "alice")):
        model = hub.api("GET", "/user", token=token).json()
        assert (model["name"], model["admin"]) == (name, name == "admin")
    assert hub.terminate() == 0
    assert not Path(control_path(str(hub.database))).exists()
    said = hub.run_another("token", "-f", "hub_config.py", "alice", "--json")
    told = json.loads(said.stdout)
    assert (told.keys(), told["name"], len(told["token"])) == ({"name", "token"}, "alice", 32)
    after = made(hub, "alice")
    hub.start()
    assert hub.api("GET", "/user", token=after).json()["name"] == "alice"
    hub.check_log()


def test_a_token_after_a_hub_was_killed(hub: RealHub) -> None:
    hub.kill()
    token = made(hub, "alice")
    hub.start()
    assert hub.api("GET", "/user", token=token).json()["name"] == "alice"


def test_reload(hub: RealHub) -> None:
    hub.configure("c.JupyterHub.active_server_limit = 7")
    said = hub.run_another("reload", "-f", "hub_config.py")
    assert (said.returncode, said.stdout) == (0, "changed: c.JupyterHub.active_server_limit\n")
    hub.configure("c.JupyterHub.active_server_limit = 'many'")
    said = hub.run_another("reload", "--db", str(hub.database))
    assert (said.returncode, said.stdout) == (1, "")
    assert "active_server_limit" in said.stderr


def test_reload_without_a_hub(make_hub: MakeHub) -> None:
    said = make_hub().run_another("reload", "-f", "hub_config.py")
    assert (said.returncode, said.stdout) == (1, "")
    assert "No hub is running on" in said.stderr
