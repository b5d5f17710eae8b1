"""A JupyterHub as it comes from PyPI, of any version, run as a black box: started, asked over HTTP, stopped.

It has no proxy, and is asked at its own port. Its servers are `page_server.py`, and outlive it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

from tests.integration.hub import PAGE_SERVER, SERVER_MARK, free_ports, wait_for

ADMIN_TOKEN = "canary-admin-7c1e5a90b2"
GRADER_TOKEN = "canary-grader-55d0a3f1c8e4"
CRYPT_KEY = "c0ffee00" * 8
COOKIE_DAYS = 30_000  # also of tokens of visitors: kept databases are for a long time
BIN = Path(sys.executable).parent

CONFIG = """
import os
from jupyterhub.auth import DummyAuthenticator
from jupyterhub.proxy import Proxy
from jupyterhub import version_info

class NoProxy(Proxy):
    should_start = False
    routes = {{}}

    async def add_route(self, routespec, target, data):
        self.routes[routespec] = {{"routespec": routespec, "target": target, "data": data}}

    async def delete_route(self, routespec):
        self.routes.pop(routespec, None)

    async def get_all_routes(self):
        return dict(self.routes)

class Known(DummyAuthenticator):
    async def authenticate(self, handler, data):
        if data["password"] != "opensesame":
            return None
        return {{"name": data["username"], "auth_state": {{"upstream": "canary-state-of-" + data["username"]}}}}

