"""A real nginx in front, with the configuration that deploy/ has: https, event streams, WebSockets, and a login."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
import websocket

from tests.chaos.runner import TICK_SERVER
from tests.integration.conftest import MakeHub
from tests.integration.hub import ADMIN_TOKEN, RealHub, free_ports, wait_for

pytestmark = pytest.mark.slow

CONF = Path(__file__).parents[2] / "deploy/proxies/nginx.conf"
AROUND = """
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/hub.conf;
}}
"""


@contextmanager
def nginx(folder: Path, hub: RealHub) -> Iterator[str]:
    """Its URL. nginx as Debian has it, with its own defaults but for where its files are."""
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    plain, secure = free_ports(2)
    _make_certificate(folder)
    text = CONF.read_text().replace("/etc/ssl/hub.example", f"{folder}/hub.example")
    text = text.replace("listen 80;", f"listen 127.0.0.1:{plain};")
    text = text.replace("listen 443 ssl;", f"listen 127.0.0.1:{secure} ssl;")
    (folder / "hub.conf").write_text(text.replace("http://127.0.0.1:8000", hub.url))
    (folder / "nginx.conf").write_text(AROUND.format(folder=folder))
    process = subprocess.Popen([program, "-c", str(folder / "nginx.conf"), "-g", "daemon off;"])
    try:
        wait_for(lambda: _answers(f"https://127.0.0.1:{secure}/hub/api/"))
        yield f"https://127.0.0.1:{secure}"
    finally:
        process.terminate()
        process.wait(10)


def _make_certificate(folder: Path) -> None:
    words = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=hub.example",
    ]
    files = ["-keyout", f"{folder}/hub.example.key", "-out", f"{folder}/hub.example.pem"]
    subprocess.run([*words, *files], check=True, capture_output=True)


def _answers(url: str) -> bool:
    try:
        return bool(requests.get(url, timeout=5, verify=False).ok)
    except requests.RequestException:
        return False


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_a_hub_behind_nginx_is_what_it_is_without(make_hub: MakeHub, tmp_path: Path) -> None:
    hub = make_hub(
        config='c.JupyterHub.trusted_downstream_ips = ["127.0.0.1"]\n',
        cmd=[sys.executable, "-S", "-E", str(TICK_SERVER)],
    )
    hub.start()
    hub.add_user("alice")
    (tmp_path / "nginx").mkdir()
    with nginx(tmp_path / "nginx", hub) as url:
        session = requests.Session()
        session.verify, session.trust_env = False, False
        session.headers["Host"] = "hub.example"
        token = {"Authorization": f"token {ADMIN_TOKEN}"}

        page = session.get(f"{url}/hub/login", timeout=10)
        assert page.status_code == 200
        assert all("Secure" in value for value in page.headers["Set-Cookie"].split("\n"))

        assert session.post(f"{url}/hub/api/users/alice/server", headers=token, timeout=10).status_code in (
            201,
            202,
        )
        hub.wait_ready("alice")
        began = time.monotonic()
        with session.get(
            f"{url}/hub/api/users/alice/server/progress", headers=token, stream=True, timeout=10
        ) as stream:
            line = next(line for line in stream.iter_lines() if line.startswith(b"data:"))
        assert b"ready" in line

        with session.get(f"{url}/hub/api/events", headers=token, stream=True, timeout=20) as events:
            seen = (line for line in events.iter_lines() if b"user.created" in line and b"bob" in line)
            hub.add_user("bob")
            assert next(seen)
        assert time.monotonic() - began < 30  # nothing was held back until a buffer was full

        assert _told(url, "/user/alice/ws") == ["0", "1", "2"]


def _told(url: str, path: str) -> list[str]:
    """The first things that a server says on a WebSocket through it."""
    connection = websocket.create_connection(
        url.replace("https:", "wss:") + path,
        sslopt={"cert_reqs": ssl.CERT_NONE},
        host="hub.example",
        timeout=10,
    )
    try:
        return [str(connection.recv()) for _ in range(3)]
    finally:
        connection.close()
