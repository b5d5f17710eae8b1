"""Two hundred starts at once: each becomes one server, and the engine is asked for a list once a second at most."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest

from spawners.docker.engine.listing import INTERVAL
from tests.engines.docker import DockerEngine
from tests.integration.docker.conftest import MakeDockerHub
from tests.integration.docker.counting_socket import CountingSocket
from tests.integration.hub import wait_for

pytestmark = [pytest.mark.world, pytest.mark.timeout(900)]

MANY = 200
CHEAP = ["busybox", "httpd", "-f", "-p", "8888"]  # its 404 is an answer


@pytest.fixture
def counting(docker: DockerEngine) -> Iterator[CountingSocket]:
    with tempfile.TemporaryDirectory(prefix="callboard-") as directory:
        made = CountingSocket(Path(directory, "s"), docker.socket)
        yield made
        made.close()


def test_two_hundred_at_once(make_docker_hub: MakeDockerHub, counting: CountingSocket) -> None:
    hub = make_docker_hub(
        f"c.DockerSpawner.docker_host = {counting.host!r}",
        "c.DockerSpawner.use_internal_ip = True",
        "c.DockerSpawner.volumes = {}",
        "c.DockerSpawner.extra_create_kwargs = {'stop_signal': 'SIGKILL'}",
        "c.JupyterHub.concurrent_spawn_limit = 0",
        "c.Spawner.start_timeout = 600",
        "c.Spawner.http_timeout = 300",
        cmd=CHEAP,
    )
    hub.start()
    people = [f"user{number}" for number in range(MANY)]
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(hub.add_user, people))
        began = [answer.status_code for answer in pool.map(hub.begin, people)]
    assert began == [202] * MANY
    wait_for(lambda: hub.story_count("ready") == MANY, 600)
    assert len(hub.running()) == len(set(hub.running())) == MANY
    hub.restart()  # all are asked after at once
    wait_for(lambda: hub.story_count("adopted") == MANY, 120)
    with ThreadPoolExecutor(20) as pool:
        ended = [answer.status_code for answer in pool.map(hub.end, people)]
    assert set(ended) <= {202, 204}
    wait_for(lambda: hub.story_count("stopped") == MANY, 600)
    assert hub.containers() == []
    assert [kind for kind in ("failed", "died", "lost") if hub.story_count(kind)] == []
    lists = counting.moments_of("GET /containers/json")
    assert len(lists) > 5
    near = [later - earlier for earlier, later in pairwise(lists) if later - earlier < 0.9 * INTERVAL]
    assert len(near) <= 1, "two hubs, one after the other: each keeps to its own pace"
    hub.check_log()
