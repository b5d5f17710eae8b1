"""A hub that is told to end over its API, through its proxy."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.integration.hub import RealHub

pytestmark = pytest.mark.slow


def reachable(url: str) -> bool:
    try:
        requests.get(url, timeout=5, allow_redirects=False)
    except requests.ConnectionError:
        return False
    return True


@pytest.mark.parametrize(
    ("path", "body", "servers_end", "proxy_ends"),
    [
        ("/hub/api/shutdown", None, True, True),
        ("/api/hub/shutdown", {"servers": False}, False, True),
        ("/hub/api/shutdown", {"servers": False, "proxy": False}, False, False),
    ],
)
def test_the_body_says_what_ends_with_it(
    hub: RealHub, path: str, body: Any, servers_end: bool, proxy_ends: bool
) -> None:
    hub.begin("alice")
    hub.wait_ready("alice")
    answer = hub.request("POST", path, json=body)
    assert (answer.status_code, list(answer.json())) == (202, ["message"])
    assert hub.wait_end() == 0
    servers = [process for process in hub.processes() if process.prefix and not process.is_launcher]
    assert (not servers) is servers_end
    assert reachable(hub.url) is not proxy_ends
    assert hub.events()[-1].payload["servers"] is servers_end
    hub.start()
    if servers_end:
        assert hub.server("alice")["stopped"]
    else:
        hub.wait_ready("alice")


def test_metrics_of_a_real_hub_are_true(hub: RealHub) -> None:
    hub.begin("alice")
    hub.wait_ready("alice")
    text = hub.request("GET", "/hub/metrics").text
    assert "jupyterhub_running_servers 1.0" in text
    assert "callboard_proxies_connected 1.0" in text
    assert 'jupyterhub_server_spawn_duration_seconds_count{reason="",status="success"} 1.0' in text
    assert 'jupyterhub_proxy_add_duration_seconds_count{status="success"} 1.0' in text
    assert "jupyterhub_hub_startup_duration_seconds_count 1.0" in text
