"""wrapspawner's ProfilesSpawner, unmodified, over a process and over a container."""

from __future__ import annotations

import pytest

from tests.engines.docker import PYTHON_IMAGE, DockerEngine
from tests.integration.conftest import MakeHub
from tests.plugins.environments import environment
from tests.plugins.life import live, restart, spawn_form, start, stop

pytestmark = pytest.mark.world

PROFILES = f"""
c.JupyterHub.spawner_class = "wrapspawner.ProfilesSpawner"
c.ProfilesSpawner.profiles = [
    ("Here", "here", "jupyterhub.spawner.SimpleLocalProcessSpawner", dict(args=["--here"])),
    ("Large", "large", "dockerspawner.DockerSpawner", dict(ip="0.0.0.0", port=8888,
        image="{PYTHON_IMAGE}", remove=True, mem_limit="64M", cmd=["python3", "-S", "-E", "/srv/page_server.py"])),
]
"""


def test_a_profile_runs_its_own_spawner_and_its_server_is_found_again(make_hub: MakeHub) -> None:
    hub = make_hub(programs=environment("spawners"), config=PROFILES)
    hub.start()
    server = live(hub, "alice", options={"profile": "here"})
    assert server["arguments"] == ["--here"]
    assert hub.server_processes("/user/alice/") == []


def test_a_container_of_a_profile_is_found_again(docker: DockerEngine, make_hub: MakeHub) -> None:
    hub = make_hub(
        programs=environment("spawners"),
        environment={"DOCKER_HOST": docker.host},
        config=f"{PROFILES}\nc.JupyterHub.hub_ip = '0.0.0.0'\nc.JupyterHub.hub_connect_ip = '{docker.gateway}'\n",
    )
    hub.start()
    server = start(hub, "alice", options={"profile": "large"})
    [container] = docker.containers()
    assert restart(hub, "alice") == server
    assert [one["Id"] for one in docker.containers()] == [container["Id"]]
    stop(hub, "alice")
    assert docker.containers() == []


def test_the_form_offers_the_profiles(make_hub: MakeHub) -> None:
    hub = make_hub(programs=environment("spawners"), config=PROFILES)
    hub.start()
    form = spawn_form(hub, "alice")
    assert '<option value="here" selected>Here</option>' in form
    assert '<option value="large" >Large</option>' in form
