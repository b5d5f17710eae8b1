"""A configurable-http-proxy that a test runs itself, and what its API says."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from typing import Any

import requests

from tests.integration.hub import RealHub, free_ports, wait_for
from tests.proxies import configurable_http_proxy

TOKEN = "token-of-the-tests-proxy"


class ExternalCHP:
    """In front of a hub; `api_port`: where it is driven. It bears the mark of the hub, and ends with its test."""

    def __init__(self, hub: RealHub, *options: str) -> None:
        self.hub = hub
        self._options = options
        (self.api_port,) = free_ports(1)
        self.api_url = f"http://127.0.0.1:{self.api_port}"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def config(self) -> str:
        """As deployments with containers have it: no class is named."""
        return (
            "c.ConfigurableHTTPProxy.should_start = False\n"
            f"c.ConfigurableHTTPProxy.api_url = {self.api_url!r}\n"
            f"c.ConfigurableHTTPProxy.auth_token = {TOKEN!r}\n"
        )

    def close(self) -> None:
        if self.process is not None:
            self.kill()

    def start(self, token: str = TOKEN) -> float:
        """When it listened, by the monotonic clock."""
        words = [
            configurable_http_proxy(),
            "--ip=127.0.0.1",
            f"--port={self.hub.port}",
            "--api-ip=127.0.0.1",
        ]
        words += [
            f"--api-port={self.api_port}",
            f"--error-target={self.hub.hub_url}/hub/error",
            *self._options,
        ]
        self.process = subprocess.Popen(
            words,
            env={
                **os.environ,
                "CONFIGPROXY_AUTH_TOKEN": token,
                "CALLBOARD_TEST_HUB": str(self.hub.directory),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for(lambda: listens(f"http://127.0.0.1:{self.hub.port}"))
        return time.monotonic()

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def freeze(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> float:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)
        return time.monotonic()

    def routes(self) -> dict[str, dict[str, Any]]:
        return routes_at(self.api_url, TOKEN)

    def wipe(self) -> None:
        for path in self.routes():
            self.send("DELETE", path)

    def send(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {"Authorization": f"token {TOKEN}"}
        return requests.request(
            method, f"{self.api_url}/api/routes{path}", headers=headers, timeout=10, **options
        )


def listens(url: str) -> bool:
    try:
        return requests.get(f"{url}/_chp_healthz", timeout=5).ok
    except requests.RequestException:
        return False


def routes_at(api_url: str, token: str) -> dict[str, dict[str, Any]]:
    answer = requests.get(f"{api_url}/api/routes", headers={"Authorization": f"token {token}"}, timeout=10)
    answer.raise_for_status()
    found: dict[str, dict[str, Any]] = answer.json()
    return found
