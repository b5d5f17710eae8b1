"""Somebody moves in from JupyterHub and keeps its proxy: who works in a server, over a WebSocket, notices nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests
import websocket

from tests.chaos.runner import TICK_SERVER
from tests.integration.conftest import MakeHub
from tests.integration.hub import CALLBOARD, RealHub
from tests.integration.test_driven_proxy import start_server
from tests.proxies import configurable_http_proxy
from tests.proxies.jupyterhub import PROXY_TOKEN, JupyterHub

pytestmark = [pytest.mark.slow, pytest.mark.world]

BOTH = f"""
c.ConfigurableHTTPProxy.command = [{configurable_http_proxy()!r}]
c.JupyterHub.cleanup_servers = False
c.JupyterHub.cleanup_proxy = False
"""


def test_a_websocket_stays_open_over_the_move(make_hub: MakeHub, tmp_path: Path) -> None:
    former = JupyterHub(tmp_path, BOTH, cmd=[sys.executable, "-S", "-E", str(TICK_SERVER)])
    left: list[int] = []
    try:
        former.start()
        start_server(former, "alice")
        left = [former.proxy_pid(), server_pid("/user/alice/")]
        before = former.routes()
        socket = websocket.create_connection(
            f"{former.url.replace('http', 'ws')}/user/alice/ticks", timeout=10
        )
        first = int(socket.recv())
        former.close()
        hub = moved_in(make_hub, former)
        assert int((former.directory / "jupyterhub-proxy.pid").read_text()) == left[0]
        assert int(socket.recv()) > first
        routes = former.routes()
        assert {path: data["target"] for path, data in routes.items()} == {
            path: data["target"] for path, data in before.items()
        }
        assert requests.get(f"{former.url}/user/alice/api", timeout=10).status_code == 200
        assert hub.server("alice")["ready"]
        assert hub.end("alice").status_code in (202, 204)
        hub.wait_stopped("alice")
        assert set(former.routes()) == {"/"}
        socket.close()
    finally:
        former.close()
        for pid in left:
            kill(pid)


def moved_in(make_hub: MakeHub, former: JupyterHub) -> RealHub:
    """A hub in the same folder, at the same ports, with the same configuration."""
    hub = make_hub()
    hub.directory, hub.database = former.directory, former.directory / "callboard.sqlite"
    hub.port, hub.url = former.port, former.url
    hub.hub_port, hub.hub_url = former.hub_port, f"http://127.0.0.1:{former.hub_port}"
    hub.configure(
        f"""{BOTH}
c.JupyterHub.proxy_class = "configurable-http-proxy"
c.ConfigurableHTTPProxy.api_url = {former.api_url!r}
c.ConfigurableHTTPProxy.auth_token = {PROXY_TOKEN!r}
"""
    )
    hub.command = [CALLBOARD, "-f", str(hub.config_file)]
    words = [CALLBOARD, "import", "-f", str(hub.config_file), "jupyterhub.sqlite"]
    subprocess.run(words, cwd=former.directory, check=True, timeout=60)
    hub.start()
    return hub


def server_pid(prefix: str) -> int:
    """Of the process that was started with this prefix."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                environment = (entry / "environ").read_bytes()
            except OSError:
                continue
            if f"JUPYTERHUB_SERVICE_PREFIX={prefix}\0".encode() in environment + b"\0":
                return int(entry.name)
    raise AssertionError(f"there is no server at {prefix}")


def kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
