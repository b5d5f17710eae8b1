"""An unmodified configurable-http-proxy, driven by a hub: it loses its routes, hangs, refuses or dies."""

from __future__ import annotations

import os
import signal
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.integration.conftest import MakeHub
from tests.integration.hub import DidNotStart, RealHub, free_ports, wait_for
from tests.proxies import configurable_http_proxy
from tests.proxies.external import TOKEN, ExternalCHP, listens, routes_at
from tests.proxies.jupyterhub import PROXY_TOKEN, JupyterHub

pytestmark = pytest.mark.slow

AT_ONCE = 1.0  # seconds in which routes are back
SLACK = 3.0  # for a machine that is busy: the measured time is asserted on its own, by the hub's own clock


def started_by_hub(make_hub: MakeHub, lines: str = "") -> tuple[RealHub, str]:
    """With the URL of its proxy's API."""
    (port,) = free_ports(1)
    hub = make_hub(
        config=f"""
c.JupyterHub.proxy_class = "configurable-http-proxy"
c.ConfigurableHTTPProxy.command = [{configurable_http_proxy()!r}]
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{port}"
c.ConfigurableHTTPProxy.auth_token = {TOKEN!r}
c.JupyterHub.cleanup_servers = False
{lines}
"""
    )
    hub.start()
    return hub, f"http://127.0.0.1:{port}"


def chp_pid(hub: RealHub) -> int:
    return int((hub.directory / "jupyterhub-proxy.pid").read_text())


def serves(hub: RealHub, user: str = "alice") -> bool:
    try:
        return hub.page(user).status_code == 200
    except requests.RequestException:
        return False


def with_server(hub: RealHub) -> None:
    hub.add_user("alice")
    hub.begin("alice")
    hub.wait_ready("alice")


def test_it_is_started_leads_to_servers_and_outlives_a_hub_that_is_killed(make_hub: MakeHub) -> None:
    hub, api = started_by_hub(make_hub)
    with_server(hub)
    hub.begin("alice", "second")
    hub.wait_ready("alice", "second")
    assert hub.page("alice").status_code == hub.page("alice", "second").status_code == 200
    before, pid = routes_at(api, TOKEN), chp_pid(hub)
    assert set(before) == {"/", "/user/alice", "/user/alice/second"}
    assert before["/user/alice/second"]["user"] == "alice"
    assert before["/user/alice/second"]["server_name"] == "second"
    assert before["/"]["target"] == hub.hub_url
    hub.kill()
    assert serves(hub)
    hub.start()
    after = routes_at(api, TOKEN)
    assert chp_pid(hub) == pid
    assert {path: data["target"] for path, data in after.items()} == {
        path: data["target"] for path, data in before.items()
    }
    assert hub.end("alice").status_code in (202, 204)
    hub.wait_stopped("alice")
    assert set(routes_at(api, TOKEN)) == {"/", "/user/alice/second"}
    assert hub.page("alice").status_code in (302, 424)  # the hub's: it is not running
    hub.check_log()


def test_one_that_is_killed_is_replaced_and_has_its_routes_at_once(make_hub: MakeHub) -> None:
    hub, api = started_by_hub(make_hub)
    with_server(hub)
    killed = chp_pid(hub)
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: chp_pid(hub) != killed and listens(hub.url), 20)
    back = time.monotonic()
    wait_for(lambda: serves(hub), AT_ONCE + SLACK)
    assert time.monotonic() - back < AT_ONCE + SLACK
    assert set(routes_at(api, TOKEN)) == {"/", "/user/alice"}


# --- in all ways ---


@pytest.fixture
def external(make_hub: MakeHub) -> Iterator[ExternalCHP]:
    """Somebody else's, and a hub that is to drive it; neither is started yet."""
    hub = make_hub()
    proxy = ExternalCHP(hub)
    hub.configure(f"{proxy.config}c.JupyterHub.cleanup_servers = False\n")
    yield proxy
    proxy.close()


