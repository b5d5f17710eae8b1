"""jupyterhub-kubespawner, unmodified, against an API server that speaks as Kubernetes' does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.conftest import MakeHub
from tests.integration.hub import PAGE_SERVER, RealHub, free_ports, wait_for
from tests.plugins.environments import environment
from tests.plugins.kube_api import Cluster, KubeApi
from tests.plugins.life import restart, spawn_form, start, stop, told

pytestmark = pytest.mark.world

MakeKubeHub = Callable[[str], RealHub]


@pytest.fixture
def kube() -> Iterator[KubeApi]:
    api = KubeApi()
    yield api
    api.close()


@pytest.fixture
def cluster(kube: KubeApi) -> Cluster:
    return kube.cluster


@pytest.fixture
def kube_hub(kube: KubeApi, make_hub: MakeHub, tmp_path: Path) -> MakeKubeHub:
    """A hub that serves; a pod is a process that listens on a port of its own."""
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(kube.kubeconfig())

    def make(config: str = "") -> RealHub:
        (port,) = free_ports(1)
        hub = make_hub(
            programs=environment("spawners"),
            environment={"KUBECONFIG": str(kubeconfig)},
            config=f"""
c.JupyterHub.spawner_class = "kubespawner.KubeSpawner"
c.KubeSpawner.namespace = "default"
c.KubeSpawner.image = "example/notebook:1"
c.KubeSpawner.cmd = {PAGE_SERVER!r}
c.KubeSpawner.port = {port}
{config}
""",
        )
        hub.start()
        return hub

    return make


def test_a_pod_lives_through_a_killed_hub(cluster: Cluster, kube_hub: MakeKubeHub) -> None:
    cluster.pull_seconds = 2
    hub = kube_hub()
    server = start(hub, "alice")
    [pod] = cluster.things("pods")
    assert pod["metadata"]["labels"]["hub.jupyter.org/username"] == "alice"
    assert server["environment"]["JUPYTERHUB_USER"] == "alice"
    messages = " ".join(str(event.payload) for event in hub.events("alice"))
    assert "Pulling image" in messages
    assert restart(hub, "alice") == server
    assert [one["metadata"]["uid"] for one in cluster.things("pods")] == [pod["metadata"]["uid"]]
    stop(hub, "alice")
    assert cluster.things("pods") == []


PROFILES = """
c.KubeSpawner.profile_list = [
    {"display_name": "Small", "slug": "small", "default": True, "kubespawner_override": {"mem_limit": "1G"}},
    {"display_name": "Large", "slug": "large", "kubespawner_override": {"mem_limit": "8G", "cpu_limit": 2}},
]
c.KubeSpawner.storage_pvc_ensure = True
c.KubeSpawner.storage_capacity = "1Gi"
"""


def test_a_profile_is_offered_and_what_it_says_is_in_the_pod(cluster: Cluster, kube_hub: MakeKubeHub) -> None:
    hub = kube_hub(PROFILES)
    form = spawn_form(hub, "alice")
    assert "Small" in form
    assert "Large" in form
    start(hub, "alice", options={"profile": "large"})
    [pod] = cluster.things("pods")
    limits = pod["spec"]["containers"][0]["resources"]["limits"]
    assert limits["memory"] == 8 * 1024**3
    [claim] = cluster.things("persistentvolumeclaims")
    assert "alice" in claim["metadata"]["name"]
    stop(hub, "alice")
    assert cluster.things("persistentvolumeclaims") == [claim]


def test_while_the_api_server_is_away_its_servers_are_not_gone(
    cluster: Cluster, kube_hub: MakeKubeHub
) -> None:
    hub = kube_hub("c.Spawner.poll_interval = 1")
    server = start(hub, "alice")
    cluster.down = True
    asked = len(cluster.requests)
    wait_for(lambda: len(cluster.requests) > asked + 2, 30)
    assert hub.server("alice")["ready"]
    assert told(hub, "alice") == server
    cluster.down = False
    assert restart(hub, "alice") == server
    stop(hub, "alice")
    assert cluster.things("pods") == []


def test_a_hub_that_starts_while_the_api_server_is_away_keeps_its_servers(
    cluster: Cluster, kube_hub: MakeKubeHub
) -> None:
    hub = kube_hub("c.Spawner.poll_interval = 1")
    server = start(hub, "alice")
    cluster.down = True
    hub.restart()
    assert not hub.server("alice")["stopped"]
    cluster.down = False
    hub.wait_ready("alice", timeout=90)
    assert told(hub, "alice") == server
    stop(hub, "alice")


def test_a_pod_that_is_killed_is_told_as_stopped(cluster: Cluster, kube_hub: MakeKubeHub) -> None:
    hub = kube_hub("c.Spawner.poll_interval = 1")
    start(hub, "alice")
    [pod] = cluster.things("pods")
    cluster.end(pod["metadata"]["name"])
    hub.wait_stopped("alice", timeout=60)


def test_a_pod_that_cannot_be_scheduled_is_stopped_when_it_is_asked_for(
    cluster: Cluster, kube_hub: MakeKubeHub
) -> None:
    cluster.unschedulable = True
    hub = kube_hub()
    hub.add_user("alice")
    hub.begin("alice")
    wait_for(lambda: cluster.things("pods"), 30)
    stop(hub, "alice")
    wait_for(lambda: not cluster.things("pods"), 30)


def test_a_subclass_in_the_file_overrides_start_and_has_a_hook(
    cluster: Cluster, kube_hub: MakeKubeHub
) -> None:
    hub = kube_hub("""
from kubespawner import KubeSpawner

class CourseSpawner(KubeSpawner):
    async def start(self):
        self.environment["COURSE"] = "maths"
        return await super().start()

async def modify(spawner, pod):
    pod.metadata.labels["course"] = "maths"
    return pod

c.JupyterHub.spawner_class = CourseSpawner
c.KubeSpawner.modify_pod_hook = modify
""")
    server = start(hub, "alice")
    assert server["environment"]["COURSE"] == "maths"
    [pod] = cluster.things("pods")
    assert pod["metadata"]["labels"]["course"] == "maths"
    stop(hub, "alice")
