"""The command `callboard`, and the hub that `make hub` starts for whoever tries it."""

from __future__ import annotations

import json
import os
import re
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import MakeHub
from tests.integration.hub import ADMIN_TOKEN, CALLBOARD, SERVER_MARK, RealHub, wait_for

REPOSITORY = Path(__file__).parents[2]


def callboard(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [CALLBOARD, *arguments],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
        env={"LANG": "C.UTF-8", "PYTHONPATH": os.environ.get("PYTHONPATH", "")},
    )


def test_version() -> None:
    said = callboard("--version")
    assert (said.returncode, said.stdout.strip(), said.stderr) == (0, version("callboard"), "")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--help"], ["run", "proxy", "--version"]),
        (["-h"], ["run", "proxy", "--version"]),
        (["run", "--help"], ["--config", "--Class.trait=value"]),
        (["proxy", "--help"], ["--bind-url", "--hub-url", "--pid-file", "CALLBOARD_PROXY_TOKEN"]),
    ],
)
def test_help(arguments: list[str], named: list[str]) -> None:
    said = callboard(*arguments)
    assert said.returncode == 0
    assert said.stderr == ""
    assert all(name in said.stdout for name in named)


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["dance"], 1),
        (["run", "dance"], 1),
        (["-f", "hub_config.py", "token"], 1),
        (["token", "alice", "bob"], 1),
        (["proxy", "--no-such-option"], 2),
        (["proxy"], 2),
        (["run", "--port"], 2),
    ],
)
def test_what_it_does_not_understand(arguments: list[str], status: int) -> None:
    said = callboard(*arguments)
    assert said.returncode == status
    assert "Traceback" not in said.stderr
    assert "Error: " in said.stderr


# --- make hub ---


@pytest.fixture
def local_hub(make_hub: MakeHub) -> RealHub:
    """The hub of `make hub`, elsewhere and on other ports."""
    hub = make_hub()
    config = REPOSITORY / "deploy" / "local" / "hub_config.py"
    (recipe,) = re.findall(r"^hub: .*\n\t(.+)$", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
    assert recipe == "$(BIN)/callboard -f deploy/local/hub_config.py --hello"
    hub.command = [
        CALLBOARD,
        "-f",
        str(config),
        "--hello",
        f"--JupyterHub.bind_url={hub.url}",
        f"--JupyterHub.hub_port={hub.hub_port}",
        f"--Spawner.environment={{'{SERVER_MARK}': '{hub.directory}'}}",
    ]
    hub.start()
    wait_for(lambda: "Ctrl-C" in hub.log())
    return hub


def sh(line: str) -> str:
    said = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, timeout=90, check=False)
    assert said.returncode == 0, said.stderr
    return said.stdout


