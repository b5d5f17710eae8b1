"""Servers in containers of a real engine, with a real hub: a day, a hub that is killed, an engine that is away."""

from __future__ import annotations

import os
import time

import pytest

from tests.integration.docker.conftest import MakeDockerHub
from tests.integration.hub import wait_for

pytestmark = pytest.mark.slow


def test_a_day_with_containers(make_docker_hub: MakeDockerHub) -> None:
    hub = make_docker_hub(
        "c.Spawner.mem_limit = '128M'",
        "c.Spawner.cpu_limit = 0.5",
        "c.Spawner.environment = {'COURSE': 'a;b $(id)'}",
        "c.DockerSpawner.volumes = {'home-{username}': '/home/somebody'}",
        "c.DockerSpawner.allowed_images = {'Plain': 'callboard-test/python:1'}",
    )
    hub.start()
    hub.add_user("alice")
    assert hub.begin("alice", json={"image": "$(id)"}).status_code == 400
    assert hub.containers() == []
    assert hub.begin("alice", json={"image": "Plain"}).status_code == 202
    model = hub.wait_ready("alice")
    assert model["state"] == {"container": f"callboard-{hub.spawn_id('alice')}"}
    assert hub.told("alice") == ["Spawning server..."]

    told = hub.page("alice", rest="self").json()
    assert told["environment"]["COURSE"] == "a;b $(id)"
    assert told["environment"].get("PATH") != os.environ["PATH"]
    assert "CALLBOARD_TEST_HUB" not in told["environment"]
    assert told["environment"]["JUPYTERHUB_API_URL"].startswith(f"http://{hub.engine.gateway}:")
    limits = hub.inspect("alice")["HostConfig"]
    assert (limits["Memory"], limits["NanoCpus"]) == (2**27, 5 * 10**8)

    lines = hub.api("GET", "/users/alice/server/logs").json()["logs"]
    assert lines == ["page server 1 for /user/alice/"]
    hub.end("alice")
    hub.wait_stopped("alice")
    assert hub.containers() == []
    assert hub.api("GET", "/users/alice/server/logs").json()["logs"][:1] == lines
    assert hub.story("alice") == ["spawn-requested", "spawn-answered", "ready", "stop-requested", "stopped"]

    assert hub.engine.volumes() == ["home-alice"], "what people keep outlives servers ..."
    assert hub.api("DELETE", "/users/alice").status_code == 202
    wait_for(
        lambda: hub.engine.volumes() == []
    )  # ... and goes with the user, as what the servers have written does
    assert list((hub.directory / "callboard.sqlite-servers" / "docker").iterdir()) == []
    hub.check_log()
    assert hub.terminate() == 0


ELSEWHERE = [
    pytest.param(fault, marks=pytest.mark.world) for fault in ("container asked for", "container started")
]


@pytest.mark.parametrize("fault", ["container made", *ELSEWHERE])
def test_a_hub_killed_in_the_middle_of_a_start_goes_on_with_it(
    make_docker_hub: MakeDockerHub, fault: str
) -> None:
    hub = make_docker_hub()
    hub.start(fault=fault)
    hub.add_user("alice")
    hub.begin_unheard("POST", "/users/alice/server")
    assert hub.wait_end() == -9
    hub.start()
    hub.wait_ready("alice")
    assert hub.running() == [hub.spawn_id("alice")]
    assert hub.page("alice").json()["spawn_id"] == hub.spawn_id("alice")
    hub.end("alice")
    hub.wait_stopped("alice")
    assert hub.containers() == []


def test_an_engine_that_is_away_for_ten_seconds_is_waited_for(make_docker_hub: MakeDockerHub) -> None:
    hub = make_docker_hub("c.DockerSpawner.use_internal_ip = True")  # published ports end with the engine
    hub.start()
    for user in ("alice", "bob"):
        hub.add_user(user)
    hub.begin("alice")
    hub.wait_ready("alice")
    before = hub.running("alice")
    hub.engine.kill()
    hub.begin("bob")
    began = time.monotonic()
    while time.monotonic() - began < 10:
        assert hub.page("alice").status_code == 200
        assert hub.server("alice")["ready"], "that its engine cannot be asked says nothing of a server"
        assert hub.server("bob")["pending"] == "spawn"
        time.sleep(0.2)
    wait_for(lambda: any("Docker has not answered since" in told for told in hub.told("bob")), 30)
    hub.engine.revive()
    hub.wait_ready("bob", timeout=60)
    assert hub.running("alice") == before
    for user in ("alice", "bob"):
        assert len(hub.running(user)) == 1
        hub.end(user)
        hub.wait_stopped(user)
    assert hub.story("alice") == ["spawn-requested", "spawn-answered", "ready", "stop-requested", "stopped"]
    assert hub.containers() == []


@pytest.mark.world
@pytest.mark.parametrize("remove", [True, False])
def test_what_is_left_when(make_docker_hub: MakeDockerHub, remove: bool) -> None:
    hub = make_docker_hub(f"c.DockerSpawner.remove = {remove}")
    hub.start()
    hub.add_user("alice")
    left = []
    for _ in range(2):
        hub.begin("alice")
        hub.wait_ready("alice")
        hub.end("alice")
        hub.wait_stopped("alice")
        left.append([one["State"] for one in hub.containers()])
    assert left == ([[], []] if remove else [["exited"], ["exited"]])
    assert hub.api("GET", "/users/alice/server/logs").json()["exit_code"] == 0
    assert hub.api("DELETE", "/users/alice").status_code == 202
    wait_for(lambda: hub.containers() == [])