@pytest.mark.world
def test_a_hub_waits_for_no_proxy_and_gives_it_its_routes_once_it_is_there(external: ExternalCHP) -> None:
    hub = external.hub
    hub.start()
    assert "takes no connections" in hub.request("GET", "/hub/health", direct=True).text
    hub.request("POST", "/hub/api/users/alice", direct=True)
    answer = hub.request("POST", "/hub/api/users/alice/server", direct=True)
    assert answer.status_code in (201, 202)
    wait_for(lambda: hub.request("GET", "/hub/api/users/alice/servers/", direct=True).json()["ready"], 20)
    assert "spawn-failed" not in hub.story("alice")
    external.start()
    wait_for(lambda: serves(hub), AT_ONCE + SLACK)
    assert hub.request("GET", "/hub/health", direct=True).text == ""


@pytest.mark.world
@pytest.mark.parametrize("how", ["wiped", "killed", "one taken out", "one led astray"])
def test_what_is_lost_is_back_at_once(external: ExternalCHP, how: str) -> None:
    hub = external.hub
    external.start()
    hub.start()
    with_server(hub)
    external.send("POST", "/foreign", json={"target": "http://127.0.0.1:9"})
    if how == "wiped":
        external.wipe()
    elif how == "killed":
        external.kill()
        external.start()
    elif how == "one taken out":
        external.send("DELETE", "/user/alice")
    else:
        external.send("POST", "/user/alice", json={"target": "http://127.0.0.1:9", "jupyterhub": True})
    began = time.monotonic()
    wait_for(lambda: serves(hub), AT_ONCE + SLACK)
    assert time.monotonic() - began < AT_ONCE + SLACK
    assert set(external.routes()) - {"/foreign"} == {"/", "/user/alice"}
    if how.startswith("one"):
        assert "/foreign" in external.routes()


@pytest.mark.world
def test_one_that_hangs_holds_no_start_up_for_long_and_has_all_routes_once_it_goes_on(
    external: ExternalCHP,
) -> None:
    hub = external.hub
    external.start()
    hub.start()
    for name in ("alice", "bob"):
        hub.add_user(name)
    external.freeze()
    for name in ("alice", "bob"):
        assert hub.request("POST", f"/hub/api/users/{name}/server", direct=True).status_code in (201, 202)
        path = f"/hub/api/users/{name}/servers/"
        wait_for(lambda path=path: hub.request("GET", path, direct=True).json()["ready"], 20)  # type: ignore[misc]
    told = [event.payload.get("message", "") for event in hub.events("alice")]
    assert "The proxy does not know the way to the server yet: it can be reached once the proxy does." in told
    wait_for(lambda: "does not answer" in hub.request("GET", "/hub/health", direct=True).text)
    assert "does not answer" in wait_for(lambda: hub.log() if "does not answer" in hub.log() else "")
    metrics = hub.request("GET", "/hub/metrics", direct=True).text
    assert f'callboard_proxy_answers{{proxy="configurable-http-proxy at {external.api_url}"}} 0.0' in metrics
    external.thaw()
    wait_for(lambda: serves(hub) and serves(hub, "bob"), AT_ONCE + SLACK)


@pytest.mark.world
def test_one_that_refuses_the_token_is_told_of_and_taken_back(external: ExternalCHP) -> None:
    hub = external.hub
    external.start(token="another-token")
    hub.start()
    told = wait_for(lambda: hub.request("GET", "/hub/health", direct=True).text)
    assert "refuses this hub's token" in told
    hub.request("POST", "/hub/api/users/alice", direct=True)
    hub.request("POST", "/hub/api/users/alice/server", direct=True)
    wait_for(lambda: hub.request("GET", "/hub/api/users/alice/servers/", direct=True).json()["ready"], 20)
    answer = hub.request("POST", "/hub/api/proxy", direct=True)
    assert (answer.status_code, "refuses" in answer.json()["message"]) == (503, True)
    external.kill()
    external.start()
    wait_for(lambda: serves(hub), AT_ONCE + SLACK)
    wait_for(lambda: "refuses this hub's token" in hub.log())
    assert TOKEN not in hub.log()


@pytest.mark.world
def test_one_that_moves_is_found_where_somebody_says(external: ExternalCHP) -> None:
    hub = external.hub
    hub.configure(external.config.replace(external.api_url, "http://127.0.0.1:1"))
    external.start()
    hub.start()
    place = {"api_url": external.api_url, "auth_token": TOKEN}
    assert hub.request("PATCH", "/hub/api/proxy", json=place, direct=True).status_code == 200
    assert set(external.routes()) == {"/"}
    metrics = hub.request("GET", "/hub/metrics", direct=True).text
    assert f'callboard_proxy_answers{{proxy="configurable-http-proxy at {external.api_url}"}} 1.0' in metrics