def last_event(stream: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(stream.strip().splitlines()[-1].removeprefix("data:"))
    return found


@pytest.mark.slow
def test_the_greeting_of_make_hub_can_be_followed_to_the_letter(local_hub: RealHub) -> None:
    hub = local_hub
    greeting = hub.log()[hub.log().index("\nCallboard is running at") :]
    assert f"Callboard is running at {hub.url}/\n" in greeting
    commands = [line.strip() for line in greeting.splitlines() if line.startswith("    ")]
    link, export, *curls = commands
    for logged_in in ("302", "403"):  # once
        assert sh(f"curl --silent --output /dev/null --write-out '%{{http_code}}' '{link}'") == logged_in
    assert export.startswith("export TOKEN=")
    assert [line.split()[0] for line in curls] == ["curl"] * 3
    token = export.partition("=")[2]
    start, progress, status = (sh(f"{export}; {curl} --silent --show-error") for curl in curls)
    assert start.split()[1] in ("201", "202")
    assert last_event(progress)["ready"] is True
    assert '"started"' in status
    assert '"kernels"' in status
    me = hub.api("GET", "/user", token=token).json()
    assert me["admin"] is True
    assert hub.terminate() == 0
    assert hub.processes() == []
    assert token.encode() not in b"".join(
        path.read_bytes() for path in hub.directory.glob("callboard.sqlite*") if path.is_file()
    )


@pytest.mark.slow
def test_the_greeting_below_a_base_url(make_hub: MakeHub) -> None:
    hub = make_hub(config="c.JupyterHub.base_url = '/@/a%20hub/'")
    hub.command.append("--hello")
    hub.start()
    wait_for(lambda: "Ctrl-C" in hub.log())
    said = hub.log()
    assert f"Callboard is running at {hub.url}/@/a%20hub/\n" in said
    lines = [line.strip() for line in said.splitlines() if line.startswith("    ")]
    link, export, *curls = lines
    assert link.startswith(f"{hub.url}/@/a%20hub/hub/login?ticket=")
    told = [sh(f"{export}; {curl} --silent --show-error") for curl in curls]
    assert last_event(told[1])["url"] == "/@/a%20hub/user/admin/"
    assert json.loads(told[2])["prefix"] == "/@/a%20hub/user/admin/"


# --- what must never be said ---

CANARY = "canary-5d0f1c7e88aa"


@pytest.mark.slow
def test_secrets_are_not_said_by_a_hub_at_work(make_hub: MakeHub) -> None:
    secret = "c0ffee" * 11  # hexadecimal, of the cookies
    hub = make_hub(
        config=f"""
c.JupyterHub.log_level = "DEBUG"
c.JupyterHub.cookie_secret = "{secret}"
c.JupyterHub.services = [{{"name": "ops", "api_token": "{CANARY}", "url": "http://127.0.0.1:9"}}]
c.JupyterHub.proxy_auth_token = "{CANARY}"
"""
    )
    hub.start()
    hub.add_user("alice")
    token = hub.token_of("alice")
    hub.begin("alice", json={"user_options": {"a": 1}})
    hub.wait_ready("alice")
    (server,) = hub.server_processes()
    own = server.environment["JUPYTERHUB_API_TOKEN"]
    proxy = hub.proxies()[0].environment["CALLBOARD_PROXY_TOKEN"]
    for some in (token, own, CANARY):
        hub.api("GET", "/user", token=some)
        hub.api("GET", f"/users?token={some}", token=None)
        hub.api("GET", "/nothing", token=f"{some}x")
        hub.api("POST", "/users/alice/tokens", token=some, json={"note": 1})
        hub.request("GET", f"/user/alice/api?token={some}", token=some)
    secrets = {token, own, proxy, secret, CANARY, ADMIN_TOKEN}
    for process in hub.processes():
        said = " ".join(process.command)
        assert not any(some in said for some in secrets)
    hub.restart()
    hub.end("alice")
    hub.wait_stopped("alice")
    assert hub.terminate() == 0
    written = {
        str(path.relative_to(hub.directory)): path.read_bytes()
        for path in hub.directory.rglob("*")
        if path.is_file() and path not in (hub.config_file,)
    }
    for place, content in written.items():
        for some in secrets:
            assert some.encode() not in content, f"a secret is in {place}"
    for name in written:
        if name.startswith(("callboard.sqlite", "jupyterhub_cookie_secret")) and "/" not in name:
            mode = (hub.directory / name).stat().st_mode & 0o777
            assert mode & 0o077 == 0, f"others may read {name}: {mode:o}"


@pytest.mark.slow
@pytest.mark.parametrize(
    "config",
    [
        f"c.JupyterHub.api_tokens = {{'{CANARY}': 7}}",
        f"c.JupyterHub.api_tokens = {{'{CANARY * 9}': 'admin'}}",
        f"c.JupyterHub.service_tokens = ['{CANARY}']",
        f"c.JupyterHub.cookie_secret = '{CANARY}'",
        f"c.JupyterHub.services = [{{'name': 'x', 'api_token': '{CANARY * 9}'}}]",
        f"c.JupyterHub.services = [{{'name': 'x', 'api_token': ['{CANARY}']}}]",
        f"c.Spawner.environment = {{'PASSWORD': ['{CANARY}']}}",
    ],
)
def test_secrets_are_not_said_in_a_complaint_about_them(make_hub: MakeHub, config: str) -> None:
    ended = make_hub(config=config).run_another("-f", "hub_config.py")
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert CANARY not in ended.stderr + ended.stdout
    assert "callboard: " in ended.stderr
