"""Our proxy under another hub: the real JupyterHub drives it, and its API answers as configurable-http-proxy's does."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import websocket

from tests.chaos.runner import TICK_SERVER
from tests.integration.hub import BIN, free_ports, wait_for
from tests.proxies import configurable_http_proxy
from tests.proxies.external import listens
from tests.proxies.jupyterhub import JupyterHub

pytestmark = pytest.mark.slow

TOKEN = "token-of-both-proxies"
OURS = [str(BIN / "callboard"), "proxy", "--api"]


@pytest.fixture
def jupyterhub(tmp_path: Path) -> Iterator[JupyterHub]:
    hub = JupyterHub(tmp_path, cmd=[sys.executable, "-S", "-E", str(TICK_SERVER)])
    yield hub
    hub.close()


def log_in(hub: JupyterHub, name: str) -> requests.Session:
    """As a browser does."""
    session = requests.Session()
    page = session.get(f"{hub.url}/hub/login", timeout=30)
    form = {"username": name, "password": "x", "_xsrf": session.cookies["_xsrf"]}
    assert page.status_code == 200
    answer = session.post(f"{hub.url}/hub/login?next=/hub/home", data=form, timeout=30)
    assert (answer.status_code, answer.url) == (200, f"{hub.url}/hub/home")
    return session


def start_server(hub: JupyterHub, name: str) -> None:
    assert hub.api("POST", f"/users/{name}").status_code in (201, 409)
    assert hub.api("POST", f"/users/{name}/server").status_code in (201, 202)
    wait_for(lambda: hub.api("GET", f"/users/{name}").json()["servers"].get("", {}).get("ready"), 30)


def test_the_real_jupyterhub_logs_people_in_and_leads_them_to_their_servers(jupyterhub: JupyterHub) -> None:
    jupyterhub.start()
    log_in(jupyterhub, "alice")
    start_server(jupyterhub, "alice")
    routes = jupyterhub.routes()
    assert set(routes) == {"/", "/user/alice"}
    assert (routes["/"]["hub"], routes["/user/alice"]["user"]) == (True, "alice")

    moment = routes["/user/alice"]["last_activity"]
    assert requests.get(f"{jupyterhub.url}/user/alice/", timeout=10).status_code == 200
    assert jupyterhub.routes()["/user/alice"]["last_activity"] > moment
    assert set(jupyterhub.routes("?inactive_since=2000-01-01T00:00:00Z")) == set()
    assert set(jupyterhub.routes("?inactive_since=2999-01-01T00:00:00Z")) == {"/", "/user/alice"}
    socket = websocket.create_connection(
        f"{jupyterhub.url.replace('http', 'ws')}/user/alice/ticks", timeout=10
    )
    assert socket.recv()
    socket.close()

    assert jupyterhub.api("DELETE", "/users/alice/server").status_code in (202, 204)
    wait_for(lambda: set(jupyterhub.routes()) == {"/"}, 20)
    gone = requests.get(f"{jupyterhub.url}/user/alice/api", timeout=10, allow_redirects=False)
    assert (gone.status_code, gone.headers["Location"]) == (302, "/hub/user/alice/api")
    assert "version" in requests.get(f"{jupyterhub.url}/hub/api/", timeout=10).json()


@pytest.mark.world
def test_jupyterhub_starts_another_of_ours_where_one_was_killed(tmp_path: Path) -> None:
    hub = JupyterHub(tmp_path, "c.ConfigurableHTTPProxy.check_running_interval = 1")
    try:
        hub.start()
        start_server(hub, "alice")
        os.kill(hub.proxy_pid(), signal.SIGKILL)
        wait_for(lambda: _answers(f"{hub.url}/user/alice/api"), 20)
        assert set(hub.routes()) == {"/", "/user/alice"}
    finally:
        hub.close()


@pytest.mark.world
def test_what_has_no_route_or_no_server_is_a_page_of_jupyterhubs(tmp_path: Path) -> None:
    hub = JupyterHub(tmp_path)
    try:
        hub.start()
        hub.api("POST", "/proxy")
        headers = {"Authorization": "token token-of-the-hubs-proxy"}
        dead = {"target": "http://127.0.0.1:9", "jupyterhub": False}
        requests.post(f"{hub.api_url}/api/routes/dead", json=dead, headers=headers, timeout=10)
        answer = requests.get(f"{hub.url}/dead/x", headers={"Accept": "text/html"}, timeout=10)
        assert answer.status_code == 503
        assert "jupyterhub" in answer.text.lower()
    finally:
        hub.close()


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).status_code == 200
    except requests.RequestException:
        return False


# --- beside the real one ---


class Running:
    def __init__(self, command: list[str]) -> None:
        self.port, self.api_port = free_ports(2)
        public = ["--ip", "127.0.0.1", "--port", str(self.port)]
        api = ["--api-ip", "127.0.0.1", "--api-port", str(self.api_port), "--log-level", "error"]
        environment = {**os.environ, "CONFIGPROXY_AUTH_TOKEN": TOKEN}
        self.process = subprocess.Popen([*command, *public, *api], env=environment, stdin=subprocess.DEVNULL)
        wait_for(lambda: listens(f"http://127.0.0.1:{self.port}") and self._has_api(), 20)

    def _has_api(self) -> bool:
        try:
            return self.ask("GET", "/api/routes").status_code == 200
        except requests.RequestException:
            return False

    def ask(self, method: str, path: str, body: bytes | None = None, token: str = TOKEN) -> requests.Response:
        request = requests.Request(method, f"http://127.0.0.1:{self.api_port}", data=body)
        prepared = request.prepare()
        prepared.url = f"http://127.0.0.1:{self.api_port}{path}"
        if token:
            prepared.headers["Authorization"] = f"token {token}"
        return requests.Session().send(prepared, timeout=10)

    def close(self) -> None:
        self.process.kill()
        self.process.wait(10)


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[Running, Running]]:
    running: list[Running] = []
    try:
        running += [Running(OURS), Running([configurable_http_proxy()])]
        yield running[0], running[1]
    finally:
        for each in running:
            each.close()


def route(target: str = "http://127.0.0.1:9", **data: Any) -> bytes:
    return json.dumps({"target": target, **data}).encode()


ASKED: list[tuple[Any, ...]] = [
    ("GET", "/api/routes"),
    ("GET", "/api/routes/"),
    ("POST", "/api/routes/user/alice", route(user="alice", jupyterhub=True, nested={"a": [1, None]})),
    ("GET", "/api/routes/user/alice"),
    ("GET", "/api/routes/user/alice/"),
    ("GET", "/api/routes/user"),
    ("GET", "/api/routes/user/alice/lab"),
    ("POST", "/api/routes/user/x%20y%C3%A9/n1", route()),
    ("GET", "/api/routes/user/x%20y%C3%A9/n1"),
    ("POST", "/api/routes/user/alice/", route("http://127.0.0.1:8", user="bob")),
    ("GET", "/api/routes"),
    ("GET", "/api/routes?inactive_since=2000-01-01T00:00:00Z"),
    ("GET", "/api/routes?inactiveSince=2999-01-01T00:00:00.000Z"),
    ("GET", "/api/routes?inactive_since=2999-01-01"),
    ("GET", "/api/routes?inactive_since=nonsense"),
    ("GET", "/api/routes?other=1"),
    ("POST", "/api/routes/a", b'{"user": "alice"}'),
    ("POST", "/api/routes/a", b'{"target": 5}'),
    ("POST", "/api/routes/a", b"[]"),
    ("POST", "/api/routes/a", b"null"),
    ("POST", "/api/routes/a", b"{"),
    ("POST", "/api/routes/a", b""),
    ("POST", "/api/routes", route()),
    ("GET", "/api/routes"),
    ("DELETE", "/api/routes/user/x%20y%C3%A9/n1"),
    ("DELETE", "/api/routes/user/x%20y%C3%A9/n1"),
    ("DELETE", "/api/routes/user/alice/"),
    ("DELETE", "/api/routes/"),
    ("GET", "/api/routes"),
    ("PUT", "/api/routes/a", route()),
    ("PATCH", "/api/routes", route()),
    ("GET", "/api"),
    ("GET", "/api/routesx"),
    ("GET", "/"),
    ("GET", "/api/routes", None, "wrong"),
    ("GET", "/api/routes", None, ""),
    ("POST", "/api/routes/a", route(), "wrong"),
    ("DELETE", "/api/routes/a", None, "wrong"),
    ("POST", "/api/routes/a", b"{", "wrong"),
]


@pytest.mark.world
def test_the_same_requests_get_the_same_answers(both: tuple[Running, Running]) -> None:
    for asked in ASKED:
        ours, theirs = (told(running.ask(*asked)) for running in both)
        if asked[3:] == ("wrong",) and asked[2] == b"{":
            assert (ours[0], theirs[0]) == (403, 400), "who may not ask learns nothing of what they sent"
            continue
        assert ours == theirs, asked


def told(answer: requests.Response) -> tuple[int, Any]:
    """Without moments, and without what a parser has to say of what is no JSON."""
    content: Any = answer.text
    if answer.headers.get("Content-Type", "").startswith("application/json"):
        content = json.loads(re.sub(r'"last_activity":"[^"]+Z"', '"last_activity":"Z"', answer.text))
    elif content.startswith("Body not valid JSON"):
        content = "Body not valid JSON"
    return answer.status_code, content


@pytest.mark.world
@pytest.mark.parametrize(
    "path", ["/user/alice", "/user/alice/", "/user/alice/a%20b?c=d", "/user/alicex", "/"]
)
def test_visitors_are_led_alike(both: tuple[Running, Running], path: str) -> None:
    for running in both:
        running.ask("POST", "/api/routes/user/alice", route())
    answers = [
        requests.get(f"http://127.0.0.1:{running.port}{path}", timeout=10, allow_redirects=False).status_code
        for running in both
    ]
    assert answers[0] == answers[1]


@pytest.mark.world
def test_a_use_moves_the_moment_and_a_failure_does_not(both: tuple[Running, Running]) -> None:
    for running in both:
        running.ask("POST", "/api/routes/user/alice", route())
        before = running.ask("GET", "/api/routes/user/alice").json()["last_activity"]
        time.sleep(0.01)
        assert requests.get(f"http://127.0.0.1:{running.port}/user/alice/x", timeout=10).status_code == 503
        assert running.ask("GET", "/api/routes/user/alice").json()["last_activity"] == before


# --- more of JupyterHub's use of it ---


@pytest.mark.world
def test_jupyterhub_learns_from_it_who_is_at_work(tmp_path: Path) -> None:
    hub = JupyterHub(tmp_path, "c.JupyterHub.last_activity_interval = 1")
    try:
        hub.start()
        start_server(hub, "alice")
        before = hub.api("GET", "/users/alice").json()["servers"][""]["last_activity"]
        time.sleep(1.5)
        assert requests.get(f"{hub.url}/user/alice/api", timeout=10).status_code == 200
        wait_for(lambda: hub.api("GET", "/users/alice").json()["servers"][""]["last_activity"] > before, 20)
    finally:
        hub.close()


@pytest.mark.world
def test_jupyterhub_gives_it_routes_with_hosts(tmp_path: Path) -> None:
    hub = JupyterHub(tmp_path)
    config = tmp_path / "jupyterhub_config.py"
    config.write_text(f'{config.read_text()}c.JupyterHub.subdomain_host = "http://hub.test:{hub.port}"\n')
    try:
        hub.start()
        start_server(hub, "alice")
        assert set(hub.routes()) == {"/", "/alice.hub.test/user/alice"}
        assert hub.routes()["/alice.hub.test/user/alice"]["host"] == "alice.hub.test"
        headers = {"Host": f"alice.hub.test:{hub.port}"}
        assert requests.get(f"{hub.url}/user/alice/api", headers=headers, timeout=10).status_code == 200
    finally:
        hub.close()
