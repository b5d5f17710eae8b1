"""The story the hub is for, with JupyterLab as people run it, and a hub that is killed in the middle of it."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import websocket

from tests.integration.conftest import MakeHub
from tests.integration.hub import ADMIN_TOKEN, BIN, RealHub, wait_for

pytestmark = pytest.mark.slow

JUPYTERLAB = [str(BIN / "jupyterhub-singleuser"), *(["--allow-root"] if os.geteuid() == 0 else [])]
AT_ONCE = 'c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0, "slow_stop_timeout": 0}\n'
TIMEOUT = 90.0  # JupyterLab on a busy machine


class Kernel:
    """Talks to a kernel over one WebSocket through the public port."""

    def __init__(self, socket: websocket.WebSocket) -> None:
        self._socket = socket
        self._session = uuid.uuid4().hex

    def run(self, code: str) -> str:
        """The text of what the code evaluates to."""
        asked = self._send(
            "execute_request", {"code": code, "silent": False, "store_history": True, "allow_stdin": False}
        )
        while True:
            message = json.loads(self._socket.recv())
            if message["parent_header"].get("msg_id") != asked:
                continue
            assert message["msg_type"] != "error", message["content"]
            if message["msg_type"] == "execute_result":
                return str(message["content"]["data"]["text/plain"])

    def _send(self, kind: str, content: dict[str, Any]) -> str:
        message_id = uuid.uuid4().hex
        header = {
            "msg_id": message_id,
            "username": "alice",
            "session": self._session,
            "msg_type": kind,
            "version": "5.3",
        }
        message = {
            "header": header,
            "parent_header": {},
            "metadata": {},
            "content": content,
            "channel": "shell",
            "buffers": [],
        }
        self._socket.send(json.dumps(message))
        return message_id


@contextmanager
def new_kernel(hub: RealHub, prefix: str, token: str) -> Iterator[Kernel]:
    made = hub.request("POST", f"{prefix}api/kernels", token=token, json={"name": "python3"})
    assert made.status_code == 201, made.text
    url = f"ws://127.0.0.1:{hub.port}{prefix}api/kernels/{made.json()['id']}/channels"
    socket = websocket.create_connection(url, header=[f"Authorization: token {token}"], timeout=TIMEOUT)
    try:
        yield Kernel(socket)
    finally:
        socket.close()


def follow(hub: RealHub, user: str, server: str = "") -> list[dict[str, Any]]:
    """All progress events, until the stream ends."""
    with hub.stream(f"/hub/api/users/{user}/servers/{server}/progress") as lines:
        assert lines.status == 200
        return list(lines.events())


def servers_of(hub: RealHub, prefix: str) -> list[int]:
    """The single-user servers themselves, without their kernels."""
    return [
        process.pid
        for process in hub.server_processes(prefix)
        if any("jupyterhub-singleuser" in word for word in process.command[:2])
    ]


def secrets_of(hub: RealHub) -> set[str]:
    """The tokens that its servers hold."""
    return {process.environment["JUPYTERHUB_API_TOKEN"] for process in hub.server_processes()}


def check_kept_secret(hub: RealHub, secrets: set[str]) -> None:
    """No token is in the log, in what hub, proxy and servers have written, or in an argument."""
    places = [hub.log_file, *hub.directory.glob("callboard.sqlite*")]
    contents = {str(path): path.read_bytes() for path in places if path.is_file()}
    outputs = hub.directory.glob("callboard.sqlite-servers/*/*")
    contents |= {str(path): path.read_bytes() for path in outputs}
    arguments = {f"pid {process.pid}": " ".join(process.command).encode() for process in hub.processes()}
    for place, content in {**contents, **arguments}.items():
        for secret in secrets:
            assert secret.encode() not in content, f"a token is in {place}"


def test_a_day_with_jupyterlab(make_hub: MakeHub) -> None:
    hub = make_hub(cmd=JUPYTERLAB, config=AT_ONCE)
    hub.start()
    hub.add_user("alice")
    token = hub.token_of("alice", ["access:servers!user=alice", "read:servers!user=alice"])

    # a start, followed to its end
    assert hub.begin("alice").status_code == 202
    told = follow(hub, "alice")
    assert [event["progress"] for event in told] == [0, 50, 100]
    assert told[-1]["ready"] is True
    assert told[-1]["url"] == "/user/alice/"
    model = hub.server("alice")
    assert (model["ready"], model["pending"], model["stopped"]) == (True, None, False)
    (lab,) = servers_of(hub, "/user/alice/")

    status = hub.request("GET", "/user/alice/api/status", token=token)
    assert status.status_code == 200
    assert hub.request("GET", "/user/alice/api/status", token=None).status_code == 403
    stranger = hub.token_of("admin", ["read:users"])
    assert hub.request("GET", "/user/alice/api/status", token=stranger).status_code in (403, 404)

    with new_kernel(hub, "/user/alice/", token) as kernel:
        assert kernel.run("6*7") == "42"

        # the hub is killed while another server is starting
        assert hub.begin("alice", "second").status_code == 202
        wait_for(lambda: servers_of(hub, "/user/alice/second/"), TIMEOUT)
        (second,) = servers_of(hub, "/user/alice/second/")
        assert hub.server("alice", "second")["pending"] == "spawn"
        secrets = {token, stranger, ADMIN_TOKEN} | secrets_of(hub)
        hub.kill()
        assert kernel.run("x = 21; x * 2") == "42"  # nobody has noticed

        # the next one goes on with both
        hub.start()
        hub.wait_ready("alice", timeout=TIMEOUT)
        assert servers_of(hub, "/user/alice/") == [lab]
        assert kernel.run("x + x") == "42"
        told = follow(hub, "alice", "second")
        assert told[-1]["ready"] is True
        hub.wait_ready("alice", "second", TIMEOUT)
        assert servers_of(hub, "/user/alice/second/") == [second]
    assert hub.page("alice", "second", "api/status").status_code == 200
    assert len(hub.server_processes("/user/alice/")) > 1  # its kernel runs as well
    check_kept_secret(hub, secrets)

    # and nothing is left of them
    for name in ("", "second"):
        assert hub.end("alice", name).status_code == 202
    for name in ("", "second"):
        hub.wait_stopped("alice", name, TIMEOUT)
    wait_for(lambda: not any(process.spawn_id for process in hub.processes()))
    assert hub.user("alice")["servers"] == {}
    check_kept_secret(hub, secrets)

    # the log tells it all, in this order
    assert hub.story("alice") == [
        "spawn-requested",
        "spawn-answered",
        "ready",
        "adopted",
        "stop-requested",
        "stopped",
    ]
    assert hub.story("alice", "second") == [
        "spawn-requested",
        "spawn-answered",
        "ready",
        "stop-requested",
        "stopped",
    ]
    happened = [(event.type, event.payload.get("server_name")) for event in hub.events()]
    turns = [
        ("server.spawn-requested", ""),
        ("server.ready", None),
        ("server.spawn-requested", "second"),
        ("hub.started", None),
        ("server.adopted", None),
        ("server.ready", None),
        ("server.stop-requested", None),
        ("server.stop-requested", None),
    ]
    rest = iter(happened)
    assert all(turn in rest for turn in turns), happened
    hub.check_log()
    assert hub.terminate() == 0
    assert hub.processes() == []
