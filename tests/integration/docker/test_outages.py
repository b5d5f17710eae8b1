"""An engine that is killed or frozen for a minute, while one server runs, one starts and one ends."""

from __future__ import annotations

import time

import pytest

from tests.integration.docker.conftest import MakeDockerHub
from tests.integration.docker.docker_hub import DockerHub
from tests.integration.hub import wait_for

pytestmark = pytest.mark.world

AWAY = 60.0  # seconds
LONG = "c.Spawner.start_timeout = 180"
SILENT = "Docker has not answered since"
PEOPLE = ("alice", "bob", "carol")


def in_three_stages(hub: DockerHub) -> dict[str, str]:
    """alice's server runs, bob's and carol's are on their way: to begin, and to end. The spawn ids."""
    hub.start()
    for user in PEOPLE:
        hub.add_user(user)
    hub.behave("bob", slow=3)
    hub.behave("carol", lingers=4)
    for user in ("alice", "carol"):
        hub.begin(user)
    for user in ("alice", "carol"):
        hub.wait_ready(user)
    hub.begin("bob")
    wait_for(lambda: hub.running("bob"))
    assert hub.end("carol").status_code == 202
    return {user: hub.spawn_id(user) for user in PEOPLE}


def nothing_forgotten_and_nothing_twice(hub: DockerHub, spawn_ids: dict[str, str]) -> None:
    for user in ("alice", "bob"):
        hub.wait_ready(user, timeout=90)
        assert hub.running(user) == [spawn_ids[user]]
        assert hub.page(user).json()["spawn_id"] == spawn_ids[user]
    hub.wait_stopped("carol", timeout=90)
    wait_for(lambda: hub.containers("carol") == [], 90)
    for user in ("alice", "bob"):
        hub.end(user)
        hub.wait_stopped(user)
    assert hub.containers() == []
    hub.check_log()


@pytest.mark.parametrize("how", ["killed", "frozen"])
def test_an_engine_that_is_away_for_a_minute(make_docker_hub: MakeDockerHub, how: str) -> None:
    hub = make_docker_hub("c.DockerSpawner.use_internal_ip = True", LONG)
    spawn_ids = in_three_stages(hub)
    hub.add_user("dora")
    hub.engine.kill() if how == "killed" else hub.engine.freeze()
    began = time.monotonic()
    assert hub.begin("dora").status_code == 202
    wait_for(lambda: SILENT in hub.request("GET", "/hub/health").text, 40)
    while time.monotonic() - began < AWAY:
        assert hub.page("alice").status_code == 200
        assert hub.server("alice")["ready"]
        time.sleep(1)
    assert hub.server("dora")["pending"] == "spawn"
    assert any(SILENT in told for told in hub.told("dora"))
    hub.engine.revive()
    hub.wait_ready("dora", timeout=90)
    assert hub.running("dora") == [hub.spawn_id("dora")]
    hub.end("dora")
    nothing_forgotten_and_nothing_twice(hub, spawn_ids)


def test_a_hub_that_is_killed_with_one_pending_one_running_and_one_being_cancelled(
    make_docker_hub: MakeDockerHub,
) -> None:
    hub = make_docker_hub(LONG)
    hub.start()
    for user in PEOPLE:
        hub.add_user(user)
    hub.behave("bob", slow=8)
    hub.behave("carol", slow=60, lingers=5)
    hub.begin("alice")
    hub.wait_ready("alice")
    for user in ("bob", "carol"):
        hub.begin(user)
    wait_for(lambda: hub.running("bob") and hub.running("carol"))
    time.sleep(1)  # the server has begun, and heeds signals
    assert hub.end("carol").status_code == 202
    assert hub.server("carol")["pending"] == "stop"
    spawn_ids = {user: hub.spawn_id(user) for user in PEOPLE}
    before = sorted(one["Id"] for one in hub.containers())
    hub.kill()
    hub.start()
    assert sorted(one["Id"] for one in hub.containers()) == before or not hub.containers("carol")
    nothing_forgotten_and_nothing_twice(hub, spawn_ids)
    assert hub.story("alice") == [
        "spawn-requested",
        "spawn-answered",
        "ready",
        "adopted",
        "stop-requested",
        "stopped",
    ]


def test_an_engine_and_a_hub_that_end_together(make_docker_hub: MakeDockerHub) -> None:
    """As when a machine's services are restarted: the hub comes back first, and waits."""
    hub = make_docker_hub("c.DockerSpawner.use_internal_ip = True", LONG)
    spawn_ids = in_three_stages(hub)
    hub.engine.kill()
    hub.kill()
    hub.start()
    time.sleep(5)
    assert hub.server("alice")["pending"] == "check" or hub.server("alice")["ready"]
    hub.engine.revive()
    nothing_forgotten_and_nothing_twice(hub, spawn_ids)
