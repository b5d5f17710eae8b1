"""The spawner for Docker with Podman's service: the same words, another engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engines.podman import PodmanEngine
from tests.integration.docker.docker_hub import DockerHub
from tests.integration.hub import wait_for

pytestmark = pytest.mark.world

HOST = "c.DockerSpawner.network_name = 'host'"
MakePodmanHub = Callable[..., DockerHub[PodmanEngine]]


@pytest.fixture
def make_podman_hub(podman: PodmanEngine, tmp_path: Path) -> Iterator[MakePodmanHub]:
    made: list[DockerHub[PodmanEngine]] = []

    def make(*lines: str) -> DockerHub[PodmanEngine]:
        hub = DockerHub(tmp_path / f"hub{len(made)}", podman, HOST, *lines)
        made.append(hub)
        return hub

    yield make
    for hub in made:
        hub.close()


def test_a_day_with_containers_of_podman(make_podman_hub: MakePodmanHub) -> None:
    hub = make_podman_hub(
        "c.Spawner.mem_limit = '128M'",
        "c.Spawner.environment = {'COURSE': 'a;b $(id)'}",
        "c.DockerSpawner.volumes = {'home-{username}': '/home/somebody'}",
    )
    hub.start()
    hub.add_user("alice")
    hub.begin("alice")
    hub.wait_ready("alice")
    assert hub.page("alice", rest="self").json()["environment"]["COURSE"] == "a;b $(id)"
    assert hub.inspect("alice")["HostConfig"]["Memory"] == 2**27
    assert hub.api("GET", "/users/alice/server/logs").json()["logs"] == ["page server 1 for /user/alice/"]
    hub.end("alice")
    hub.wait_stopped("alice")
    assert hub.containers() == []
    assert hub.story("alice") == ["spawn-requested", "spawn-answered", "ready", "stop-requested", "stopped"]
    assert hub.engine.volumes() == ["home-alice"]
    assert hub.api("DELETE", "/users/alice").status_code in (202, 204)
    wait_for(lambda: hub.engine.volumes() == [])
    hub.check_log()


def test_a_killed_hub_finds_its_containers_again(make_podman_hub: MakePodmanHub) -> None:
    hub = make_podman_hub()
    hub.start()
    hub.add_user("alice")
    hub.begin("alice")
    hub.wait_ready("alice")
    before = hub.running("alice")
    hub.kill()
    hub.start()
    hub.wait_ready("alice")
    assert hub.running("alice") == before
    hub.end("alice")
    hub.wait_stopped("alice")
    assert hub.containers() == []


def test_a_container_that_dies_is_noticed(make_podman_hub: MakePodmanHub) -> None:
    hub = make_podman_hub()
    hub.start()
    hub.add_user("alice")
    hub.begin("alice")
    hub.wait_ready("alice")
    (container,) = hub.containers("alice")
    assert hub.engine.request("POST", f"/containers/{container['Id']}/kill").is_success
    wait_for(lambda: "died" in hub.story("alice"))
    assert hub.server("alice")["stopped"]


def test_while_its_service_is_away_servers_go_on(make_podman_hub: MakePodmanHub) -> None:
    hub = make_podman_hub("c.Spawner.poll_interval = 1")
    hub.start()
    for user in ("alice", "bob"):
        hub.add_user(user)
    hub.begin("alice")
    hub.wait_ready("alice")
    before = hub.running("alice")
    hub.engine.kill()
    hub.begin("bob")
    wait_for(lambda: any("has not answered since" in told for told in hub.told("bob")), 60)
    assert hub.page("alice").status_code == 200
    assert hub.server("alice")["ready"]
    hub.engine.revive()
    hub.wait_ready("bob", timeout=60)
    assert hub.running("alice") == before
    for user in ("alice", "bob"):
        hub.end(user)
        hub.wait_stopped(user)
    assert hub.containers() == []
