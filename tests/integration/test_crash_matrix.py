"""The hub dies between any two steps of whatever a server goes through; the next one carries on.

`CALLBOARD_FAULT` has the hub kill itself (SIGKILL) at a named point: before, in or after the transaction that
records an event, or between two steps of the spawner (core/machine/faults.py). What must hold is the same for all:
what was acknowledged comes true, nothing runs that no server knows, and the log is whole.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Iterator

import pytest
import requests

from tests.integration.conftest import MakeHub
from tests.integration.hub import RealHub, wait_for

pytestmark = pytest.mark.slow

AT_ONCE = 'c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0, "slow_stop_timeout": 0}'


def around(*events: str) -> list[str]:
    return [f"{when} {event}" for event in events for when in ("before", "in", "after")]


def die(hub: RealHub, method: str, path: str, **options: object) -> bool:
    """Send the request that the hub dies over, now or soon; whether it was acknowledged."""
    status = hub.api(method, path, **options).status_code
    assert hub.wait_end() == -signal.SIGKILL
    assert status in (202, 204, 503), status  # 503: the proxy, which outlives the hub
    return status != 503


def check_ready(hub: RealHub, name: str = "alice", server: str = "") -> int:
    """It is ready, runs once, and is reached through the public port; its pid."""
    model = hub.wait_ready(name, server)
    assert model["pending"] is None
    (process,) = hub.server_processes(model["url"])
    answer = hub.page(name, server)
    assert answer.status_code == 200
    assert answer.json()["pid"] == process.pid
    hub.check_log()
    return process.pid


def check_stopped(hub: RealHub, name: str = "alice") -> None:
    """It is stopped, nothing of it is left, and no route leads anywhere."""
    hub.wait_stopped(name)
    wait_for(lambda: not any(process.spawn_id for process in hub.processes()))  # launchers have gone as well
    assert hub.page(name).status_code == 302
    assert hub.user(name)["servers"] == {}
    hub.check_log()


def check_a_whole_life(hub: RealHub) -> None:
    """It can be stopped, started and stopped again, as if nothing had been."""
    if hub.server("alice")["stopped"]:
        assert hub.begin("alice").status_code in (201, 202)
    check_ready(hub)
    assert hub.end("alice").status_code in (202, 204)
    check_stopped(hub)


@pytest.fixture
def hub(make_hub: MakeHub) -> RealHub:
    return make_hub(config=AT_ONCE)


START = [
    *around("SpawnRequested"),
    "launch locked",
    "launch named",
    "launched",
    "spawner started",
    "server answered",
    *around("SpawnAnswered"),
    "server routed",
    *around("SpawnSucceeded"),
]


@pytest.mark.parametrize("fault", START)
def test_start(hub: RealHub, fault: str) -> None:
    hub.start(fault=fault)
    hub.add_user("alice")
    acknowledged = die(hub, "POST", "/users/alice/server")
    hub.start()
    is_requested = "spawn-requested" in hub.story("alice")
    assert is_requested or not acknowledged
    assert is_requested == (fault not in ("before SpawnRequested", "in SpawnRequested"))
    if is_requested:
        check_ready(hub)
        assert hub.story("alice").count("spawn-requested") == 1
    else:
        check_stopped(hub)
    check_a_whole_life(hub)


def test_start_again_when_the_last_output_had_been_dropped(hub: RealHub) -> None:
    hub.start(fault="output dropped")
    hub.add_user("alice")
    hub.begin("alice")
    hub.wait_ready("alice")
    hub.end("alice")
    hub.wait_stopped("alice")
    die(hub, "POST", "/users/alice/server")
    hub.start()
    check_ready(hub)
    check_a_whole_life(hub)


STOP = [*around("StopRequested"), "server ended", "spawner stopped", *around("ServerStopped")]


@pytest.mark.parametrize("fault", STOP)
def test_stop(hub: RealHub, fault: str) -> None:
    hub.start(fault=fault)
    hub.add_user("alice")
    hub.begin("alice")
    pid = check_ready(hub)
    acknowledged = die(hub, "DELETE", "/users/alice/server")
    hub.start()
    is_requested = "stop-requested" in hub.story("alice")
    assert is_requested or not acknowledged
    assert is_requested == (fault not in ("before StopRequested", "in StopRequested"))
    if is_requested:
        check_stopped(hub)
        (stopped,) = (event for event in hub.events("alice") if event.type == "server.stopped")
        assert stopped.payload.get("exit_status") == 0
    else:
        assert check_ready(hub) == pid
        assert hub.story("alice")[-1] == "adopted"
    check_a_whole_life(hub)


CANCEL = [*around("SpawnCancelled"), "server ended", "spawner stopped", *around("ServerStopped")]


@pytest.mark.parametrize("fault", CANCEL)
def test_stop_while_starting(hub: RealHub, fault: str) -> None:
    hub.behave("alice", slow=30)
    hub.start(fault=fault)
    hub.add_user("alice")
    hub.begin("alice")
    hub.wait_begun("alice")
    acknowledged = die(hub, "DELETE", "/users/alice/server")
    hub.behave("alice")
    hub.start()
    is_requested = "spawn-cancelled" in hub.story("alice")
    assert is_requested or not acknowledged
    if not is_requested:
        assert hub.server("alice")["pending"] == "spawn"
        assert len(hub.server_processes("/user/alice/")) == 1
        assert hub.end("alice").status_code == 202
    check_stopped(hub)
    check_a_whole_life(hub)


def test_dying_twice_over_the_same_launch(hub: RealHub) -> None:
    hub.start(fault="launch named")
    hub.add_user("alice")
    die(hub, "POST", "/users/alice/server")
    hub.start(fault="launch locked", wait=False)
    assert hub.wait_end() == -signal.SIGKILL
    hub.start()
    check_ready(hub)
    check_a_whole_life(hub)


@pytest.mark.parametrize("fault", around("SpawnFailed"))
def test_a_start_that_fails(hub: RealHub, fault: str) -> None:
    hub.behave("alice", exit=3)
    hub.start(fault=fault)
    hub.add_user("alice")
    die(hub, "POST", "/users/alice/server")
    hub.start()
    check_stopped(hub)
    assert hub.story("alice") == ["spawn-requested", "spawn-failed"]
    assert hub.events("alice")[-1].payload["exit_status"] == 3
    told = hub.api("GET", "/users/alice/server/progress").text
    assert '"failed":true' in told.replace(" ", "")
    assert "status 3" in told
    hub.behave("alice")
    check_a_whole_life(hub)


@pytest.mark.parametrize("fault", around("ServerDied"))
def test_a_server_that_dies(hub: RealHub, fault: str) -> None:
    hub.start(fault=fault)
    hub.add_user("alice")
    hub.begin("alice")
    os.kill(check_ready(hub), signal.SIGKILL)
    assert hub.wait_end() == -signal.SIGKILL
    hub.start()
    check_stopped(hub)
    assert hub.story("alice")[-1] == ("died" if fault.startswith("after") else "lost")
    assert hub.events("alice")[-1].payload["exit_status"] == -signal.SIGKILL
    check_a_whole_life(hub)


@pytest.mark.parametrize("fault", around("HubStarted", "ServerAdopted"))
def test_the_next_hub_dies_too(hub: RealHub, fault: str) -> None:
    """... while it looks after a server that was ready and another that was starting."""
    hub.behave("bob", slow=2)
    hub.start()
    hub.add_user("alice")
    hub.add_user("bob")
    hub.begin("alice")
    pid = check_ready(hub)
    hub.begin("bob")
    starting = hub.wait_begun("bob")
    hub.kill()
    hub.start(fault=fault, wait=False)
    assert hub.wait_end() == -signal.SIGKILL
    hub.start()
    assert check_ready(hub, "alice") == pid
    assert check_ready(hub, "bob") == starting.pid
    hub.end("bob")
    hub.wait_stopped("bob")
    check_a_whole_life(hub)


@pytest.mark.parametrize("fault", around("ServerLost"))
def test_the_next_hub_dies_finding_that_a_server_is_gone(hub: RealHub, fault: str) -> None:
    hub.start()
    hub.add_user("alice")
    hub.begin("alice")
    pid = check_ready(hub)
    hub.kill()
    os.kill(pid, signal.SIGTERM)
    hub.start(fault=fault, wait=False)
    assert hub.wait_end() == -signal.SIGKILL
    hub.start()
    check_stopped(hub)
    assert hub.story("alice")[-1] == "lost"
    assert hub.events("alice")[-1].payload["exit_status"] == 0
    check_a_whole_life(hub)


@pytest.mark.parametrize("fault", around("ServerRemovalRequested", "ServerRemoved"))
def test_removing_a_server(hub: RealHub, fault: str) -> None:
    hub.start(fault=fault)
    hub.add_user("alice")
    hub.begin("alice", "lab")
    check_ready(hub, "alice", "lab")
    acknowledged = die(hub, "DELETE", "/users/alice/servers/lab", json={"remove": True})
    hub.start()
    is_requested = any(event.type == "user.server-removal-requested" for event in hub.events())
    assert is_requested or not acknowledged
    if is_requested:
        wait_for(lambda: hub.api("GET", "/users/alice/servers/lab").status_code == 404)
        wait_for(lambda: not any(process.spawn_id for process in hub.processes()))
    else:
        check_ready(hub, "alice", "lab")
        hub.end("alice", "lab")
        hub.wait_stopped("alice", "lab")
    check_a_whole_life(hub)


@pytest.mark.parametrize("fault", around("UserDeletionRequested", "UserDeleted"))
def test_deleting_a_user(hub: RealHub, fault: str) -> None:
    hub.start(fault=fault)
    hub.add_user("alice")
    hub.begin("alice")
    check_ready(hub)
    acknowledged = die(hub, "DELETE", "/users/alice")
    hub.start()
    is_requested = any(event.type == "user.deletion-requested" for event in hub.events())
    assert is_requested or not acknowledged
    if is_requested:
        wait_for(lambda: hub.api("GET", "/users/alice").status_code == 404)
        wait_for(lambda: not any(process.spawn_id for process in hub.processes()))
        hub.add_user("alice")
    else:
        check_ready(hub)
    check_a_whole_life(hub)


@pytest.mark.parametrize("fault", around("HubStarted", "UserCreated", "TokenIssued"))
def test_the_very_first_start(hub: RealHub, fault: str) -> None:
    hub.start(fault=fault, wait=False)
    assert hub.wait_end() == -signal.SIGKILL
    hub.start()
    hub.add_user("alice")
    check_a_whole_life(hub)


@pytest.mark.parametrize("seed", range(2))
def test_killed_at_any_moment_under_load(make_hub: MakeHub, seed: int) -> None:
    """Five users start and stop as they please; the hub is killed again and again."""
    rng = random.Random(seed)
    hub = make_hub(config=AT_ONCE)
    hub.start()
    names = [f"user{number}" for number in range(5)]
    for name in names:
        hub.add_user(name)
    wanted: dict[str, str] = {}  # what the hub has last acknowledged to each
    for _ in range(3):
        over = threading.Event()
        users = [
            threading.Thread(target=_as_they_please, args=(hub, name, wanted, over, rng.random()))
            for name in names
        ]
        for user in users:
            user.start()
        time.sleep(rng.uniform(0.05, 0.6))
        hub.kill()
        over.set()
        for user in users:
            user.join()
        hub.start()
    for name in names:
        model = wait_for(lambda name=name: (now := hub.server(name))["pending"] is None and now)
        running = hub.server_processes(f"/user/{name}/")
        assert len(running) == (1 if model["ready"] else 0)
        if wanted[name]:  # not in doubt
            assert wanted[name] == ("ready" if model["ready"] else "stopped")
        if model["ready"]:
            assert hub.page(name).json()["pid"] == running[0].pid
            hub.end(name)
    for name in names:
        check_stopped(hub, name)
    hub.check_log()


def _as_they_please(
    hub: RealHub, name: str, wanted: dict[str, str], over: threading.Event, chance: float
) -> None:
    """What an unanswered request wants is unknown: it may or may not have been carried out."""
    for number in _endless(random.Random(chance)):
        if over.is_set():
            return
        before = wanted.get(name, "stopped")
        wanted[name] = ""
        try:
            answer = hub.begin(name) if number < 0.5 else hub.end(name)
        except requests.RequestException:
            return
        if answer.status_code in (201, 202, 204):
            wanted[name] = "ready" if number < 0.5 else "stopped"
        elif answer.status_code == 400:  # running already, or still stopping: nothing was changed
            wanted[name] = before
        time.sleep(0.02)


def _endless(rng: random.Random) -> Iterator[float]:
    while True:
        yield rng.random()
