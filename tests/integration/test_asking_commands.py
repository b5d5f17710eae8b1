"""Commands that ask a hub: the one that runs here by its control socket, or another by its URL and a token."""

from __future__ import annotations

import getpass
import json
import os
import subprocess
from typing import Any

import pytest

from tests.integration.hub import BIN, RealHub

pytestmark = pytest.mark.slow

HERE = ("-f", "hub_config.py")


def said(hub: RealHub, *arguments: str) -> str:
    done = hub.run_another(*arguments, *HERE)
    assert done.returncode == 0, done.stderr
    return done.stdout


def as_json(hub: RealHub, *arguments: str) -> Any:
    return json.loads(said(hub, *arguments, "--json"))


def test_a_day_of_an_administrator_on_the_command_line(hub: RealHub) -> None:
    hub.api("POST", "/groups/class", json={"users": ["alice"]})
    before = len([one for one in hub.events() if one.type == "token.issued"])

    status = said(hub, "status")
    assert "users               2" in status
    assert "troubles            none" in status
    assert f"address             {hub.url}" in status

    assert said(hub, "start", "alice/lab", "-o", "cores=4").strip() == f"{hub.url}/user/alice/lab/"
    assert hub.server("alice", "lab")["user_options"] == {"cores": 4}
    assert said(hub, "start", "alice/lab").strip().endswith("/user/alice/lab/")  # runs already

    rows = [line.split() for line in said(hub, "servers").splitlines()]
    assert rows[0][:2] == ["server", "state"]
    assert rows[1][:2] == ["alice/lab", "running"]
    (alice,) = as_json(hub, "users", "ali")
    assert (alice["name"], alice["groups"], list(alice["servers"])) == ("alice", ["class"], ["lab"])
    assert said(hub, "groups").splitlines()[1].split() == ["class", "1"]
    assert said(hub, "groups", "class").split() == ["alice"]

    assert [one["name"] for one in as_json(hub, "users", "--add", "bob")] == ["bob"]
    hub.api("POST", "/shares/alice/lab", json={"group": "class"})
    assert "group class" in said(hub, "shares", "alice/lab")
    assert "role admin" in said(hub, "explain", "admin", "DELETE", "/users/alice/server")
    assert "missing: delete:servers" in said(hub, "explain", "alice", "DELETE", "/users/admin/server")

    stopped = hub.run_another("stop", "alice/lab", "--remove", *HERE)
    assert (stopped.returncode, stopped.stdout) == (0, "")
    assert stopped.stderr.endswith("alice/lab is stopped\n")
    assert as_json(hub, "servers", "--all", "alice")[0]["server"]["name"] == ""
    assert len([one for one in hub.events() if one.type == "token.issued"]) == before
    who = f"command-line/{getpass.getuser()}"
    assert who in said(hub, "log", "--principal", who, "--type", "user.server-added")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("users", "nobody"), "no such users"),
        (("groups",), "no groups"),
        (("servers",), "no server runs"),
        (("servers", "alice"), "no server runs"),
        (("shares", "alice"), "nothing is shared"),
    ],
)
def test_where_there_is_nothing_a_sentence_says_so(
    hub: RealHub, arguments: tuple[str, ...], words: str
) -> None:
    done = hub.run_another(*arguments, *HERE)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", f"{words}\n")


def test_another_hub_is_asked_by_its_url(hub: RealHub) -> None:
    own = {**os.environ, "CALLBOARD_TOKEN": hub.token_of("alice")}
    done = subprocess.run(
        [str(BIN / "callboard"), "servers", "alice", "--all", "--url", hub.url],
        env=own,
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "alice/" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("start", "nobody"), "nobody"),
        (("stop", "alice/gone"), "gone"),
        (("groups", "gone"), "gone"),
        (("start", "/lab"), "names no user"),
        (("start", "alice", "-o", "cores"), "is not NAME=VALUE"),
        (("users", "--url", "http://127.0.0.1:1"), "CALLBOARD_TOKEN is not set"),
    ],
)
def test_what_cannot_be_done_is_one_line(hub: RealHub, arguments: tuple[str, ...], words: str) -> None:
    done = hub.run_another(*arguments, *HERE)
    assert done.returncode in (1, 2)
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_start_that_fails_is_told_with_its_reason(hub: RealHub) -> None:
    hub.behave("alice", exit=3)
    done = hub.run_another("start", "alice", *HERE)
    assert done.returncode == 1
    assert done.stderr.count("ended with status 3") == 1
    assert "  | page server" in done.stderr  # what it has written last


def test_without_a_hub_one_line_says_so(hub: RealHub) -> None:
    hub.kill()
    done = hub.run_another("users", *HERE)
    assert done.returncode == 1
    assert "No hub is running" in done.stderr
    assert all(way in done.stderr for way in ("the hub's folder", "-f", "--url"))


BASH = """
eval "$(_CALLBOARD_COMPLETE=bash_source callboard)"
COMP_WORDS=(callboard "$@")
COMP_CWORD=$#
_callboard_completion callboard
printf '%s\\n' "${COMPREPLY[@]}"
"""


def completed(hub: RealHub, *words: str, **environment: str) -> list[str]:
    """By a real bash, as when Tab is pressed behind the last of the words."""
    own = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", **environment}
    done = subprocess.run(
        ["/bin/bash", "--norc", "-c", BASH, "bash", *words],
        env=own,
        cwd=hub.directory,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_a_shell_completes_names_of_the_hub_that_runs_here_or_of_another(hub: RealHub) -> None:
    hub.api("PUT", "/users/alice/servers/lab", json={})
    assert completed(hub, "start", *HERE, "ali") == ["alice", "alice/lab"]
    assert completed(hub, "log", *HERE, "--type", "token.i") == ["token.issued"]
    remote = {"CALLBOARD_TOKEN": hub.token_of("alice"), "CALLBOARD_URL": hub.url}
    assert completed(hub, "servers", "a", **remote) == ["alice"]  # who sees nobody else
    hub.terminate()
    assert completed(hub, "start", *HERE, "ali") == []
