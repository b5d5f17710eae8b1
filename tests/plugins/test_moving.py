"""What JupyterHub's spawners for engines have started goes on here, by the same class or by our own; and back again."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines.docker import PYTHON_IMAGE, DockerEngine
from tests.engines.slurm import SlurmCluster
from tests.integration.hub import PAGE_SERVER, free_ports
from tests.plugins.environments import environment
from tests.plugins.kube_api import KubeApi
from tests.plugins.life import start, stop, told
from tests.plugins.moving import Movers, movers

pytestmark = pytest.mark.world

DOCKERSPAWNER, OURS_FOR_DOCKER = "dockerspawner.DockerSpawner", "callboard-docker"


@pytest.fixture(params=[DOCKERSPAWNER, OURS_FOR_DOCKER])
def on_docker(request: pytest.FixtureRequest, docker: DockerEngine, tmp_path: Path) -> Iterator[Movers]:
    lines = f"""
c.JupyterHub.hub_ip = "0.0.0.0"
c.JupyterHub.hub_connect_ip = "{docker.gateway}"
c.DockerSpawner.image = "{PYTHON_IMAGE}"
c.DockerSpawner.cmd = ["python3", "-S", "-E", "/srv/page_server.py"]
c.DockerSpawner.remove = True
"""
    variables = {"DOCKER_HOST": docker.host}
    with movers(tmp_path, there=DOCKERSPAWNER, here=request.param, variables=variables, both=lines) as both:
        yield both


def running(docker: DockerEngine) -> dict[str, str]:
    """Containers that run: ids by name."""
    found = docker.containers()
    return {one["Names"][0].removeprefix("/"): one["Id"] for one in found if one["State"] == "running"}


def test_containers_of_dockerspawner(docker: DockerEngine, on_docker: Movers) -> None:
    other, ours = on_docker.other, on_docker.ours
    on_docker.start_there("alice", "bob")
    before = running(docker)
    assert before.keys() == {"jupyter-alice", "jupyter-bob"}
    on_docker.move_in("alice", "bob")
    assert told(ours, "alice")["environment"]["JUPYTERHUB_USER"] == "alice"
    ours.restart()
    assert ours.wait_ready("bob")["ready"]
    assert running(docker) == before
    listed = ours.run_another("strays", "-f", "hub_config.py", "--json")
    assert json.loads(listed.stdout)["strays"] == []
    stop(ours, "alice")
    assert running(docker).keys() == {"jupyter-bob"}
    start(ours, "carol")
    on_docker.move_back()
    assert on_docker.server_there("bob")["ready"]
    assert on_docker.server_there("carol")["ready"]
    assert running(docker)["jupyter-bob"] == before["jupyter-bob"]
    on_docker.stop_there("bob")
    on_docker.stop_there("carol")
    assert running(docker) == {}
    assert other.ask("GET", "/users/alice")["servers"] == {}
    docker.remove_leftovers()  # what was taken in and ended here is not removed


BATCHSPAWNER, OURS_FOR_SLURM = "batchspawner.SlurmSpawner", "callboard-slurm"
BATCH_LINES = """
import batchspawner
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
"""
SLURM_LINES = """
c.Spawner.cmd = {cmd}
c.SlurmSpawner.submit_as = "hub"
c.SlurmSpawner.node_python = "{python}"
c.SlurmSpawner.req_homedir = "{directory}/homes/{{username}}"
c.SlurmSpawner.output_file = "{directory}/{{spawn_id}}.log"
"""


@pytest.fixture(params=[BATCHSPAWNER, OURS_FOR_SLURM])
def on_slurm(request: pytest.FixtureRequest, slurm: SlurmCluster, tmp_path: Path) -> Iterator[Movers]:
    server = slurm.directory / "page_server.py"
    shutil.copy(PAGE_SERVER[-1], server)
    server.chmod(0o755)
    tmp_path.chmod(0o755)
    batch = BATCH_LINES.format(programs=environment("spawners"))
    own = SLURM_LINES.format(cmd=PAGE_SERVER, python=sys.executable, directory=tmp_path)
    with movers(
        tmp_path,
        there=BATCHSPAWNER,
        here=request.param,
        variables=slurm.environment,
        both=f'c.Spawner.cmd = ["{server}"]\n',
        only_there=batch,
        only_here=batch if request.param == BATCHSPAWNER else own,
    ) as both:
        yield both


def test_jobs_of_batchspawner(slurm: SlurmCluster, on_slurm: Movers) -> None:
    ours = on_slurm.ours
    on_slurm.start_there("root", "daemon")  # batchspawner wants to know homes
    before = slurm.jobs()
    assert sorted(before.values()) == ["jupyter-daemon", "jupyter-root"]
    on_slurm.move_in("root", "daemon")
    assert told(ours, "root")["environment"]["JUPYTERHUB_USER"] == "root"
    ours.restart()
    assert ours.wait_ready("daemon")["ready"]
    assert slurm.jobs() == before
    listed = ours.run_another("strays", "-f", "hub_config.py", "--json")
    assert json.loads(listed.stdout)["strays"] == []
    stop(ours, "root")
    assert list(slurm.jobs().values()) == ["jupyter-daemon"]
    start(ours, "bin")
    on_slurm.move_back()
    assert on_slurm.server_there("daemon")["ready"]
    assert on_slurm.server_there("bin")["ready"]
    assert len(slurm.jobs()) == 2
    on_slurm.stop_there("daemon")
    on_slurm.stop_there("bin")
    assert slurm.jobs() == {}


@pytest.fixture
def kube() -> Iterator[KubeApi]:
    api = KubeApi()
    yield api
    api.close()


def test_pods_of_kubespawner(kube: KubeApi, tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(kube.kubeconfig())
    lines = f"""
c.KubeSpawner.namespace = "default"
c.KubeSpawner.image = "example/notebook:1"
c.KubeSpawner.cmd = {PAGE_SERVER!r}
c.KubeSpawner.port = {free_ports(1)[0]}
"""
    name = "kubespawner.KubeSpawner"
    variables = {"KUBECONFIG": str(kubeconfig)}
    with movers(tmp_path, there=name, here=name, variables=variables, both=lines) as both:
        both.start_there("alice")
        [pod] = kube.cluster.things("pods")
        both.move_in("alice")
        assert told(both.ours, "alice")["environment"]["JUPYTERHUB_USER"] == "alice"
        assert [one["metadata"]["uid"] for one in kube.cluster.things("pods")] == [pod["metadata"]["uid"]]
        both.move_back()
        assert both.server_there("alice")["ready"]
        assert [one["metadata"]["uid"] for one in kube.cluster.things("pods")] == [pod["metadata"]["uid"]]
        both.stop_there("alice")
        assert kube.cluster.things("pods") == []
