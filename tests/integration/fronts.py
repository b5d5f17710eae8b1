"""nginx, Caddy and Apache as Debian has them, in front of a hub, each with the configuration that deploy/ has.

In that only ports and paths of files are changed, and around it is what a system has: modules, places of files.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from tests.engines.debian import need
from tests.integration.hub import RealHub, free_ports, wait_for

CONFIGURATIONS = Path(__file__).parents[2] / "deploy/proxies"
AROUND_NGINX = """
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
AROUND_CADDY = """{{
    admin off
    skip_install_trust
    grace_period 1s
    http_port {plain}
    https_port {secure}
    default_sni hub.example
    local_certs
}}
"""
# what Debian enables by itself, and what the first line of deploy/proxies/apache.conf asks for
MODULES = (
    *("mpm_event", "authz_core", "authz_host", "reqtimeout", "socache_shmcb"),
    *("ssl", "proxy", "proxy_http", "proxy_wstunnel", "headers"),
)
AROUND_APACHE = """
ServerName hub.example
ServerRoot {folder}
PidFile {folder}/apache.pid
ErrorLog {folder}/error.log
DefaultRuntimeDir {folder}
Mutex file:{folder} default
Listen 127.0.0.1:{secure}
{modules}
User nobody
Group nogroup
RequestReadTimeout header=20-40,minrate=500
RequestReadTimeout body=10,minrate=500
Include {folder}/hub.conf
"""


@contextmanager
def nginx(folder: Path, hub: RealHub, *, without: str = "") -> Iterator[str]:
    """Its URL. A certificate of nobody's, for hub.example. `without`: a line that is not in its configuration."""
    plain, secure = free_ports(2)
    make_certificate(folder)
    _write(
        folder,
        "nginx.conf",
        hub,
        {
            "listen 80;": f"listen 127.0.0.1:{plain};",
            "listen 443 ssl;": f"listen 127.0.0.1:{secure} ssl;",
            without: "",
        },
    )
    (folder / "nginx.conf").write_text(AROUND_NGINX.format(folder=folder))
    command = [need("nginx", "nginx-light"), "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]
    with _running(command, folder, secure) as url:
        yield url


@contextmanager
def caddy(folder: Path, hub: RealHub) -> Iterator[str]:
    """Its URL. It makes the certificate itself."""
    plain, secure = free_ports(2)
    _write(folder, "Caddyfile", hub, {})
    around = AROUND_CADDY.format(plain=plain, secure=secure)
    (folder / "Caddyfile").write_text(around + (folder / "hub.conf").read_text())
    command = [need("caddy", "caddy"), "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]
    with _running(command, folder, secure) as url:
        yield url


@contextmanager
def apache(folder: Path, hub: RealHub) -> Iterator[str]:
    (secure,) = free_ports(1)
    program = need("apache2", "apache2-bin")
    make_certificate(folder)
    _write(folder, "apache.conf", hub, {"*:443": f"*:{secure}"})
    modules = "\n".join(f"LoadModule {one}_module /usr/lib/apache2/modules/mod_{one}.so" for one in MODULES)
    text = AROUND_APACHE.format(folder=folder, secure=secure, modules=modules)
    (folder / "apache2.conf").write_text(text)
    with _running([program, "-f", str(folder / "apache2.conf"), "-D", "FOREGROUND"], folder, secure) as url:
        yield url


FRONTS = {"nginx": nginx, "caddy": caddy, "apache": apache}


def _write(folder: Path, name: str, hub: RealHub, other: dict[str, str]) -> None:
    """The configuration of deploy/ as `hub.conf`; each text in it that is told to be another is there."""
    text = (CONFIGURATIONS / name).read_text()
    address = hub.url.removeprefix("http://")
    for before, after in {"127.0.0.1:8000": address, **other}.items():
        assert before in text, before
        text = text.replace(before, after)
    (folder / "hub.conf").write_text(text.replace("/etc/ssl/hub.example", f"{folder}/hub.example"))


@contextmanager
def _running(command: list[str], folder: Path, port: int) -> Iterator[str]:
    """Until all is done. What it says is in `said.log`."""
    own = {"PATH": os.environ["PATH"], "HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    url = f"https://127.0.0.1:{port}"
    with (folder / "said.log").open("wb") as said:
        process = subprocess.Popen(command, cwd=folder, env=own, stdout=said, stderr=said)
    try:
        wait_for(lambda: _answers(f"{url}/hub/api/") or process.poll() is not None, 30)
        assert process.poll() is None, (folder / "said.log").read_text()
        yield url
    finally:
        process.terminate()
        process.wait(20)


def make_certificate(folder: Path) -> None:
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
        return requests.get(url, timeout=5, verify=False, headers={"Host": "hub.example"}).ok
    except requests.RequestException:
        return False
