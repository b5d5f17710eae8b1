"""`callboard loadtest` against real hubs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import MakeHub
from tests.integration.hub import ADMIN_TOKEN, CALLBOARD, RealHub, wait_for
from tests.integration.test_jupyterlab import JUPYTERLAB
from tests.proxies.jupyterhub import TOKEN, JupyterHub

pytestmark = pytest.mark.slow

PASSWORD = "canary-loadtest-81d7"
LOGINS = f'c.DummyAuthenticator.password = "{PASSWORD}"\n'


def begin(url: str, *arguments: str, token: str = ADMIN_TOKEN, password: str = "") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [CALLBOARD, "loadtest", url, *arguments],
        env={**os.environ, "CALLBOARD_TOKEN": token, "CALLBOARD_LOADTEST_PASSWORD": password},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def load(
    url: str, *arguments: str, token: str = ADMIN_TOKEN, password: str = "", status: int = 0
) -> dict[str, Any]:
    """What it says as JSON."""
    process = begin(url, *arguments, "--json", token=token, password=password)
    out, err = process.communicate(timeout=240)
    assert process.returncode == status, err
    found: dict[str, Any] = json.loads(out)
    return found


def counts(report: dict[str, Any]) -> dict[str, tuple[int, int, int]]:
    return {step["name"]: (step["done"], step["refused"], step["failed"]) for step in report["steps"]}


def names(hub: RealHub) -> list[str]:
    return [user["name"] for user in hub.request("GET", "/hub/api/users").json()]


def test_people_log_in_start_compute_and_leave_nothing_behind(make_hub: MakeHub) -> None:
    hub = make_hub(cmd=JUPYTERLAB, config=LOGINS)
    hub.start()
    report = load(hub.url, "--users", "2", "--seconds", "10", "--pause", "0.5", password=PASSWORD)
    found = counts(report)
    cells, refused, failed = found.pop("cell")
    assert cells >= 2
    assert (refused, failed) == (0, 0)
    assert found == dict.fromkeys(["log in", "start", "ready", "open", "kernel", "stop"], (2, 0, 0))
    assert all(step["median"] <= step["p95"] <= step["longest"] for step in report["steps"])
    assert report["hub"]["cpu"] > 0
    assert report["hub"]["grown"]['callboard_events_recorded_total{type="server.ready"}'] == 2
    assert names(hub) == ["admin"]
    assert hub.server_processes() == []
    assert PASSWORD not in hub.log()


def test_refusals_are_counted_with_their_reason_and_break_nothing(make_hub: MakeHub) -> None:
    hub = make_hub(config="c.JupyterHub.active_server_limit = 1\n")
    hub.start()
    report = load(hub.url, "--users", "3", "--seconds", "3", "--pattern", "burst", "--traffic", "http")
    done, refused, failed = counts(report)["start"]
    assert done >= 1
    assert refused >= 2
    assert failed == 0
    assert any(reason.startswith("start: 429: ") for reason in report["reasons"])
    assert names(hub) == ["admin"]


def test_what_breaks_is_counted_and_told_by_the_exit_code(make_hub: MakeHub) -> None:
    hub = make_hub()
    hub.start()
    report = load(hub.url, "--users", "1", "--seconds", "2", status=1)  # this page server has no kernels
    assert counts(report)["kernel"] == (0, 0, 1)
    assert names(hub) == ["admin"]


def test_people_who_are_there_already_are_not_touched(make_hub: MakeHub) -> None:
    hub = make_hub()
    hub.start()
    hub.add_user("loadtest-00002")
    process = begin(hub.url, "--users", "3", "--traffic", "none")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err == (
        "callboard: the hub has a user loadtest-00002 already: choose other names with --prefix, or remove those of an "
        "earlier test with --remove\n"
    )
    assert names(hub) == ["admin", "loadtest-00002"]


def test_ctrl_c_leaves_nothing_behind(make_hub: MakeHub) -> None:
    hub = make_hub()
    hub.start()
    process = begin(hub.url, "--users", "3", "--seconds", "120", "--pattern", "burst", "--traffic", "http")
    wait_for(lambda: len(hub.server_processes()) >= 3, 30)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Aborted!" in err
    assert "Traceback" not in err
    assert names(hub) == ["admin"]
    assert hub.server_processes() == []


def test_a_hub_that_is_killed_meanwhile_and_comes_back_is_left_as_it_was(make_hub: MakeHub) -> None:
    hub = make_hub()
    hub.start()
    process = begin(
        hub.url, "--users", "3", "--seconds", "8", "--pattern", "burst", "--traffic", "http", "--json"
    )
    wait_for(lambda: len(hub.server_processes()) >= 3, 30)
    hub.kill()
    process.send_signal(signal.SIGINT)
    hub.start()
    _, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    assert names(hub) == ["admin"]
    wait_for(lambda: hub.server_processes() == [])


def test_people_whom_a_test_had_to_leave_behind_are_removed_later(make_hub: MakeHub) -> None:
    hub = make_hub()
    hub.start()
    for name in ("loadtest-00001", "loadtest-00002", "loadtest-somebody"):
        hub.add_user(name)
    hub.begin("loadtest-00001")
    process = begin(hub.url, "--users", "2", "--traffic", "none")
    assert "remove those of an earlier test with --remove" in process.communicate(timeout=60)[1]
    process = begin(hub.url, "--users", "3", "--remove")
    _, err = process.communicate(timeout=60)
    assert (process.returncode, "left" in err) == (0, False)
    assert names(hub) == ["admin", "loadtest-somebody"]


def test_people_of_jupyterhub_do_the_same(tmp_path: Path) -> None:
    scopes = "c.JupyterHub.load_roles[0]['scopes'] += ['tokens', 'read:metrics']"
    hub = JupyterHub(tmp_path, lines=f"{LOGINS}{scopes}\n")
    try:
        hub.start()
        report = load(
            hub.url, "--users", "2", "--seconds", "4", "--traffic", "http", token=TOKEN, password=PASSWORD
        )
        assert report["hub_version"] == f"JupyterHub {version('jupyterhub')}"
        found = counts(report)
        assert found.pop("request")[1:] == (0, 0)
        assert found == dict.fromkeys(["log in", "start", "ready", "open", "stop"], (2, 0, 0))
        assert report["hub"]["cpu"] > 0
        assert hub.api("GET", "/users").json() == []
    finally:
        hub.close()
