"""A hub whose disk is full, with somebody who takes every bit of room there is: it starts, and does what it can."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from tests.integration.conftest import MakeHub, SmallDisks
from tests.integration.hub import RealHub, wait_for
from tests.integration.test_log import FILL

FULL = "the disk of callboard.sqlite is full"


@pytest.fixture
def disk(small_disks: SmallDisks) -> Path:
    return small_disks(24)


class Filler:
    def __init__(self, disk: Path) -> None:
        self._disk = disk
        self._process: subprocess.Popen[str] | None = None

    def begin(self) -> None:
        command = [sys.executable, "-c", FILL, str(self._disk / "filler")]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        wait_for(lambda: os.statvfs(self._disk).f_bavail == 0)

    def end(self) -> None:
        """And give all back."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None
            (self._disk / "filler").unlink()


@pytest.fixture
def filler(disk: Path) -> Iterator[Filler]:
    made = Filler(disk)
    yield made
    made.end()


@pytest.fixture
def full_hub(make_hub: MakeHub, disk: Path) -> RealHub:
    """Its log is on the small disk. It runs, with a server of alice's and a token of hers."""
    hub: RealHub = make_hub(
        config=f'c.JupyterHub.db_url = "sqlite:///{disk}/callboard.sqlite"\n'
        "c.JupyterHub.cleanup_servers = False\nc.JupyterHub.init_spawners_timeout = 1\n"
    )
    hub.database = disk / "callboard.sqlite"
    hub.start()
    hub.add_user("alice")
    hub.begin("alice")
    hub.wait_ready("alice")
    return hub


def end_in_order(hub: RealHub) -> None:
    assert hub.terminate() == 0


def kill(hub: RealHub) -> None:
    hub.kill()


@pytest.mark.parametrize("end", [end_in_order, kill])
def test_a_hub_starts_on_a_full_disk_and_does_what_it_can(
    full_hub: RealHub, filler: Filler, end: Callable[[RealHub], None]
) -> None:
    hub, token, browser = full_hub, full_hub.token_of("alice"), requests.Session()
    browser.get(f"{hub.url}/hub/login")
    form = {"username": "admin", "password": "x", "_xsrf": browser.cookies["_xsrf"]}
    browser.post(f"{hub.url}/hub/login", data=form)
    end(hub)
    filler.begin()
    hub.start()
    assert hub.user("alice")["name"] == "alice"
    assert FULL in hub.log()

    health = hub.request("GET", "/hub/health", token=None)
    assert (health.status_code, FULL in health.text) == (200, True)
    assert "callboard_log_has_room 0.0" in hub.request("GET", "/hub/metrics").text
    page = hub.request("GET", "/hub/login", token=None).text
    assert FULL in page
    assert str(hub.database) not in page + health.text
    assert str(hub.database) in browser.get(f"{hub.url}/hub/home").text

    refused = hub.api("POST", "/users/bob")
    assert (refused.status_code, FULL in refused.json()["message"]) == (503, True)
    mine = hub.api("GET", "/users/alice/tokens").json()["api_tokens"]
    for one in mine:
        assert hub.api("DELETE", f"/users/alice/tokens/{one['id']}").status_code == 204
    assert hub.api("GET", "/user", token=token).status_code == 403
    assert hub.end("alice").status_code in (202, 204)
    hub.wait_stopped("alice")

    filler.end()
    wait_for(lambda: hub.api("POST", "/users/bob").status_code == 201)
    assert hub.request("GET", "/hub/health", token=None).text == ""
    assert "callboard_log_has_room 1.0" in hub.request("GET", "/hub/metrics").text
    hub.check_log()


def test_what_the_configuration_wishes_for_comes_true_once_there_is_room(
    full_hub: RealHub, filler: Filler
) -> None:
    hub = full_hub
    assert hub.terminate() == 0
    hub.configure(
        f'c.JupyterHub.db_url = "sqlite:///{hub.database}"\n'
        'c.JupyterHub.load_groups = {"crew": {"users": ["alice"]}}\n'
        'c.JupyterHub.load_roles = [{"name": "reader", "scopes": ["list:users"], "users": ["alice"]}]\n'
        "c.JupyterHub.init_spawners_timeout = 1\n"
    )
    filler.begin()
    hub.start()
    assert hub.api("GET", "/groups/crew").status_code == 404
    filler.end()
    wait_for(lambda: hub.api("GET", "/groups/crew").status_code == 200, 20)
    wait_for(lambda: "reader" in hub.user("alice")["roles"], 20)
    assert hub.user("alice")["groups"] == ["crew"]


def test_a_full_disk_met_while_it_runs_is_said_and_over_again(full_hub: RealHub, filler: Filler) -> None:
    hub = full_hub
    filler.begin()
    number = 0
    while hub.api("POST", f"/users/user{number}").status_code == 201:
        number += 1
        assert number < 5000
    assert FULL in hub.request("GET", "/hub/health", token=None).text
    assert hub.end("alice").status_code in (202, 204)
    hub.wait_stopped("alice")
    assert hub.terminate() == 0
    time.sleep(0.1)
    hub.start()
    assert FULL in hub.request("GET", "/hub/health", token=None).text
    filler.end()
    wait_for(lambda: hub.request("GET", "/hub/health", token=None).text == "", 20)
    hub.check_log()
