"""What JupyterHub's spawners for engines have started goes on here, by the same class or by our own; and back again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines.docker import PYTHON_IMAGE, DockerEngine
from tests.integration.hub import PAGE_SERVER, free_ports
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
