"""A job in a real hub that is killed in the middle of it: the next one does the rest, and nothing twice."""

from __future__ import annotations

import pytest

from tests.integration.conftest import MakeHub
from tests.integration.hub import RealHub, wait_for

pytestmark = pytest.mark.slow

NAMES = [f"user{number}" for number in range(8)]
SLOW = NAMES[4:]


def ask(hub: RealHub, act: str, names: list[str]) -> str:
    answer = hub.api("POST", "/jobs", json={"act": act, "users": names})
    assert answer.status_code == 201, answer.text
    job: str = answer.json()["id"]
    return job


def state(hub: RealHub, job: str) -> tuple[str, int, int]:
    found = hub.api("GET", f"/jobs/{job}").json()
    return found["state"], found["done"], found["failed"]


def test_a_job_goes_on_when_its_hub_is_killed_in_the_middle(hub: RealHub) -> None:
    for name in NAMES:
        hub.add_user(name)
    for name in SLOW:
        hub.behave(name, slow=4)
    job = ask(hub, "start", NAMES)
    wait_for(lambda: 0 < state(hub, job)[1] < len(NAMES), timeout=20)
    hub.kill()
    hub.start()
    wait_for(lambda: state(hub, job)[0] == "done", timeout=40)
    assert state(hub, job) == ("done", len(NAMES), 0)
    for name in NAMES:
        assert hub.server(name)["ready"]
        assert len(hub.server_processes(f"/user/{name}/")) == 1
    told = [event.type for event in hub.events() if event.stream == f"job/{job}"]
    assert told.count("job.tried") == 2
    assert told[-1] == "job.done"
    hub.check_log()


def test_a_cancelled_job_stays_cancelled_in_the_next_hub(hub: RealHub) -> None:
    for name in SLOW:
        hub.add_user(name)
        hub.behave(name, slow=4)
    job = ask(hub, "start", SLOW)
    assert hub.api("DELETE", f"/jobs/{job}").status_code == 204
    hub.kill()
    hub.start()
    assert state(hub, job)[0] == "cancelled"
    hub.check_log()


def test_an_orderly_end_in_the_middle_is_gone_on_from_too(make_hub: MakeHub) -> None:
    hub = make_hub(config="c.JupyterHub.cleanup_servers = False\n")
    hub.start()
    for name in NAMES:
        hub.add_user(name)
    for name in SLOW:
        hub.behave(name, slow=4)
    job = ask(hub, "start", NAMES)
    wait_for(lambda: 0 < state(hub, job)[1] < len(NAMES), timeout=20)
    assert hub.terminate() == 0
    hub.start()
    wait_for(lambda: state(hub, job)[0] == "done", timeout=40)
    assert state(hub, job) == ("done", len(NAMES), 0)
    hub.check_log()
