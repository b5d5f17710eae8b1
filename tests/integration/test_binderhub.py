"""The calls by which BinderHub has somebody's repository run: a user for each launch, and a server with its image."""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.integration.conftest import MakeHub
from tests.integration.hub import RealHub, wait_for

pytestmark = pytest.mark.slow

TOKEN = "canary-binder-93fd"
CONFIG = f"""
c.JupyterHub.services = [{{"name": "binder", "api_token": "{TOKEN}"}}]
c.JupyterHub.load_roles = [{{"name": "binder", "scopes": ["admin:users", "servers"], "services": ["binder"]}}]
c.JupyterHub.tornado_settings = {{"slow_spawn_timeout": 0, "slow_stop_timeout": 0}}
c.Authenticator.allow_all = False
"""


class Binder:
    """What its launcher asks of a hub, in its order: see binderhub/launcher.py of BinderHub 1.0."""

    def __init__(self, hub: RealHub) -> None:
        self._hub = hub

    def ask(self, method: str, path: str, body: Any = None) -> requests.Response:
        """A body is JSON without a Content-Type that says so; a POST without one is empty."""
        headers = {"Authorization": f"token {TOKEN}"}
        data = b"" if body is None else json.dumps(body).encode()
        return requests.request(
            method, f"{self._hub.url}/hub/api/{path}", headers=headers, data=data, timeout=30
        )

    def launch(self, image: str, user: str, server: str = "") -> dict[str, str]:
        made = self.ask("POST", f"users/{user}")
        assert made.status_code == 201, made.text
        token = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        options = {"image": image, "token": token, "repo_url": "https://example.org/alice/analysis"}
        path = f"users/{user}/servers/{server}"
        begun = self.ask("POST", path, options)
        assert begun.status_code in (201, 202), begun.text
        for message in self.progress(path):
            assert not message.get("failed"), message
        model = self.ask("GET", f"users/{user}").json()
        assert model["servers"][server]["ready"]
        return {"url": f"{self._hub.url}{model['servers'][server]['url']}", "token": token}

    def progress(self, path: str) -> Iterator[dict[str, Any]]:
        headers = {"Authorization": f"token {TOKEN}", "Accept": "text/event-stream"}
        url = f"{self._hub.url}/hub/api/{path}/progress"
        with requests.get(url, headers=headers, stream=True, timeout=30) as stream:
            assert stream.status_code == 200
            for line in stream.iter_lines(decode_unicode=True):
                if line.startswith("data:"):
                    yield json.loads(line.partition(":")[2])

    def wait_pending_over(self, user: str) -> dict[str, Any]:
        """As it waits where there is no progress: it asks for the user again and again."""
        for number in range(64):
            model: dict[str, Any] = self.ask("GET", f"users/{user}").json()
            if model["servers"].get("", {}).get("ready") or not model["pending"]:
                return model
            time.sleep(min(1.4**number / 10, 1))
        raise AssertionError("it took too long")


@pytest.fixture
def hub(make_hub: MakeHub) -> RealHub:
    hub = make_hub(config=CONFIG)
    hub.start()
    return hub


@pytest.mark.parametrize("server", ["", "launch-1"])
def test_a_launch_has_a_user_of_its_own_whose_server_has_its_options(hub: RealHub, server: str) -> None:
    launched = Binder(hub).launch("registry.example/alice-analysis:abc", "alice-analysis-x1y2", server)
    assert launched["url"] == f"{hub.url}/user/alice-analysis-x1y2/{server + '/' if server else ''}"
    options = hub.server("alice-analysis-x1y2", server)["user_options"]
    assert options["image"] == "registry.example/alice-analysis:abc"
    assert options["repo_url"] == "https://example.org/alice/analysis"


def test_a_launch_is_waited_for_by_asking_for_its_user(hub: RealHub) -> None:
    binder = Binder(hub)
    binder.ask("POST", "users/alice-x1")
    assert binder.ask("POST", "users/alice-x1/server", {"image": "i", "token": "t"}).status_code == 202
    assert binder.wait_pending_over("alice-x1")["server"] == "/user/alice-x1/"


def test_a_second_launch_of_the_same_name_is_a_conflict_and_a_culled_one_is_gone(hub: RealHub) -> None:
    binder = Binder(hub)
    binder.launch("registry.example/image", "alice-x1")
    assert binder.ask("POST", "users/alice-x1").status_code == 409
    assert binder.ask("DELETE", "users/alice-x1/server").status_code in (202, 204)
    wait_for(lambda: not binder.ask("GET", "users/alice-x1").json()["servers"], 30)
    assert binder.ask("DELETE", "users/alice-x1").status_code == 204
    assert binder.ask("GET", "users/alice-x1").status_code == 404
