"""Several proxies follow one hub: a start is ready when all have its way; one that hangs or dies holds up no more."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest
import requests

from tests.integration.conftest import MakeHub
from tests.integration.hub import CALLBOARD, RealHub, free_ports, wait_for

pytestmark = pytest.mark.slow

TOKEN = "token-of-all-proxies-of-the-tests"


class Replica:
    """`name`: what the hub calls it."""

    def __init__(self, hub: RealHub, name: str) -> None:
        self.name = name
        (self.port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{self.port}"
        words = [CALLBOARD, "proxy", f"--bind-url={self.url}", f"--hub-url={hub.hub_url}", f"--name={name}"]
        environment = {"CALLBOARD_PROXY_TOKEN": TOKEN, "CALLBOARD_TEST_HUB": str(hub.directory)}
        with hub.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                words, env={**os.environ, **environment}, stdin=subprocess.DEVNULL, stderr=log
            )

    def leads(self, user: str) -> bool:
        return requests.get(f"{self.url}/user/{user}/api", timeout=10).status_code == 200

    def send(self, number: int) -> None:
        self.process.send_signal(number)

    def close(self) -> None:
        self.process.kill()
        self.process.wait(10)


@pytest.fixture
def hub(make_hub: MakeHub) -> RealHub:
    hub = make_hub(environment={"CALLBOARD_PROXY_TOKEN": TOKEN})
    hub.start(environment={"CALLBOARD_PROXY_TOKEN": TOKEN})
    return hub


@pytest.fixture
def replica(hub: RealHub) -> Iterator[Callable[[str], Replica]]:
    made: list[Replica] = []

    def make(name: str) -> Replica:
        made.append(Replica(hub, name))
        wait_for(lambda: number(hub, "answers", name) == 1)
        return made[-1]

    yield make
    for each in made:
        each.close()


def number(hub: RealHub, what: str, name: str) -> float | None:
    """Of a proxy, in the metrics; None where it is in none."""
    for line in hub.request("GET", "/hub/metrics", direct=True).text.splitlines():
        if line.startswith(f'callboard_proxy_{what}{{proxy="{name}"}}'):
            return float(line.split()[-1])
    return None


def start_server(hub: RealHub, user: str) -> float:
    """Seconds until it was ready."""
    hub.add_user(user)
    began = time.monotonic()
    hub.begin(user)
    hub.wait_ready(user)
    return time.monotonic() - began


def health(hub: RealHub) -> str:
    return hub.request("GET", "/hub/health", direct=True).text


def test_a_start_is_ready_when_every_proxy_has_its_way(
    hub: RealHub, replica: Callable[[str], Replica]
) -> None:
    both = [replica("left"), replica("right")]
    for user in ("alice", "bob", "carol"):
        start_server(hub, user)
        assert [each.leads(user) for each in both] == [True, True]
    assert health(hub) == ""
    assert number(hub, "behind", "left") == number(hub, "behind", "right") == 0


@pytest.mark.world
def test_one_that_hangs_holds_up_one_start_and_is_waited_for_again_once_it_has_caught_up(
    hub: RealHub, replica: Callable[[str], Replica]
) -> None:
    left, right = replica("left"), replica("right")
    left.send(signal.SIGSTOP)
    first = start_server(hub, "alice")
    assert first >= 2.0
    assert right.leads("alice")
    told = [event.payload.get("message", "") for event in hub.events("alice")]
    assert "1 of 3 proxies do not know the way to the server yet: it can be reached by the others." in told
    assert "a proxy left is " in health(hub)
    assert "right" not in health(hub)
    assert (number(hub, "answers", "left"), number(hub, "answers", "right")) == (0, 1)
    start_server(hub, "bob")
    told = [event.payload.get("message", "") for event in hub.events("bob")]
    assert any("1 of 3 proxies" in message for message in told)
    left.send(signal.SIGCONT)
    wait_for(lambda: number(hub, "answers", "left") == 1)
    assert left.leads("alice")
    assert left.leads("bob")
    assert health(hub) == ""
    start_server(hub, "carol")
    assert left.leads("carol")


@pytest.mark.world
def test_one_that_is_killed_is_told_of_and_one_that_ends_is_not(
    hub: RealHub, replica: Callable[[str], Replica]
) -> None:
    left, right = replica("left"), replica("right")
    left.send(signal.SIGKILL)
    wait_for(lambda: "a proxy left has been away since " in health(hub))
    right.send(signal.SIGTERM)
    right.process.wait(10)
    wait_for(lambda: number(hub, "behind", "right") is None)
    assert "right" not in health(hub)
    start_server(hub, "alice")
    again = replica("left")
    assert again.leads("alice")
    assert health(hub) == ""


@pytest.mark.world
def test_they_go_on_while_the_hub_is_killed_and_follow_the_next(
    hub: RealHub, replica: Callable[[str], Replica]
) -> None:
    both = [replica("left"), replica("right")]
    start_server(hub, "alice")
    hub.kill()
    assert [each.leads("alice") for each in both] == [True, True]
    hub.start(environment={"CALLBOARD_PROXY_TOKEN": TOKEN})
    wait_for(lambda: number(hub, "answers", "left") == number(hub, "answers", "right") == 1)
    start_server(hub, "bob")
    assert [each.leads("bob") for each in both] == [True, True]
