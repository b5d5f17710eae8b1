"""A real hub and a real cluster, in all ways that take long: whatever fails, nothing is lost and nothing is twice."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from tests.engines.slurm import SlurmCluster
from tests.integration.conftest import MakeSlurmHub
from tests.integration.hub import BIN, PAGE_SERVER, DidNotStart, Process, wait_for
from tests.integration.slurm_hub import CountedSqueue, SlurmHub, at_least
from tests.integration.test_jupyterlab import JUPYTERLAB, new_kernel
from tests.integration.test_older_log import back_up, put_back

pytestmark = pytest.mark.world

BOTH_CPUS = "c.SlurmSpawner.req_nprocs = 2"  # of a node: there is room for one such job on each
ON_N1 = "c.SlurmSpawner.req_partition = 'short'"


def start_server(hub: SlurmHub, user: str, timeout: float = 40) -> str:
    """The spawn id of a server that is ready."""
    hub.add_user(user)
    assert hub.begin(user).status_code == 202
    hub.wait_ready(user, timeout=timeout)
    return hub.spawn_id(user)


def end_server(hub: SlurmHub, user: str) -> None:
    hub.end(user)
    hub.wait_stopped(user, timeout=60)


def process_of(hub: SlurmHub, user: str) -> Process:
    """The server itself."""
    (process,) = [
        one for one in hub.server_processes(f"/user/{user}/") if "page_server" in " ".join(one.command)
    ]
    return process


# --- what people do ---


def test_a_kernel_computes_in_a_job(make_slurm_hub: MakeSlurmHub) -> None:
    hub = make_slurm_hub(cmd=JUPYTERLAB)
    hub.start()
    start_server(hub, "alice", timeout=90)
    token = hub.token_of("alice", ["access:servers!user=alice"])
    with new_kernel(hub, "/user/alice/", token) as kernel:
        assert kernel.run("6*7") == "42"
        hub.restart()
        hub.wait_ready("alice", timeout=60)
        assert kernel.run("import os; os.environ['SLURM_JOB_ID']") == repr(
            str(hub.server("alice")["state"]["job_id"])
        )
    end_server(hub, "alice")
    hub.wait_no_jobs()


@pytest.mark.parametrize("name", ["$(id)", "a;b", "`id`", "it's me", "-x", "a,b", "*", "{servername}", "%j"])
def test_people_may_be_called_whatever_they_like(make_slurm_hub: MakeSlurmHub, name: str) -> None:
    hub = make_slurm_hub(
        "c.SlurmSpawner.req_account = 'proj-{username}'",
        "c.SlurmSpawner.req_prologue = 'echo prologue'",
    )
    hub.start()
    quoted = requests.utils.quote(name, safe="")
    assert hub.api("POST", f"/users/{quoted}").status_code == 201
    assert hub.begin(quoted).status_code == 202
    hub.wait_ready(quoted, timeout=40)
    told = hub.request("GET", f"/user/{quoted}/self").json()
    assert told["environment"]["JUPYTERHUB_USER"] == name
    assert told["directory"] == f"{hub.directory}/homes/{name}"
    account = hub.cluster.run("squeue", "-h", "-o", "%a")
    assert account == f"proj-{name}".lower()
    hub.end(quoted)
    hub.wait_stopped(quoted, timeout=60)
    hub.wait_no_jobs()


def test_a_job_belongs_to_the_systems_user_of_that_name(make_slurm_hub: MakeSlurmHub) -> None:
    """`nobody` is one everywhere. What they run and write lies where they may read and write."""
    hub = make_slurm_hub()
    shared = hub.cluster.directory / "shared"
    shared.mkdir(mode=0o755, exist_ok=True)
    (shared / "written").mkdir(exist_ok=True)
    (shared / "written").chmod(0o1777)
    shutil.copy(PAGE_SERVER[-1], shared / "page_server.py")
    server = ["/usr/bin/python3", "-S", "-E", str(shared / "page_server.py")]
    hub.configure(
        "\n".join(
            [
                hub.slurm_config,
                "c.SlurmSpawner.submit_as = 'user'",
                "c.SlurmSpawner.node_python = '/usr/bin/python3'",
                f"c.SlurmSpawner.output_file = '{shared}/written/{{spawn_id}}.log'",
                f"c.SlurmSpawner.req_homedir = '{shared}/written/{{username}}'",
                f"c.Spawner.cmd = {server!r}",
            ]
        )
    )
    hub.start()
    for user in ("nobody", "nobody-here"):
        hub.add_user(user)
    hub.begin("nobody-here")
    wait_for(lambda: hub.story("nobody-here")[-1] == "spawn-failed")
    assert "This system has no user 'nobody-here'." in str(hub.events("nobody-here")[-1].payload)
    assert hub.live_jobs() == []
    spawn_id = start_server(hub, "nobody")
    assert hub.cluster.run("squeue", "-h", "-o", "%u") == "nobody"
    assert hub.page("nobody", rest="self").json()["user"] == 65534
    written = shared / "written" / f"{spawn_id}.log"
    assert (written.stat().st_uid, written.stat().st_mode & 0o777) == (65534, 0o600)
    assert hub.api("GET", "/users/nobody/server/logs").json()["logs"][0].startswith("page server ")
    end_server(hub, "nobody")
    hub.wait_no_jobs()


# --- hubs that are killed ---


def test_a_killed_hub_finds_what_waited_what_ran_and_what_was_being_ended(
    make_slurm_hub: MakeSlurmHub,
) -> None:
    hub = make_slurm_hub(BOTH_CPUS, "c.SlurmSpawner.partitions = ['short']")
    hub.start()
    hub.behave("carol", lingers=4)
    hub.add_user("dora")
    hub.begin("dora", json={"partition": "short"})
    hub.wait_ready("dora", timeout=40)
    for user in ("alice", "carol"):
        start_server(hub, user)
    hub.add_user("bob")
    hub.begin("bob", json={"partition": "short"})  # n1 is dora's
    hub.wait_told("bob", "Waiting in Slurm's queue for nodes to become free")
    before = {user: hub.job_numbers(hub.spawn_id(user)) for user in ("alice", "bob", "carol", "dora")}
    running = process_of(hub, "alice")
    hub.end("carol")
    wait_for(lambda: hub.server("carol")["pending"] == "stop")
    hub.kill()
    hub.start()
    assert hub.server("bob")["pending"] == "spawn"
    hub.wait_ready("alice", timeout=40)
    hub.wait_stopped("carol", timeout=60)
    assert process_of(hub, "alice") == running
    assert {user: hub.job_numbers(hub.spawn_id(user)) for user in before} == before
    assert all(len(numbers) == 1 for numbers in before.values())
    end_server(hub, "dora")
    hub.wait_ready("bob", timeout=60)
    assert hub.job_numbers(hub.spawn_id("bob")) == before["bob"]
    for user in ("alice", "bob"):
        end_server(hub, user)
    hub.wait_no_jobs()
    hub.check_log()


def test_a_start_that_waits_is_cancelled_in_the_queue(make_slurm_hub: MakeSlurmHub) -> None:
    hub = make_slurm_hub(BOTH_CPUS, ON_N1, "c.Spawner.start_timeout = 5")
    hub.start()
    start_server(hub, "alice")
    hub.add_user("bob")
    hub.begin("bob")
    hub.wait_told("bob", "Waiting in Slurm's queue")
    time.sleep(8)
    assert hub.server("bob")["pending"] == "spawn", "waiting is not starting"
    end_server(hub, "bob")
    assert len(hub.live_jobs()) == 1
    end_server(hub, "alice")
    hub.wait_no_jobs()


def test_a_hub_with_an_older_log_does_not_begin_unasked_and_adopts_the_job(
    make_slurm_hub: MakeSlurmHub,
) -> None:
    hub = make_slurm_hub()
    hub.start()
    hub.add_user("alice")
    back_up(hub)
    spawn_id = start_server(hub, "alice")
    before = hub.job_numbers(spawn_id)
    hub.kill()
    put_back(hub)
    with pytest.raises(DidNotStart, match="alice/"):
        hub.start()
    assert len(hub.live_jobs()) == 1
    hub.command.append("--adopt")
    hub.start()
    hub.wait_ready("alice", timeout=40)
    assert hub.job_numbers(spawn_id, "RUNNING") == before
    end_server(hub, "alice")
    hub.wait_no_jobs()


# --- controllers that are away ---


def kill(cluster: SlurmCluster) -> None:
    """Once its state is on disk: Slurm writes it every five seconds, and forgets the rest."""
    time.sleep(6)
    cluster.controller.kill()


FAULTS: dict[str, Callable[[SlurmCluster], None]] = {
    "killed": kill,
    "frozen": lambda cluster: cluster.controller.freeze(),
    "stopped": lambda cluster: cluster.controller.stop(),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_minute_without_a_controller_in_mid_start_mid_run_and_mid_stop(
    make_slurm_hub: MakeSlurmHub, fault: str
) -> None:
    hub = make_slurm_hub()
    hub.start()
    hub.behave("carol", lingers=4)
    for user in ("alice", "carol"):
        start_server(hub, user)
    for user in ("bob", "dora"):
        hub.add_user(user)
    hub.behave("bob", slow=8)
    hub.begin("bob")
    hub.wait_told("bob", "Starting on")
    hub.end("carol")
    FAULTS[fault](hub.cluster)
    began = time.monotonic()
    hub.begin("dora")
    while time.monotonic() - began < 60:
        assert hub.page("alice").status_code == 200
        assert hub.server("alice")["ready"]
        time.sleep(1)
    assert hub.server("dora")["pending"] == "spawn"
    at_least(60, began)
    hub.cluster.revive()
    hub.wait_stopped("carol", timeout=120)
    for user in ("bob", "dora"):
        hub.wait_ready(user, timeout=120)
    for user in ("alice", "bob", "dora"):
        assert len(hub.job_numbers(hub.spawn_id(user), "PENDING,RUNNING,COMPLETING")) == 1
        assert (
            len([one for one in hub.server_processes(f"/user/{user}/") if "page_server" in one.command[-1]])
            == 1
        )
    assert hub.story("alice") == ["spawn-requested", "spawn-answered", "ready"]
    for user in ("alice", "bob", "dora"):
        end_server(hub, user)
    hub.wait_no_jobs(60)
    hub.check_log()


# --- nodes that are lost ---


def test_a_lost_node_is_told_of_and_what_goes_on_there_is_fenced(make_slurm_hub: MakeSlurmHub) -> None:
    hub = make_slurm_hub(BOTH_CPUS)
    hub.start()
    first = start_server(hub, "alice")
    node = hub.cluster.run("squeue", "-h", "-o", "%N")
    old = process_of(hub, "alice")
    address, token = (
        f"http://127.0.0.1:{hub.port_of('alice')}/user/alice/api",
        old.environment["JUPYTERHUB_API_TOKEN"],
    )
    hub.cluster.node[node].freeze()
    hub.cluster.set_node(node, "DOWN")
    began = time.monotonic()
    wait_for(lambda: "out-of-sight" in hub.story("alice"), 10)
    assert time.monotonic() - began < 7, "within one poll interval"
    assert requests.get(address, timeout=5).json()["pid"] == old.pid, "it goes on serving"

    assert hub.begin("alice").status_code == 202
    hub.wait_ready("alice", timeout=40)
    assert hub.spawn_id("alice") != first
    assert hub.page("alice").json()["pid"] != old.pid
    assert requests.get(address, timeout=5).json()["pid"] == old.pid
    assert hub.api("GET", "/user", token=token).status_code == 403, "its token is worth nothing"
    assert hub.api("POST", "/port", token=token, json={"port": 20000}).status_code == 403

    hub.cluster.revive()
    wait_for(lambda: "leftover-ended" in hub.story("alice"), 90)
    wait_for(lambda: all(one.pid != old.pid for one in hub.processes()), 30)
    end_server(hub, "alice")
    hub.wait_no_jobs(60)


# --- many ---


def test_two_hundred_starts_at_once_ask_slurm_once_a_second(wide_slurm: SlurmCluster, tmp_path: Path) -> None:
    counted = CountedSqueue(tmp_path / "counted")
    directory = tmp_path / "hub"
    directory.mkdir()
    hub = SlurmHub(
        directory,
        wide_slurm,
        "c.JupyterHub.concurrent_spawn_limit = 0",
        "c.Spawner.start_timeout = 300",
        "c.Spawner.http_timeout = 120",
    )
    try:
        hub.start(environment={"PATH": f"{counted.path}:{BIN}:{os.environ['PATH']}"})
        users = [f"user{number}" for number in range(200)]
        assert hub.api("POST", "/users", json={"usernames": users}).status_code == 201
        for user in users:
            assert hub.begin(user).status_code == 202
        wait_for(lambda: _ready(hub) == 200, 400)
        ended = wide_slurm.run(
            "squeue", "-h", "--states=CANCELLED,COMPLETED,FAILED,NODE_FAIL", "-o", "%j %T %r"
        )
        assert (ended, len(hub.live_jobs()), len(set(hub.live_jobs()))) == ("", 200, 200)
        hub.terminate(timeout=200)
        hub.wait_no_jobs(120)
        calls, seconds = counted.calls_and_seconds()
        assert 10 < calls <= seconds + 2
    finally:
        hub.close()


def _ready(hub: SlurmHub) -> int:
    """How many users have a server that is ready."""
    paged = {"Accept": "application/jupyterhub-pagination+json"}
    answer = hub.api("GET", "/users?state=ready&limit=1", headers=paged)
    return int(answer.json()["_pagination"]["total"])
