"""batchspawner's SlurmSpawner, unmodified, on a real Slurm."""

from __future__ import annotations

import pwd
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engines.slurm import SlurmCluster
from tests.integration.conftest import MakeHub
from tests.integration.hub import RealHub, wait_for
from tests.plugins.conftest import MakeScript
from tests.plugins.environments import environment
from tests.plugins.life import restart, start, stop, told

pytestmark = pytest.mark.slow

PAGE_SERVER = Path(__file__).parents[1] / "integration/page_server.py"
MakeSlurmHub = Callable[[str], RealHub]


@pytest.fixture
def slurm_hub(slurm: SlurmCluster, make_hub: MakeHub, system_user: str) -> MakeSlurmHub:
    """A hub that serves, and submits under its own account unless told otherwise."""
    server = slurm.directory / "page_server.py"
    shutil.copy(PAGE_SERVER, server)
    server.chmod(0o755)
    programs = environment("spawners")

    def make(config: str = "") -> RealHub:
        hub = make_hub(
            programs=programs,
            environment=slurm.environment,
            config=f"""
import batchspawner
c.JupyterHub.spawner_class = "batchspawner.SlurmSpawner"
c.Spawner.cmd = ["{server}"]
c.Spawner.env_keep = ["PATH", "SLURM_CONF"]
c.Spawner.http_timeout = 60
c.BatchSpawnerBase.batchspawner_singleuser_cmd = "{programs}/batchspawner-singleuser"
c.BatchSpawnerBase.exec_prefix = ""
c.BatchSpawnerBase.req_homedir = "/tmp"
c.SlurmSpawner.batch_script = '''#!/bin/sh
#SBATCH --output=/dev/null
#SBATCH --job-name=jupyter-{{{{username}}}}
#SBATCH --export={{{{keepvars}}}}
#SBATCH --partition={{{{partition}}}}
{{{{cmd}}}}
'''
c.SlurmSpawner.req_partition = "main"
c.SlurmSpawner.state_exechost_exp = "127.0.0.1"
{config}
""",
        )
        hub.start()
        return hub

    return make


def test_a_job_lives_through_a_killed_hub(
    slurm: SlurmCluster, slurm_hub: MakeSlurmHub, system_user: str
) -> None:
    hub = slurm_hub("")
    server = start(hub, system_user)
    [(number, name)] = slurm.jobs().items()
    assert name == f"jupyter-{system_user}"
    assert server["environment"]["SLURM_JOB_ID"] == number
    assert server["environment"]["JUPYTERHUB_USER"] == system_user
    assert restart(hub, system_user) == server
    assert list(slurm.jobs()) == [number]
    stop(hub, system_user)
    wait_for(lambda: not slurm.jobs(), 20)


@pytest.mark.world
def test_as_its_documentation_has_it_a_job_runs_under_its_users_account(
    slurm: SlurmCluster, slurm_hub: MakeSlurmHub, system_user: str, everybodys_script: MakeScript
) -> None:
    """sudo, the plug-in's own script with srun, and limits."""
    singleuser = everybodys_script("batchspawner-singleuser", "batchspawner.singleuser:main")
    hub = slurm_hub(f"""
c.BatchSpawnerBase.batchspawner_singleuser_cmd = "{singleuser}"
c.BatchSpawnerBase.req_homedir = "{pwd.getpwnam(system_user).pw_dir}"
c.BatchSpawnerBase.exec_prefix = "sudo -E -u {{username}}"
c.SlurmSpawner.batch_script = batchspawner.SlurmSpawner.batch_script.default_value
c.SlurmSpawner.req_memory = "200"
c.SlurmSpawner.req_runtime = "5"
c.SlurmSpawner.req_nprocs = "2"
""")
    server = start(hub, system_user, timeout=120)
    assert server["user"] != 0
    assert server["environment"]["USER"] == system_user
    assert slurm.run("squeue", "-h", "-o", "%u %m %C") == f"{system_user} 200M 2"
    assert restart(hub, system_user) == server
    stop(hub, system_user)
    wait_for(lambda: not slurm.jobs(), 30)


@pytest.mark.world
def test_a_job_waits_for_its_turn_and_is_told_to(
    slurm: SlurmCluster, slurm_hub: MakeSlurmHub, system_user: str
) -> None:
    hub = slurm_hub("c.Spawner.start_timeout = 120")
    for name in slurm.nodes:
        slurm.set_node(name, "DRAIN")
    hub.add_user(system_user)
    hub.begin(system_user)
    wait_for(lambda: "Pending in queue..." in str(hub.events(system_user)), 30)
    for name in slurm.nodes:
        slurm.set_node(name, "RESUME")
    hub.wait_ready(system_user, timeout=60)
    stop(hub, system_user)
    wait_for(lambda: not slurm.jobs(), 20)


@pytest.mark.world
def test_a_start_that_is_cancelled_in_the_queue_leaves_no_job(
    slurm: SlurmCluster, slurm_hub: MakeSlurmHub, system_user: str
) -> None:
    hub = slurm_hub()
    for name in slurm.nodes:
        slurm.set_node(name, "DRAIN")
    hub.add_user(system_user)
    hub.begin(system_user)
    wait_for(slurm.jobs, 20)
    stop(hub, system_user)
    wait_for(lambda: not slurm.jobs(), 20)


@pytest.mark.world
def test_while_the_controller_is_away_its_servers_are_not_gone(
    slurm: SlurmCluster, slurm_hub: MakeSlurmHub, system_user: str
) -> None:
    hub = slurm_hub("c.Spawner.poll_interval = 1")
    server = start(hub, system_user)
    slurm.controller.stop()
    wait_for(lambda: not slurm.node_states(), 20)
    for _ in range(10):
        assert hub.server(system_user)["ready"]
        assert told(hub, system_user) == server
        wait_for(lambda: not slurm.node_states(), 5)
    slurm.revive()
    assert restart(hub, system_user) == server
    stop(hub, system_user)
    wait_for(lambda: not slurm.jobs(), 20)


@pytest.mark.world
def test_a_job_that_is_cancelled_by_others_is_told_as_stopped(
    slurm: SlurmCluster, slurm_hub: MakeSlurmHub, system_user: str
) -> None:
    hub = slurm_hub("c.Spawner.poll_interval = 1")
    start(hub, system_user)
    [number] = slurm.jobs()
    slurm.run("scancel", number)
    hub.wait_stopped(system_user, timeout=60)
