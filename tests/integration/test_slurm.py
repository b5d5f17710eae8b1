"""Servers as jobs of a real cluster, with a real hub: a day, a hub that is killed, a controller that is away."""

from __future__ import annotations

import time

import pytest

from tests.integration.conftest import MakeSlurmHub
from tests.integration.hub import wait_for

pytestmark = pytest.mark.slow

STORY = ["spawn-requested", "spawn-answered", "ready", "stop-requested", "stopped"]


def test_a_day_with_jobs(make_slurm_hub: MakeSlurmHub) -> None:
    hub = make_slurm_hub(
        "c.Spawner.environment = {'COURSE': 'a;b $(id)\\n2'}",
        "c.SlurmSpawner.partitions = ['short']",
        "c.SlurmSpawner.max_runtime = '5'",
        "c.SlurmSpawner.req_options = '--nice=7'",
    )
    hub.start()
    hub.add_user("alice")
    for refused in ({"partition": "$(id)"}, {"runtime": "6"}, {"cpus": 2}):
        assert hub.begin("alice", json=refused).status_code == 400
    assert hub.live_jobs() == []
    assert hub.begin("alice", json={"partition": "short", "runtime": "5"}).status_code == 202
    model = hub.wait_ready("alice")
    (number,) = hub.job_numbers(hub.spawn_id("alice"))
    assert model["state"] == {"job_id": number}
    assert hub.told("alice")[0] == "Spawning server..."
    shown = hub.cluster.run("scontrol", "--oneliner", "show", "job", str(number))
    for field in ("Partition=short", "TimeLimit=00:05:00", "Requeue=0", "Nice=7"):
        assert field in shown

    told = hub.page("alice", rest="self").json()
    assert told["environment"]["COURSE"] == "a;b $(id)\n2"
    assert (
        told["environment"]["JUPYTERHUB_SERVICE_URL"] == f"http://0.0.0.0:{hub.port_of('alice')}/user/alice/"
    )
    assert told["directory"] == f"{hub.directory}/homes/alice"
    token = told["environment"]["JUPYTERHUB_API_TOKEN"]
    written = hub.cluster.run("scontrol", "write", "batch_script", str(number), "-")
    assert token not in shown + written + hub.log()
    again = {"token": token, "json": {"port": 20000}}
    assert hub.api("POST", "/port", **again).status_code == 409, "the port is told once"

    lines = hub.api("GET", "/users/alice/server/logs").json()["logs"]
    assert lines[0].startswith("page server ")
    hub.end("alice")
    hub.wait_stopped("alice", timeout=40)
    assert hub.live_jobs() == []
    assert hub.api("POST", "/port", **again).status_code == 403
    assert hub.api("GET", "/users/alice/server/logs").json()["logs"][:1] == lines[:1]
    assert hub.story("alice") == STORY
    hub.check_log()
    assert hub.terminate() == 0


ELSEWHERE = [pytest.param("job to be submitted", marks=pytest.mark.world)]


@pytest.mark.parametrize("fault", ["job submitted", *ELSEWHERE])
def test_a_hub_killed_in_the_middle_of_a_start_goes_on_with_it(
    make_slurm_hub: MakeSlurmHub, fault: str
) -> None:
    hub = make_slurm_hub()
    hub.start(fault=fault)
    hub.add_user("alice")
    hub.begin_unheard("POST", "/users/alice/server")
    assert hub.wait_end() == -9
    hub.start()
    hub.wait_ready("alice", timeout=40)
    spawn_id = hub.spawn_id("alice")
    assert len(hub.job_numbers(spawn_id)) == 1
    assert hub.page("alice").json()["prefix"] == "/user/alice/"
    hub.end("alice")
    hub.wait_stopped("alice", timeout=40)
    assert hub.live_jobs() == []
    assert hub.job_numbers(spawn_id) == hub.job_numbers(spawn_id, "CANCELLED,COMPLETED")


def test_a_controller_that_is_away_for_ten_seconds_is_waited_for(make_slurm_hub: MakeSlurmHub) -> None:
    hub = make_slurm_hub()
    hub.start()
    for user in ("alice", "bob"):
        hub.add_user(user)
    hub.begin("alice")
    hub.wait_ready("alice")
    hub.cluster.controller.stop()
    hub.begin("bob")
    began = time.monotonic()
    while time.monotonic() - began < 10:
        assert hub.page("alice").status_code == 200
        assert hub.server("alice")["ready"], "that its engine cannot be asked says nothing of a server"
        assert hub.server("bob")["pending"] == "spawn"
        time.sleep(0.2)
    hub.cluster.revive()
    hub.wait_ready("bob", timeout=60)
    for user in ("alice", "bob"):
        assert len(hub.job_numbers(hub.spawn_id(user))) == 1
        hub.end(user)
        hub.wait_stopped(user, timeout=60)
        assert hub.story(user) == STORY
    wait_for(lambda: hub.live_jobs() == [])
