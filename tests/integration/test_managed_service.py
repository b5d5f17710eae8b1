"""Managed services with real hubs and real processes: kept running, found again, ended, never doubled."""

from __future__ import annotations

import os
import shlex
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import MakeHub
from tests.integration.hub import DidNotStart, RealHub, free_ports, wait_for

pytestmark = pytest.mark.slow

TOLD = 'echo $$ >>"$HERE/pids"; env >"$HERE/environment"; pwd >"$HERE/place"; '


def service_line(directory: Path, script: str, **more: Any) -> str:
    """A line of configuration: the service `watcher`, which first notes down who and where it is."""
    directory.mkdir(exist_ok=True)
    service = {
        "name": "watcher",
        "command": ["/bin/sh", "-c", TOLD + script],
        "environment": {"HERE": str(directory), "CALLBOARD_TEST_SERVER_OF": str(directory.parent)},
        **more,
    }
    return f"c.JupyterHub.services = [{service!r}]\n"


def pids(directory: Path) -> list[int]:
    """Of all processes the service ever had."""
    try:
        return [int(line) for line in (directory / "pids").read_text().split()]
    except FileNotFoundError:
        return []


def lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def model(hub: RealHub) -> dict[str, Any]:
    answer = hub.api("GET", "/services/watcher")
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


def types_of(hub: RealHub) -> list[str]:
    """What has happened to the service."""
    return [event.type for event in hub.events() if event.stream == "service/watcher"]


def wait_status(hub: RealHub, status: str, timeout: float = 20.0) -> dict[str, Any]:
    return wait_for(lambda: (found := model(hub))["status"] == status and found, timeout)


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """Where the service of the first hub leaves its notes; below the hub's own directory."""
    return tmp_path / "hub0" / "service"


def started(make_hub: MakeHub, here: Path, script: str, **more: Any) -> RealHub:
    hub = make_hub()
    hub.configure(service_line(here, script, **more))
    hub.start()
    return hub


def test_it_runs_with_what_jupyterhub_tells_services_and_ends_with_the_hub(
    make_hub: MakeHub, here: Path
) -> None:
    hub = started(make_hub, here, "exec sleep 600", cwd="/tmp")
    found = wait_status(hub, "running")
    assert (found["managed"], found["pid"]) == (True, pids(here)[0])
    environment = dict(line.split("=", 1) for line in (here / "environment").read_text().splitlines())
    assert environment["JUPYTERHUB_SERVICE_NAME"] == "watcher"
    assert environment["JUPYTERHUB_API_URL"] == f"{hub.hub_url}/hub/api"
    assert environment["JUPYTERHUB_CLIENT_ID"] == "service-watcher"
    assert environment["JUPYTERHUB_USER"] == environment["JUPYTERHUB_SERVER_NAME"] == ""
    assert "JUPYTERHUB_SERVICE_PREFIX" not in environment
    assert "JUPYTERHUB_ACTIVITY_URL" not in environment
    assert (here / "place").read_text().strip() == "/tmp"
    me = hub.api("GET", "/user", token=environment["JUPYTERHUB_API_TOKEN"])
    assert (me.status_code, me.json()["name"]) == (200, "watcher")
    assert os.getsid(pids(here)[0]) != os.getsid(hub.pid)
    assert hub.terminate() == 0
    assert not lives(pids(here)[0])
    assert types_of(hub) == ["service.added", "service.started", "service.exited"]


def test_a_service_that_dies_is_started_again_and_its_last_words_are_in_the_log(
    make_hub: MakeHub, here: Path
) -> None:
    hub = started(make_hub, here, "echo last words; exec sleep 600")
    first = wait_status(hub, "running")["pid"]
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: model(hub)["pid"] not in (0, first))
    assert len(pids(here)) == 2
    assert "last words" in hub.log()


def test_one_that_never_lives_is_tried_again_ever_later_and_counts_as_failed(
    make_hub: MakeHub, here: Path
) -> None:
    hub = started(make_hub, here, "exit 3")
    assert wait_status(hub, "failed")["pid"] == 0
    assert len(pids(here)) == 6
    assert "It ended with status 3." in hub.log()
    events = types_of(hub)
    assert events[-1] == "service.failed"
    assert (
        len(events) <= 13
    )  # made, six starts, five ends and the failure; one that ends at once has no start


def test_a_command_that_is_not_there_fails_and_keeps_nobody_from_starting(
    make_hub: MakeHub, here: Path
) -> None:
    hub = make_hub()
    hub.configure(service_line(here, "true", command=["no-such-program"]))
    hub.start()
    wait_status(hub, "failed")
    assert types_of(hub) == ["service.added", "service.failed"]
    assert "The command of service watcher was not found: 'no-such-program'" in hub.log()


