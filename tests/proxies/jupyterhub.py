"""The real JupyterHub, as its package has it, in a directory of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import requests

from tests.integration.hub import BIN, PAGE_SERVER, free_ports, wait_for

TOKEN = "token-of-an-administrator"
PROXY_TOKEN = "token-of-the-hubs-proxy"
SCOPES = ["admin:users", "admin:servers", "access:servers", "proxy", "read:hub"]


class JupyterHub:
    """`lines`: more of its configuration. Its servers are `cmd`."""

    def __init__(self, directory: Path, lines: str = "", cmd: list[str] = PAGE_SERVER) -> None:
        self.directory = directory
        self.port, self.hub_port, self.api_port = free_ports(3)
        self.url = f"http://127.0.0.1:{self.port}"
        self.api_url = f"http://127.0.0.1:{self.api_port}"
        self.log = directory / "hub.log"
        self.process: subprocess.Popen[bytes] | None = None
        (directory / "jupyterhub_config.py").write_text(
            f"""
c.JupyterHub.bind_url = "{self.url}"
c.JupyterHub.hub_port = {self.hub_port}
c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.spawner_class = "simple"
c.Authenticator.allow_all = True
c.SimpleLocalProcessSpawner.home_dir_template = "{directory}/homes/{{username}}"
c.Spawner.cmd = {cmd!r}
c.Spawner.environment = {{"CALLBOARD_SPAWN_ID": "of the tests"}}
c.JupyterHub.services = [{{"name": "tests", "api_token": "{TOKEN}"}}]
c.JupyterHub.load_roles = [{{"name": "tests", "services": ["tests"], "scopes": {SCOPES!r}}}]
c.ConfigurableHTTPProxy.api_url = "{self.api_url}"
c.ConfigurableHTTPProxy.auth_token = "{PROXY_TOKEN}"
c.ConfigurableHTTPProxy.command = [{str(BIN / "callboard")!r}, "proxy", "--api"]
{lines}
"""
        )

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "jupyterhub"],
                cwd=self.directory,
                env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_for(self._serves, 60)

    def _serves(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()
        return "JupyterHub is now running" in self.log.read_text()

    def close(self) -> None:
        """It ends its servers and its proxy."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)

    def api(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {"Authorization": f"token {TOKEN}"}
        return requests.request(method, f"{self.url}/hub/api{path}", headers=headers, timeout=30, **options)

    def routes(self, query: str = "") -> dict[str, dict[str, Any]]:
        """What its proxy has."""
        headers = {"Authorization": f"token {PROXY_TOKEN}"}
        answer = requests.get(f"{self.api_url}/api/routes{query}", headers=headers, timeout=10)
        answer.raise_for_status()
        found: dict[str, dict[str, Any]] = answer.json()
        return found

    def proxy_pid(self) -> int:
        return int((self.directory / "jupyterhub-proxy.pid").read_text())