@pytest.mark.world
def test_a_hub_that_is_killed_meanwhile_finds_what_has_changed(external: ExternalCHP) -> None:
    hub = external.hub
    external.start()
    hub.start()
    with_server(hub)
    before = external.routes()
    hub.kill()
    external.kill()
    external.start()
    external.send("POST", "/user/gone", json={"target": "http://127.0.0.1:9", "jupyterhub": True})
    hub.start()
    wait_for(lambda: serves(hub), AT_ONCE + SLACK)
    assert {path: data["target"] for path, data in external.routes().items()} == {
        path: data["target"] for path, data in before.items()
    }


@pytest.mark.world
def test_the_use_of_a_route_is_activity_of_its_server_and_a_lost_one_has_none(external: ExternalCHP) -> None:
    hub = external.hub
    hub.configure(
        f"{external.config}c.JupyterHub.last_activity_interval = 1\nc.JupyterHub.activity_resolution = 0\n"
    )
    external.start()
    hub.start()
    with_server(hub)
    ready = hub.server("alice")["last_activity"]
    external.wipe()
    wait_for(lambda: "/user/alice" in external.routes())
    time.sleep(2.5)  # two comparisons: that it was set anew is no use of it
    assert hub.server("alice")["last_activity"] == ready
    assert serves(hub)
    wait_for(lambda: hub.server("alice")["last_activity"] > ready, 5)


@pytest.mark.world
def test_services_extra_routes_and_hosts_are_led_as_well(make_hub: MakeHub) -> None:
    hub = make_hub()
    proxy = ExternalCHP(hub, "--host-routing")
    hub.configure(
        f"""{proxy.config}
c.JupyterHub.subdomain_host = "http://hub.test:{hub.port}"
c.JupyterHub.services = [{{"name": "web", "url": "http://127.0.0.1:9"}}]
c.Proxy.extra_routes = {{"docs.hub.test/a b": "http://127.0.0.1:9"}}
"""
    )
    proxy.start()
    hub.start()
    with_server(hub)
    found = wait_for(lambda: routes if len(routes := proxy.routes()) == 4 else None)
    assert found is not None
    assert set(found) == {
        "/",
        "/alice.hub.test/user/alice",
        "/web--service.hub.test/services/web",
        "/docs.hub.test/a b",
    }
    assert hub.page("alice").status_code != 200
    answer = hub.request("GET", "/user/alice/api", headers={"Host": "alice.hub.test"})
    assert answer.status_code == 200
    proxy.close()


@pytest.mark.world
def test_a_hub_without_the_token_of_somebody_elses_proxy_does_not_start(make_hub: MakeHub) -> None:
    hub = make_hub(config="c.ConfigurableHTTPProxy.should_start = False\n")
    with pytest.raises(DidNotStart, match="CONFIGPROXY_AUTH_TOKEN") as ended:
        hub.start()
    assert ended.value.status == 1


@pytest.mark.world
def test_a_program_that_is_not_there_or_whose_port_is_taken_is_one_line(
    make_hub: MakeHub, tmp_path: Path
) -> None:
    hub = make_hub(config='c.JupyterHub.proxy_class = "configurable-http-proxy"\n')
    hub.configure(
        'c.JupyterHub.proxy_class = "configurable-http-proxy"\n'
        f'c.ConfigurableHTTPProxy.command = "{tmp_path}/nothing-here"\n'
    )
    with pytest.raises(DidNotStart, match="nothing-here cannot be run: No such file") as ended:
        hub.start()
    assert ended.value.status == 1


