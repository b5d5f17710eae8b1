from __future__ import annotations

import pytest

from core.settings import HubSettings
from web.site.hosts import Hosts

PLAIN = Hosts(HubSettings())
PUBLIC = Hosts(HubSettings(public_url="https://hub.test:8443/"))
EACH = Hosts(HubSettings(subdomain_host="http://hub.test:8000"))
BELOW = Hosts(HubSettings(subdomain_host="https://hub.test", base_url="/lab/"))


@pytest.mark.parametrize(
    ("hosts", "path", "url", "full"),
    [
        (PLAIN, "/user/alice/", "/user/alice/", None),
        (PUBLIC, "/user/alice/", "/user/alice/", "https://hub.test:8443/user/alice/"),
        (EACH, "/user/alice/", "http://alice.hub.test:8000/user/alice/", None),
        (EACH, "/user/alice/lab/tree", "http://alice.hub.test:8000/user/alice/lab/tree", None),
        (EACH, "/user/bob%40x/", "http://u-bobx--e9f3b4d.hub.test:8000/user/bob%40x/", None),
        (EACH, "/services/web/", "http://web--service.hub.test:8000/services/web/", None),
        (EACH, "/hub/home", "http://hub.test:8000/hub/home", None),
        (EACH, "/user/", "http://hub.test:8000/user/", None),
        (BELOW, "/lab/user/alice/", "https://alice.hub.test/lab/user/alice/", None),
        (BELOW, "/user/alice/", "https://hub.test/user/alice/", None),
    ],
)
def test_where_a_path_is(hosts: Hosts, path: str, url: str, full: str | None) -> None:
    assert hosts.url(path) == url
    assert hosts.full_url(path) == (url if hosts.has_subdomains else full)


@pytest.mark.parametrize(
    ("hosts", "path", "spec"),
    [
        (PLAIN, "/user/alice/", "/user/alice/"),
        (PUBLIC, "/user/alice/", "/user/alice/"),
        (EACH, "/user/alice/lab/", "alice.hub.test/user/alice/lab/"),
        (EACH, "/services/web/", "web--service.hub.test/services/web/"),
        (EACH, "/status/", "/status/"),
        (EACH, "docs.hub.test/a/", "docs.hub.test/a/"),  # an extra route
        (BELOW, "/lab/user/alice/", "alice.hub.test/lab/user/alice/"),
    ],
)
def test_specs_of_routes_and_back(hosts: Hosts, path: str, spec: str) -> None:
    assert hosts.spec(path) == spec
    assert hosts.path_of(spec) == path


@pytest.mark.parametrize(
    ("hosts", "host", "below"),
    [
        (PLAIN, "alice.hub.test", False),
        (EACH, "hub.test:8000", False),
        (EACH, "alice.hub.test", True),
        (EACH, "ALICE.hub.test:8000", True),
        (EACH, "nothub.test", False),
        (EACH, "127.0.0.1:8081", False),
        (EACH, "", False),
    ],
)
def test_hosts_below_the_hubs(hosts: Hosts, host: str, below: bool) -> None:
    assert hosts.is_below(host) == below


def test_a_hub_that_is_itself_below_is_no_users() -> None:
    hosts = Hosts(HubSettings(subdomain_host="https://example.test", public_url="https://hub.example.test/"))
    assert not hosts.is_below("hub.example.test")
    assert hosts.url("/user/alice/") == "https://alice.example.test/user/alice/"
    assert hosts.full_url("/hub/") == "https://hub.example.test/hub/"