def test_a_hub_that_was_killed_finds_the_process_and_goes_on_with_it(make_hub: MakeHub, here: Path) -> None:
    hub = started(make_hub, here, "exec sleep 600")
    first = wait_status(hub, "running")["pid"]
    hub.restart()
    assert wait_status(hub, "running")["pid"] == first
    assert (pids(here), lives(first)) == ([first], True)
    os.kill(first, signal.SIGTERM)
    second = wait_for(lambda: (pid := model(hub)["pid"]) not in (0, first) and pid)
    hub.terminate()
    assert not lives(second)


def test_after_a_kill_another_configuration_means_another_process(make_hub: MakeHub, here: Path) -> None:
    hub = started(make_hub, here, "exec sleep 600")
    first = wait_status(hub, "running")["pid"]
    hub.kill()
    assert lives(first)
    hub.configure(service_line(here, "exec sleep 601"))
    hub.start()
    second = wait_for(lambda: (pid := model(hub)["pid"]) not in (0, first) and pid)
    assert (lives(first), lives(second)) == (False, True)


def test_a_process_whose_service_has_left_the_configuration_is_ended(make_hub: MakeHub, here: Path) -> None:
    hub = started(make_hub, here, "exec sleep 600")
    first = wait_status(hub, "running")["pid"]
    hub.kill()
    hub.configure("")
    hub.start()
    assert hub.api("GET", "/services/watcher").status_code == 404
    wait_for(lambda: not lives(first))


def test_what_it_has_started_ends_with_it(make_hub: MakeHub, here: Path) -> None:
    hub = started(make_hub, here, 'sleep 600 & echo $! >"$HERE/child"; wait')
    wait_status(hub, "running")
    child = wait_for(lambda: (here / "child").exists() and int((here / "child").read_text() or 0))
    assert lives(child)
    hub.terminate()
    assert not lives(child)


def echoing(port: int) -> str:
    """A command that serves, and answers with the path asked for."""
    server = (
        "import http.server as h, os\n"
        "class H(h.BaseHTTPRequestHandler):\n"
        "    def do_GET(self):\n"
        "        self.send_response(200); self.end_headers(); self.wfile.write(self.path.encode())\n"
        f"h.HTTPServer(('127.0.0.1', {port}), H).serve_forever()\n"
    )
    return f"exec python3 -c {shlex.quote(server)}"


def test_its_url_is_reached_through_the_proxy(make_hub: MakeHub, here: Path) -> None:
    (port,) = free_ports(1)
    here.parent.mkdir(parents=True)
    hub = started(make_hub, here, echoing(port), url=f"http://127.0.0.1:{port}")
    answer = wait_for(lambda: (a := hub.request("GET", "/services/watcher/x")).status_code == 200 and a)
    assert answer.text == "/services/watcher/x"


def test_people_are_served_before_it_is_up_and_health_says_that_it_is_not(
    make_hub: MakeHub, here: Path
) -> None:
    (port,) = free_ports(1)
    here.parent.mkdir(parents=True)
    wait = 'until [ -e "$HERE/go" ]; do sleep 0.1; done; '
    hub = started(make_hub, here, wait + echoing(port), url=f"http://127.0.0.1:{port}")
    wait_status(hub, "running")
    assert hub.request("GET", "/services/watcher/x").status_code == 503
    assert hub.api("GET", "/health").text == "service watcher is not up: it has not answered yet\n"
    (here / "go").touch()
    wait_for(lambda: hub.api("GET", "/health").text == "")
    assert hub.request("GET", "/services/watcher/x").text == "/services/watcher/x"


def test_a_dead_url_delays_nothing(make_hub: MakeHub) -> None:
    hub = make_hub()
    (port,) = free_ports(1)
    hub.configure(
        f"c.JupyterHub.services = [{{'name': 'gone', 'url': 'http://127.0.0.1:{port}', 'timeout': 1}}]\n"
    )
    hub.start()
    wait_for(lambda: hub.api("GET", "/services/gone").json()["status"] == "failed")
    assert "service gone does not answer" in hub.log()
    assert hub.request("GET", "/services/gone/").status_code == 503
    assert hub.api("GET", "/proxy").json()["/services/gone/"]["data"]["service"] == "gone"


def test_an_unknown_field_of_a_service_keeps_the_hub_from_starting(make_hub: MakeHub) -> None:
    hub = make_hub()
    hub.configure("c.JupyterHub.services = [{'name': 'x', 'colour': 'red'}]\n")
    with pytest.raises(DidNotStart) as ended:
        hub.start()
    assert ended.value.status == 1
