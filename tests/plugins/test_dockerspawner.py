"""dockerspawner, unmodified, on a real Docker engine."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from tests.engines.docker import PYTHON_IMAGE, DockerEngine
from tests.integration.conftest import MakeHub
from tests.integration.hub import RealHub, wait_for
from tests.plugins.environments import environment
from tests.plugins.life import live, restart, start, stop, told

pytestmark = pytest.mark.slow

MakeDockerHub = Callable[[str], RealHub]


@pytest.fixture
def docker_hub(docker: DockerEngine, make_hub: MakeHub) -> MakeDockerHub:
    """A hub that serves; what is given is added to its configuration."""

    def make(config: str) -> RealHub:
        hub = make_hub(
            programs=environment("spawners"),
            environment={"DOCKER_HOST": docker.host},
            config=f"""
c.JupyterHub.spawner_class = "dockerspawner.DockerSpawner"
c.JupyterHub.hub_ip = "0.0.0.0"
c.JupyterHub.hub_connect_ip = "{docker.gateway}"
c.DockerSpawner.image = "{PYTHON_IMAGE}"
c.DockerSpawner.cmd = ["python3", "-S", "-E", "/srv/page_server.py"]
c.DockerSpawner.remove = True
{config}
""",
        )
        hub.start()
        return hub

    return make


def test_a_container_lives_through_a_killed_hub(docker: DockerEngine, docker_hub: MakeDockerHub) -> None:
    hub = docker_hub("")
    server = start(hub, "alice")
    [container] = docker.containers()
    assert container["Names"] == ["/jupyter-alice"]
    assert server["environment"]["JUPYTERHUB_USER"] == "alice"
    assert server["environment"]["JUPYTERHUB_API_URL"].startswith(f"http://{docker.gateway}:")
    assert restart(hub, "alice") == server
    assert [one["Id"] for one in docker.containers()] == [container["Id"]]
    stop(hub, "alice")
    assert docker.containers() == []


SUBCLASS = """
from dockerspawner import DockerSpawner

class CourseSpawner(DockerSpawner):
    def _options_form_default(self):
        return f'<label for="course">Course for {self.user.name}</label><input name="course" value="maths">'

    def options_from_form(self, formdata):
        return {"course": formdata["course"][0]}

    def get_args(self):
        return ["--course", self.user_options.get("course", "none")]

    def get_env(self):
        return {**super().get_env(), "COURSE": self.user_options.get("course", "none")}

    async def start(self):
        self.volumes = {"course-{username}": "/srv/course"}
        self.mem_limit = "64M"
        return await super().start()

c.JupyterHub.spawner_class = CourseSpawner
c.DockerSpawner.use_internal_ip = True
c.DockerSpawner.network_name = "bridge"
c.DockerSpawner.name_template = "course-{username}--{servername}"
"""


@pytest.mark.world
def test_a_subclass_in_the_file_has_its_form_its_volumes_and_its_limits(
    docker: DockerEngine, docker_hub: MakeDockerHub
) -> None:
    hub = docker_hub(SUBCLASS)
    hub.add_user("alice")
    server = live(hub, "alice", options={"course": "physics"})
    assert server["environment"]["COURSE"] == "physics"
    assert server["environment"]["MEM_LIMIT"] == str(64 * 1024**2)
    assert server["arguments"] == ["--course", "physics"]
    [volume] = docker.volumes()
    assert volume == "course-alice"
    docker.remove_leftovers()


@pytest.mark.world
def test_a_hub_killed_as_soon_as_there_is_a_container_has_that_one_or_none(
    docker: DockerEngine, docker_hub: MakeDockerHub
) -> None:
    """What a start had made is found by its name, whatever of it was recorded."""
    hub = docker_hub("")
    hub.add_user("alice")
    asking = threading.Thread(target=hub.begin_unheard, args=("POST", "/users/alice/server"))
    asking.start()
    wait_for(docker.containers, 20)
    hub.kill()
    asking.join(30)
    hub.start()
    wait_for(lambda: hub.server("alice")["pending"] is None, 60)
    assert len(docker.containers()) == int(hub.server("alice")["ready"])
    if not hub.server("alice")["ready"]:
        start(hub, "alice")
    assert told(hub, "alice")["environment"]["JUPYTERHUB_USER"] == "alice"
    assert len(docker.containers()) == 1
    stop(hub, "alice")
    assert docker.containers() == []


@pytest.mark.world
def test_named_servers_are_containers_of_their_own(docker: DockerEngine, docker_hub: MakeDockerHub) -> None:
    hub = docker_hub("")
    start(hub, "alice")
    start(hub, "alice", "lab")
    assert sorted(one["Names"][0] for one in docker.containers()) == ["/jupyter-alice", "/jupyter-alice--lab"]
    stop(hub, "alice")
    assert told(hub, "alice", "lab")["environment"]["JUPYTERHUB_SERVER_NAME"] == "lab"
    stop(hub, "alice", "lab")


@pytest.mark.world
def test_an_image_that_is_not_there_fails_with_the_engines_words(docker_hub: MakeDockerHub) -> None:
    hub = docker_hub('c.DockerSpawner.image = "no/such:1"\nc.DockerSpawner.pull_policy = "never"')
    hub.add_user("alice")
    hub.begin("alice")
    hub.wait_stopped("alice", timeout=60)
    assert "no/such:1" in str(hub.events("alice")[-1].payload)


@pytest.mark.world
def test_an_image_outside_the_list_is_refused(docker_hub: MakeDockerHub, docker: DockerEngine) -> None:
    hub = docker_hub(f'c.DockerSpawner.allowed_images = ["{PYTHON_IMAGE}"]')
    hub.add_user("alice")
    hub.begin("alice", json={"image": "evil/image:1"})
    hub.wait_stopped("alice", timeout=60)
    assert docker.containers() == []
    assert "evil/image:1" in hub.log()


@pytest.mark.world
def test_a_container_that_ends_by_itself_is_told_as_stopped(
    docker: DockerEngine, docker_hub: MakeDockerHub
) -> None:
    hub = docker_hub("c.Spawner.poll_interval = 1")
    start(hub, "alice")
    [container] = docker.containers()
    docker.request("POST", f"/containers/{container['Id']}/kill")
    hub.wait_stopped("alice", timeout=30)


@pytest.mark.world
def test_while_the_engine_is_away_its_servers_are_not_gone(
    docker: DockerEngine, docker_hub: MakeDockerHub
) -> None:
    """At its own address, for what publishes a port ends with dockerd; and kept, for dockerd removes at its start what
    is to be removed at its end, though it runs.
    """
    hub = docker_hub(
        "c.Spawner.poll_interval = 1\n"
        "c.DockerSpawner.remove = False\n"
        "c.DockerSpawner.use_internal_ip = True\n"
        'c.DockerSpawner.network_name = "bridge"\n'
    )
    server = start(hub, "alice")
    docker.kill()
    wait_for(lambda: "cannot tell whether servers run" in hub.log(), 30)
    assert hub.server("alice")["ready"]
    assert told(hub, "alice") == server
    docker.revive()
    assert restart(hub, "alice") == server
    stop(hub, "alice")
    assert [one["State"] for one in docker.containers()] == ["exited"]
    docker.remove_leftovers()
