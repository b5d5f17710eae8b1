"""JupyterLab as people run it, in a container: a kernel computes through the public port while its hub is killed."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

import pytest

from tests.engines.docker import DockerEngine
from tests.engines.images import singleuser_image
from tests.integration.docker.conftest import MakeDockerHub
from tests.integration.hub import BIN, wait_for
from tests.integration.test_jupyterlab import TIMEOUT, new_kernel

pytestmark = pytest.mark.world

IMAGE = "callboard-test/singleuser:1"


@pytest.fixture
def image(docker: DockerEngine) -> str:
    packages = Path(sysconfig.get_path("purelib"))
    docker.import_image(IMAGE, singleuser_image(Path(sys.prefix), packages))
    return IMAGE


@pytest.mark.parametrize(
    "lines", [[], ["c.DockerSpawner.use_internal_ip = True"]], ids=["published", "inside"]
)
def test_a_kernel_in_a_container(make_docker_hub: MakeDockerHub, image: str, lines: list[str]) -> None:
    hub = make_docker_hub(
        "c.Spawner.http_timeout = 120",
        "c.Spawner.mem_limit = '1G'",
        "c.DockerSpawner.volumes = {'work-{username}': '/kept'}",
        "c.Spawner.notebook_dir = '/kept'",
        *lines,
        image=image,
        cmd=[str(BIN / "jupyterhub-singleuser"), "--allow-root"],
    )
    hub.start()
    hub.add_user("alice")
    token = hub.token_of("alice", ["access:servers!user=alice", "read:servers!user=alice"])
    hub.begin("alice")
    hub.wait_ready("alice", timeout=TIMEOUT)
    running = hub.running("alice")
    assert hub.request("GET", "/user/alice/api/status", token=token).status_code == 200
    assert hub.request("GET", "/user/alice/api/status", token=None).status_code == 403
    with new_kernel(hub, "/user/alice/", token) as kernel:
        assert kernel.run("6*7") == "42"
        assert kernel.run("open('/kept/file', 'w').write('x')") == "1"
        hub.kill()
        assert kernel.run("x = 21; x * 2") == "42"
        hub.start()
        hub.wait_ready("alice", timeout=TIMEOUT)
        assert kernel.run("x + x") == "42"
    assert hub.running("alice") == running
    assert any("Jupyter" in line for line in hub.api("GET", "/users/alice/server/logs").json()["logs"])
    hub.end("alice")
    hub.wait_stopped("alice", timeout=TIMEOUT)

    hub.begin("alice")  # another container, and the same files
    hub.wait_ready("alice", timeout=TIMEOUT)
    assert hub.running("alice") != running
    assert hub.request("GET", "/user/alice/api/contents/file", token=token).json()["content"] == "x"
    assert hub.api("DELETE", "/users/alice").status_code == 202
    wait_for(lambda: hub.containers() == [] and hub.engine.volumes() == [], 60)
    assert hub.engine.request("DELETE", f"/images/{image}").is_success
