"""Real processes that their hub took for gone, and that come back: shown, refused, and ended after their grace."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest
import requests

from tests.integration.conftest import MakeHub
from tests.integration.hub import CALLBOARD, Process, RealHub, wait_for

pytestmark = pytest.mark.slow

GRACE = 4.0
QUICK = "c.Spawner.poll_interval = 0.5\nc.Callboard.reconcile_interval = 0.5\n"


def come_back(hub: RealHub, *, start_anew: bool = False) -> Process:
    """Alice's server, which runs on although what tells of it had gone for a while."""
    hub.start()
    hub.add_user("alice")
    assert hub.api("POST", "/users/alice/server").status_code in (201, 202)
    hub.wait_ready("alice")
    (server,) = hub.server_processes()
    (mark,) = Path(f"{hub.database}-servers").glob(f"**/{server.spawn_id}")
    aside = mark.with_name("elsewhere")
    hub.kill()
    mark.rename(aside)
    hub.start()
    hub.wait_stopped("alice")
    if start_anew:
        assert hub.api("POST", "/users/alice/server").status_code in (201, 202)
        hub.wait_ready("alice")
    aside.rename(mark)
    wait_for(lambda: strays(hub) != [])
    return server


def strays(hub: RealHub) -> list[dict[str, object]]:
    answer = hub.api("GET", "/strays")
    assert answer.status_code == 200
    found: list[dict[str, object]] = answer.json()
    return found


def is_there(hub: RealHub, server: Process) -> bool:
    return server.pid in {process.pid for process in hub.server_processes()}


def test_a_stray_is_shown_and_ended_after_its_grace(make_hub: MakeHub) -> None:
    hub = make_hub(config=f"{QUICK}c.Callboard.stray_grace = {GRACE}\n")
    server = come_back(hub)
    (stray,) = strays(hub)
    assert (stray["spawn_id"], stray["whose"], stray["user"]) == (server.spawn_id, "ours", "alice")
    assert is_there(hub, server)
    command = [CALLBOARD, "strays", "-f", str(hub.config_file)]
    said = subprocess.run([*command, "--json"], cwd=hub.directory, capture_output=True, check=True).stdout
    assert [one["spawn_id"] for one in json.loads(said)["strays"]] == [server.spawn_id]
    in_words = subprocess.run(command, cwd=hub.directory, capture_output=True, text=True, check=True).stdout
    assert f"{server.spawn_id} in simple: alice/, of this log" in in_words
    wait_for(lambda: not is_there(hub, server))
    wait_for(lambda: strays(hub) == [])
    told = [event for event in hub.events() if event.type.startswith("engine.stray-")]
    assert [event.type for event in told] == ["engine.stray-found", "engine.stray-ended"]
    assert told[1].payload["reason"] == "reconciler"
    assert {event.payload["spawn_id"] for event in told} == {server.spawn_id}
    hub.check_log()


def test_a_dry_run_ends_nothing(make_hub: MakeHub) -> None:
    hub = make_hub(config=f"{QUICK}c.Callboard.stray_grace = 0\nc.Callboard.reconcile_dry_run = True\n")
    server = come_back(hub)
    time.sleep(3)
    (stray,) = strays(hub)
    assert stray["ends_in"] is None
    assert is_there(hub, server)
    hub.configure(f"{QUICK}c.Callboard.stray_grace = 0\n")
    hub.restart()
    wait_for(lambda: not is_there(hub, server))


def test_an_older_start_that_comes_back_is_fenced_and_then_ended(make_hub: MakeHub) -> None:
    hub = make_hub(config=f"{QUICK}c.Callboard.stray_grace = {GRACE}\n")
    old = come_back(hub, start_anew=True)
    headers = {"Authorization": f"token {old.environment['JUPYTERHUB_API_TOKEN']}"}
    activity = {"servers": {"": {"last_activity": "2026-11-28T09:03:00Z"}}}
    url = f"{hub.hub_url}/hub/api/users/alice/activity"
    assert requests.post(url, json=activity, headers=headers, timeout=10).status_code == 403
    redeemed = requests.post(
        f"{hub.hub_url}/hub/api/oauth2/token",
        data={
            "grant_type": "authorization_code",
            "client_id": "jupyterhub-user-alice",
            "client_secret": old.environment["JUPYTERHUB_API_TOKEN"],
            "code": "any",
        },
        timeout=10,
    )
    assert redeemed.status_code in (400, 401, 403)
    assert is_there(hub, old), "it serves on, and nobody is led there"
    page = hub.page("alice")
    assert page.status_code == 200
    assert page.json()["pid"] != old.pid
    wait_for(lambda: not is_there(hub, old))
    assert hub.page("alice").json()["pid"] == page.json()["pid"]
    hub.check_log()
