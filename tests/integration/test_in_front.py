"""Real programs in front of a hub, with the configurations that deploy/ has: it is with them what it is without."""

from __future__ import annotations

import json
import ssl
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import requests
import websocket

from tests.integration.fronts import FRONTS, nginx
from tests.integration.hub import ADMIN_TOKEN, RealHub

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Unverified HTTPS request"),
]

MIRROR_SERVER = Path(__file__).with_name("mirror_server.py")
CONFIG = """
c.JupyterHub.public_url = "https://hub.example"
c.JupyterHub.trusted_downstream_ips = ["127.0.0.1"]
c.DummyAuthenticator.password = "a password long enough"
"""
TOKEN = {"Authorization": f"token {ADMIN_TOKEN}"}


class Front(NamedTuple):
    hub: RealHub
    url: str

    def session(self) -> requests.Session:
        """Somebody who has typed https://hub.example."""
        session = requests.Session()
        session.verify, session.trust_env = False, False
        session.headers["Host"] = "hub.example"
        return session

    def get(self, path: str, **options: object) -> requests.Response:
        with self.session() as session:
            return session.get(f"{self.url}{path}", headers=TOKEN, timeout=20, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealHub]:
    hub = RealHub(tmp_path_factory.mktemp("hub"), config=CONFIG, cmd=[sys.executable, str(MIRROR_SERVER)])
    try:
        hub.start()
        hub.add_user("alice")
        hub.begin("alice")
        hub.wait_ready("alice")
        yield hub
    finally:
        hub.close()


@pytest.fixture(scope="module", params=FRONTS)
def front(
    request: pytest.FixtureRequest, hub: RealHub, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Front]:
    folder = tmp_path_factory.mktemp(request.param)
    folder.chmod(0o755)
    with FRONTS[request.param](folder, hub) as url:
        yield Front(hub, url)


def test_somebody_logs_in(front: Front) -> None:
    """With cookies that are sent by https alone, and redirects to where they came from."""
    with front.session() as session:
        page = session.get(f"{front.url}/hub/login", timeout=20)
        assert page.status_code == 200
        assert all("Secure" in value for value in page.raw.headers.getlist("Set-Cookie"))
        xsrf = next(cookie.value for cookie in session.cookies if cookie.name == "_xsrf")
        reply = session.post(
            f"{front.url}/hub/login?next=%2Fhub%2Fhome",
            data={"username": "alice", "password": "a password long enough", "_xsrf": xsrf},
            headers={"Origin": "https://hub.example", "Sec-Fetch-Site": "same-origin"},
            allow_redirects=False,
            timeout=20,
        )
        assert (reply.status_code, reply.headers["Location"]) == (302, "/hub/home")
        jar = "; ".join(f"{cookie.name}={cookie.value}" for cookie in session.cookies)
        home = session.get(f"{front.url}/hub/home", headers={"Cookie": jar}, timeout=20)
        assert "alice" in home.text


def test_it_is_known_who_asks_and_how(front: Front) -> None:
    told = front.get("/user/alice/what").json()["headers"]
    assert told["Host"] == "hub.example"
    assert told["X-Forwarded-Proto"].split(",")[0] == "https"
    front.get("/hub/api/users?who=asks")
    assert "@127.0.0.1) " in next(line for line in front.hub.log(0).splitlines() if "who=asks" in line)


@pytest.mark.parametrize(
    "path",
    [
        "/user/alice/files/a%20b.txt",
        "/user/alice/files/a%2Fb.txt",
        "/user/alice/files/%C3%A4.txt",
        "/user/alice/files/100%25.txt?x=a%26b&y=%2F",
        "/user/alice/files//double/",
    ],
)
def test_paths_arrive_as_they_were_sent(front: Front, path: str) -> None:
    assert front.get(path).json()["target"] == path


def test_event_streams_are_not_held_back(front: Front) -> None:
    """Until a buffer is full, say: the hub's own, and one of somebody's server."""
    for path, sign in (
        ("/hub/api/users/alice/server/progress", b"ready"),
        ("/hub/api/events", b"user.created"),
        ("/user/alice/ticks", b"tick"),
    ):
        with front.get(path, stream=True) as stream:
            front.hub.add_user(f"somebody-{time.time_ns()}")
            assert next(line for line in stream.iter_lines(chunk_size=1) if sign in line)


def test_the_hubs_own_streams_pass_an_nginx_that_is_told_nothing_about_them(
    hub: RealHub, tmp_path: Path
) -> None:
    with nginx(tmp_path, hub, without="proxy_buffering off;") as url:
        front = Front(hub, url)
        with front.get("/hub/api/events", stream=True) as stream:
            hub.add_user("last")
            assert next(line for line in stream.iter_lines(chunk_size=1) if b'"last"' in line)


def test_large_files_come_up(front: Front) -> None:
    """Longer than what such programs take by themselves (1 MB), and slowly."""
    with front.session() as session:
        reply = session.post(
            f"{front.url}/user/alice/upload", data=b"x" * 30_000_000, headers=TOKEN, timeout=60
        )
    assert reply.json()["length"] == 30_000_000


def test_a_kernels_websocket(front: Front) -> None:
    connection = websocket.create_connection(
        front.url.replace("https:", "wss:") + "/user/alice/ws",
        sslopt={"cert_reqs": ssl.CERT_NONE, "check_hostname": False, "server_hostname": "hub.example"},
        host="hub.example",
        origin="https://hub.example",
        timeout=20,
    )
    try:
        for message in ("hello", json.dumps({"code": "x" * 200_000})):
            connection.send(message)
            assert connection.recv() == message
    finally:
        connection.close()
