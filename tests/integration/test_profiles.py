"""Several engines in a real hub: what was started stays where it is, whatever becomes of its profile."""

from __future__ import annotations

import pytest

from tests.integration.conftest import MakeHub
from tests.integration.hub import wait_for

pytestmark = pytest.mark.slow

PROFILES = """
c.JupyterHub.spawner_class = "simulated"
c.Callboard.spawner_profiles = {
    "simulated": {},
    "real": {"spawner": "simple", "settings": {"environment": {"CALLBOARD_TEST_SERVER_OF": DIRECTORY}}},
}
"""
NO_PROFILES = 'c.JupyterHub.spawner_class = "simulated"\n'


def test_a_server_is_looked_after_where_it_runs_though_its_profile_has_gone(make_hub: MakeHub) -> None:
    hub = make_hub()
    hub.configure(PROFILES.replace("DIRECTORY", repr(str(hub.directory))))
    hub.start()
    hub.add_user("alice")
    start = {"user_options": {"profile": "real"}}
    assert hub.api("POST", "/users/alice/server", json=start).status_code in (201, 202)
    hub.wait_ready("alice")
    (server,) = hub.server_processes()
    (requested,) = [event for event in hub.events() if event.type == "server.spawn-requested"]
    assert requested.payload["engine"] == "simple"
    hub.kill()
    hub.configure(NO_PROFILES)
    hub.start()
    hub.wait_ready("alice")
    assert hub.server_processes() == [server], "it is the same process"
    assert hub.page("alice").json()["pid"] == server.pid
    assert "servers run in simple, which the configuration names no more" in hub.log()
    assert {engine["name"] for engine in hub.api("GET", "/engines").json()} == {"simulated", "simple"}
    assert hub.end("alice").status_code in (202, 204)
    hub.wait_stopped("alice")
    wait_for(lambda: hub.server_processes() == [])
    hub.check_log()
