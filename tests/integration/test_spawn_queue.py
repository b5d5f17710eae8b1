"""Real hubs with more starts than may be at once: killed while they wait, and tired of starts that fail."""

from __future__ import annotations

import pytest

from tests.integration.conftest import MakeHub
from tests.integration.hub import wait_for

pytestmark = pytest.mark.slow

QUEUE = "c.JupyterHub.concurrent_spawn_limit = 1\nc.JupyterHub.tornado_settings = {'slow_spawn_timeout': 0}"


def test_the_queue_survives_kill_9_in_its_order(make_hub: MakeHub) -> None:
    hub = make_hub(config=QUEUE)
    hub.start()
    for user in ("alice", "bob", "carol", "dave"):
        hub.add_user(user)
    hub.behave("alice", slow=4)
    for user in ("alice", "bob", "carol", "dave"):
        assert hub.begin(user).status_code == 202
    hub.restart()
    assert hub.server("dave")["pending"] == "spawn"
    assert hub.end("carol").status_code == 204
    for user in ("alice", "bob", "dave"):
        hub.wait_ready(user)
    assert "carol" not in {process.prefix.strip("/").rpartition("/")[2] for process in hub.server_processes()}
    admitted = [event.stream for event in hub.events() if event.type == "server.spawn-admitted"]
    waited = [event.stream for event in hub.events() if event.type == "server.spawn-requested"]
    assert admitted == [waited[1], waited[3]]
    hub.check_log()


def test_a_hub_whose_starts_all_fail_ends_with_1_and_leaves_the_rest_alone(make_hub: MakeHub) -> None:
    hub = make_hub(config="c.Spawner.consecutive_failure_limit = 2")
    hub.start()
    for user in ("alice", "bob"):
        hub.add_user(user)
    hub.begin("alice")
    hub.wait_ready("alice")
    hub.behave("bob", exit=3)
    for _ in range(2):
        assert hub.begin("bob").status_code == 500
    assert hub.wait_end() == 1
    assert "2 starts have failed" in hub.log()
    assert hub.page("alice").status_code == 200
    hub.start()
    assert wait_for(lambda: hub.server("alice")["ready"])
