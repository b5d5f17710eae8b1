"""One hub, two places to run servers: this machine, and a Docker engine that may be away."""

from __future__ import annotations

import pytest

from tests.integration.docker.conftest import MakeDockerHub
from tests.integration.hub import PAGE_SERVER, wait_for

pytestmark = pytest.mark.world

PROFILES = f"""
c.Callboard.spawner_profiles = {{
    "here": {{"spawner": "simple", "settings": {{"cmd": {PAGE_SERVER!r}}}}},
    "container": {{"spawner": "callboard-docker", "settings": {{"mem_limit": "128M"}}}},
}}
"""


def test_each_start_says_where_and_an_engine_that_is_away_hurts_nobody_elsewhere(
    make_docker_hub: MakeDockerHub,
) -> None:
    hub = make_docker_hub("c.DockerSpawner.use_internal_ip = True", PROFILES)
    hub.start()
    for user, profile in (("alice", "container"), ("bob", "here")):
        hub.add_user(user)
        assert hub.begin(user, json={"profile": profile}).status_code == 202
    for user in ("alice", "bob"):
        hub.wait_ready(user)
    assert hub.inspect("alice")["HostConfig"]["Memory"] == 2**27
    assert hub.containers("bob") == []
    running = hub.running("alice")

    hub.engine.kill()
    hub.restart()
    hub.wait_ready("bob")
    hub.add_user("carol")
    assert hub.begin("carol", json={"profile": "here"}).status_code == 202
    hub.wait_ready("carol")
    assert hub.end("carol").status_code == 202
    hub.wait_stopped("carol")
    assert hub.server("alice")["pending"] == "check", "nobody can tell whether it runs"
    assert hub.page("alice").status_code == 200
    hub.engine.revive()
    hub.wait_ready("alice", timeout=60)
    assert hub.running("alice") == running
    for user in ("alice", "bob"):
        hub.end(user)
        hub.wait_stopped(user)
    wait_for(lambda: hub.containers() == [])
    hub.check_log()