@pytest.mark.world
def test_one_that_another_hub_has_left_is_replaced_where_it_does_not_suit(make_hub: MakeHub) -> None:
    hub, api = started_by_hub(make_hub, "c.JupyterHub.cleanup_proxy = False\n")
    with_server(hub)
    first = chp_pid(hub)
    assert hub.terminate() == 0
    assert serves(hub)
    config = hub.config_file.read_text()
    hub.config_file.write_text(config + "c.ConfigurableHTTPProxy.log_level = 'warn'\n")
    hub.start()
    assert chp_pid(hub) != first
    wait_for(lambda: serves(hub), AT_ONCE + SLACK)
    second = chp_pid(hub)
    hub.config_file.write_text(
        hub.config_file.read_text() + "c.ConfigurableHTTPProxy.auth_token = 'new-token-of-it'\n"
    )
    hub.restart()
    assert chp_pid(hub) != second
    wait_for(lambda: serves(hub), AT_ONCE + SLACK)
    assert set(routes_at(api, "new-token-of-it")) == {"/", "/user/alice"}


@pytest.mark.world
def test_one_that_the_hub_started_and_that_hangs_is_replaced(make_hub: MakeHub) -> None:
    hub, api = started_by_hub(make_hub, "c.ConfigurableHTTPProxy.check_running_interval = 1\n")
    with_server(hub)
    first = chp_pid(hub)
    os.kill(first, signal.SIGSTOP)
    wait_for(lambda: chp_pid(hub) != first and listens(hub.url), 60)
    wait_for(lambda: serves(hub), AT_ONCE + SLACK)
    assert set(routes_at(api, TOKEN)) == {"/", "/user/alice"}
    assert "does not answer any more: it is killed" in hub.log()


@pytest.mark.world
def test_servers_that_end_with_the_hub_take_their_routes_along(make_hub: MakeHub) -> None:
    lines = "c.JupyterHub.cleanup_servers = True\nc.JupyterHub.cleanup_proxy = False\n"
    hub, api = started_by_hub(make_hub, lines)
    with_server(hub)
    assert hub.terminate() == 0
    assert set(routes_at(api, TOKEN)) == {"/"}
    answer = hub.request("GET", "/user/alice/api")
    assert answer.status_code == 503  # its own line: the hub, which has pages for it, is away


@pytest.mark.world
def test_it_serves_https_with_the_hubs_certificate(make_hub: MakeHub, tmp_path: Path) -> None:
    key, cert = f"{tmp_path}/hub.key", f"{tmp_path}/hub.pem"
    words = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=hub.example",
    ]
    subprocess.run([*words, "-keyout", key, "-out", cert], check=True, capture_output=True)
    lines = f"c.JupyterHub.ssl_key = {key!r}\nc.JupyterHub.ssl_cert = {cert!r}\n"
    hub, api = started_by_hub(make_hub, lines)
    url = hub.url.replace("http:", "https:")
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with urllib.request.urlopen(f"{url}/hub/api/", timeout=10, context=context) as answer:
        assert b"version" in answer.read()
    assert set(routes_at(api, TOKEN)) == {"/"}
    assert hub.terminate() == 0
    assert not listens(hub.url)


@pytest.mark.world
def test_one_that_the_real_jupyterhub_has_left_is_kept(make_hub: MakeHub) -> None:
    """Somebody moves: same folder, same ports, same secret. Who is connected stays so."""
    lines = f"c.ConfigurableHTTPProxy.command = [{configurable_http_proxy()!r}]\nc.JupyterHub.cleanup_proxy = False\n"
    before, pid = JupyterHub(make_hub().directory, lines), 0
    try:
        before.start()
        pid = before.proxy_pid()
        before.close()
        assert listens(before.url)
        hub = make_hub()
        hub.directory, hub.url, hub.hub_port = before.directory, before.url, before.hub_port
        hub.port, hub.hub_url = before.port, f"http://127.0.0.1:{before.hub_port}"
        hub.configure(
            f"{lines}c.JupyterHub.proxy_class = 'jupyterhub.proxy.ConfigurableHTTPProxy'\n"
            f"c.ConfigurableHTTPProxy.api_url = {before.api_url!r}\n"
            f"c.ConfigurableHTTPProxy.auth_token = {PROXY_TOKEN!r}\n"
        )
        hub.command = [*hub.command[:2], str(hub.config_file)]
        hub.start()
        assert chp_pid(hub) == pid
        with_server(hub)
        assert serves(hub)
    finally:
        before.close()
        if pid:
            os.kill(pid, signal.SIGKILL)
