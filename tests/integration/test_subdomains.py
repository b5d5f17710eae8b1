"""A real hub whose users are on hosts of their own, its proxy, and browsers that know all of them by name."""

from __future__ import annotations

import socket
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.integration.conftest import MakeHub
from tests.integration.hub import RealHub, wait_for
from tests.integration.test_visitors import SINGLEUSER, TIMEOUT, Browser

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def all_of_hub_test_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a DNS entry for `*.hub.test` would have it."""
    look_up = socket.getaddrinfo

    def found(host: Any, *arguments: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        is_ours = name is not None and (name == "hub.test" or name.endswith(".hub.test"))
        return look_up("127.0.0.1" if is_ours else host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", found)


def with_subdomains(hub: RealHub) -> str:
    """Gives it a host; returns its address by that."""
    url = f"http://hub.test:{hub.port}"
    hub.configure(f'c.JupyterHub.subdomain_host = "{url}"')
    return url


def test_the_proxy_routes_by_host(make_hub: MakeHub) -> None:
    hub = make_hub()
    url = with_subdomains(hub)
    hub.start()
    for name in ("alice", "bob_1"):
        hub.add_user(name)
        hub.begin(name)
        hub.wait_ready(name)
    alice, bob = (hub.server(name)["url"] for name in ("alice", "bob_1"))
    assert alice == f"http://alice.hub.test:{hub.port}/user/alice/"
    assert urlsplit(bob).hostname == "u-bob1--52f89ba.hub.test"

    assert requests.get(f"{alice}api", timeout=10).status_code == 200
    assert requests.get(f"{bob}api", timeout=10).status_code == 200
    # on any other host the hub answers, and says where it is
    for other in (f"{url}/user/alice/api", bob.replace("/user/bob_1/", "/user/alice/api")):
        answer = requests.get(other, timeout=10, allow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (302, f"{url}/hub/user/alice/api")

    # a stopped server's host leads to the hub
    hub.end("alice")
    hub.wait_stopped("alice")
    answer = wait_for(
        lambda: (
            (got := requests.get(f"{alice}lab", timeout=10, allow_redirects=False)).status_code == 302 and got
        ),
        20,
    )
    assert answer.headers["location"] == f"{url}/hub/user/alice/lab"
    hub.check_log()


def test_an_unmodified_single_user_server_on_its_own_host(make_hub: MakeHub) -> None:
    hub = make_hub(cmd=SINGLEUSER)
    url = with_subdomains(hub)
    hub.start()
    hub.add_user("alice")
    assert hub.begin("alice").status_code in (201, 202)
    home = hub.wait_ready("alice", timeout=TIMEOUT)["url"]

    alice = Browser(hub, "alice")
    assert alice.get(f"{home}api/status", timeout=30).status_code == 403
    entered = alice.visit(f"{home}lab")
    assert entered.status_code == 200, entered.text
    assert entered.url.startswith(home)
    assert alice.get(f"{home}api/status", timeout=30).status_code == 200

    # the hub's address leads there too; a login reaches the hub's host alone
    entered = alice.visit(f"{url}/user/alice/lab")
    assert (entered.status_code, entered.url.startswith(home)) == (200, True)
    domains = {cookie.name: cookie.domain for cookie in alice.cookies if cookie.path in ("/", "/hub/")}
    assert domains["jupyterhub-hub-login"].lstrip(".") == "hub.test"
    assert domains["jupyterhub-session-id"] == ".hub.test"

    mallory = Browser(hub, "mallory")
    refused = mallory.visit(f"{home}lab")
    assert (refused.status_code, urlsplit(refused.url).hostname) == (403, "hub.test")

    # a logout at the hub ends it on the other host
    assert alice.get(f"{url}/hub/logout", timeout=30).status_code == 200
    wait_for(lambda: alice.get(f"{home}api/status", timeout=30).status_code == 403, 20)
    hub.check_log()