c = get_config()
c.JupyterHub.proxy_class = NoProxy
c.JupyterHub.authenticator_class = Known
c.Authenticator.allow_all = True
c.Authenticator.enable_auth_state = True
c.Authenticator.admin_users = {{"admin"}}
c.JupyterHub.bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.hub_port = {hub_port}
c.JupyterHub.db_url = "{db_url}"
c.JupyterHub.allow_named_servers = True
c.JupyterHub.cleanup_servers = False
c.JupyterHub.cookie_max_age_days = {cookie_days}
c.JupyterHub.api_tokens = {{"{admin_token}": "admin"}}
"""
COMMON = """
c.JupyterHub.services = [
    {{
        "name": "grader",
        "api_token": "{grader_token}",
        "oauth_client_id": "service-grader",
        "oauth_redirect_uri": "http://127.0.0.1:9/grader/oauth_callback",
        "oauth_no_confirm": True,
    }},
]
c.JupyterHub.load_roles = [
    {{
        "name": "teacher",
        "description": "Looks after pupils",
        "scopes": [
            "list:users",
            "read:users!group=pupils",
            "access:services!service=grader",
            "access:servers!group=pupils",
        ],
        "users": ["bob"],
        "groups": ["staff"],
        "services": ["grader"],
    }},
    {{
        "name": "user",
        "scopes": ["self"{more_of_users}],
    }},
]
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = "{directory}/homes/{{username}}"
c.Spawner.environment = {{"{server_mark}": "{directory}"}}
c.Spawner.cmd = {cmd!r}
"""


def common_config(directory: Path, *, shares: bool) -> str:
    """What both hubs are told: services, roles, and what a server is."""
    return COMMON.format(
        directory=directory,
        grader_token=GRADER_TOKEN,
        more_of_users=', "shares!user", "read:users:name", "read:groups:name"' if shares else "",
        server_mark=SERVER_MARK,
        cmd=PAGE_SERVER,
    )


class OtherHub:
    """`programs`: the folder of its `jupyterhub`. `config`: lines to add to its configuration file.

    `environment`: what it finds in its own, too.
    """

    def __init__(
        self,
        directory: Path,
        *,
        programs: Path = BIN,
        db_url: str = "sqlite:///jupyterhub.sqlite",
        config: str = "",
        environment: dict[str, str] | None = None,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.port, self.hub_port = free_ports(2)
        self.url = f"http://127.0.0.1:{self.hub_port}"
        self.database = directory / "jupyterhub.sqlite"
        self.log_file = directory / "jupyterhub.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._programs = programs
        self._environment = environment or {}
        self.version = self._version()
        own = CONFIG.format(
            port=self.port,
            hub_port=self.hub_port,
            db_url=db_url,
            admin_token=ADMIN_TOKEN,
            cookie_days=COOKIE_DAYS,
        )
        self.common = common_config(directory, shares=self.version >= (5,))
        (directory / "jupyterhub_config.py").write_text(own + self.common + config)

    def _version(self) -> tuple[int, ...]:
        program = "import jupyterhub; print(*jupyterhub.version_info[:2])"
        said = subprocess.run(
            [str(self._programs / "python"), "-W", "ignore", "-c", program], capture_output=True, check=True
        )
        return tuple(map(int, said.stdout.split()))

    def start(self) -> None:
        own = {key: value for key, value in os.environ.items() if not key.startswith("CALLBOARD_")}
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [str(self._programs / "jupyterhub"), "-f", "jupyterhub_config.py"],
                cwd=self.directory,
                env={
                    **own,
                    "JUPYTERHUB_CRYPT_KEY": CRYPT_KEY,
                    "PATH": f"{self._programs}:{os.environ['PATH']}",
                    "PYTHONWARNINGS": "ignore",
                    **self._environment,
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        wait_for(self._answers, 60)

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log_file.read_text()[-3000:]
        try:
            return requests.get(f"{self.url}/hub/api", timeout=5).status_code == 200
        except requests.ConnectionError:
            return False

    def stop(self) -> None:
        """Its servers go on."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)

    # --- asking it ---

    def api(self, method: str, path: str, *, token: str = ADMIN_TOKEN, **options: Any) -> requests.Response:
        headers = {"Authorization": f"token {token}", **options.pop("headers", {})}
        options.setdefault("timeout", 40)
        return requests.request(method, f"{self.url}/hub/api{path}", headers=headers, **options)

    def ask(self, method: str, path: str, **options: Any) -> Any:
        answer = self.api(method, path, **options)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.text else None

    def have(self, path: str) -> None:
        """A user or group, who may be there already."""
        assert self.api("POST", path).status_code in (201, 409), path

    def log_in(self, name: str) -> requests.Session:
        """A browser in which somebody has logged in."""
        browser = requests.Session()
        browser.get(f"{self.url}/hub/login", timeout=10)
        answer = browser.post(
            f"{self.url}/hub/login",
            data={
                "username": name,
                "password": "opensesame",
                "_xsrf": browser.cookies.get("_xsrf", path="/hub/") or "",
            },
            allow_redirects=False,
            timeout=10,
        )
        assert answer.status_code == 302, answer.text
        return browser

    def visit(
        self, browser: requests.Session, client_id: str, secret: str, callback: str, scope: str = ""
    ) -> str:
        """The token that a server or service gets for whoever looks in by this browser."""
        query = {"client_id": client_id, "redirect_uri": callback, "response_type": "code", "state": "s"}
        answer = browser.get(
            f"{self.url}/hub/api/oauth2/authorize", params=query, allow_redirects=False, timeout=10
        )
        assert answer.status_code == 302, f"{answer.status_code} {answer.text[:2000]}"
        code = parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]
        answer = requests.post(
            f"{self.url}/hub/api/oauth2/token",
            data={
                "grant_type": "authorization_code",
                "client_id": client_id,
                "client_secret": secret,
                "redirect_uri": callback,
                "code": code,
            },
            timeout=10,
        )
        assert answer.ok, answer.text
        return str(answer.json()["access_token"])

    def start_server(self, user: str, name: str = "", **options: Any) -> dict[str, str]:
        """Start it, wait until it is ready: its environment."""
        path = f"/users/{user}/servers/{name}" if name else f"/users/{user}/server"
        assert self.api("POST", path, json=options).status_code in (201, 202)
        wait_for(lambda: (self.ask("GET", f"/users/{user}")["servers"] or {}).get(name, {}).get("ready"), 60)
        prefix = f"/user/{user}/{name}/" if name else f"/user/{user}/"
        return next(one for one in self.servers() if one["JUPYTERHUB_SERVICE_PREFIX"] == prefix)

    # --- what it leaves ---

    def servers(self) -> list[dict[str, str]]:
        """The environments of its servers that run, each with its pid."""
        found = []
        for entry in os.listdir("/proc"):
            if entry.isdecimal() and (environment := _environment(entry)).get(SERVER_MARK) == str(
                self.directory
            ):
                found.append({**environment, "pid": entry})
        return found

    def close(self) -> None:
        self.stop()
        deadline = time.monotonic() + 10
        while left := self.servers():
            for server in left:
                _end(int(server["pid"]))
            assert time.monotonic() < deadline, f"do not end: {left}"
            time.sleep(0.02)


def _environment(pid: str) -> dict[str, str]:
    try:
        raw = Path(f"/proc/{pid}/environ").read_bytes().decode("utf-8", "replace")
    except OSError:
        return {}
    return dict(line.split("=", 1) for line in raw.split("\0") if "=" in line)


def _end(pid: int) -> None:
    try:
        os.kill(pid, 9)
    except ProcessLookupError:
        return


def as_json(held: Any, path: Path) -> None:
    path.write_text(json.dumps(held, indent=2) + "\n")
