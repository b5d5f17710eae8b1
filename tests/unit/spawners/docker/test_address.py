"""Where servers in containers are reached, and whether they reach the hub."""

from __future__ import annotations

import socket
from typing import Any

import msgspec
import pytest

from core.errors import SpawnError
from spawners.docker.address import Way, names_of_hub, url_of
from spawners.docker.engine.found import Container
from spawners.docker.engine.place import Place

HERE, AWAY = Place(socket="/run/docker.sock"), Place(host="10.0.0.5", port=2376, tls=True)
NAME = socket.gethostname().lower()


def container(reached: Way, networks: Any = None, ports: Any = None) -> Container:
    """As an engine tells of it."""
    labels = {"callboard.reached": reached, "callboard.port": "8888"}
    told = {
        "State": {"Status": "running"},
        "Config": {"Labels": labels},
        "NetworkSettings": {"Networks": networks, "Ports": ports},
    }
    return msgspec.convert(told, Container)


def published(host: str) -> dict[str, Any]:
    return {"8888/tcp": [{"HostIp": host, "HostPort": "49153"}], "22/tcp": None}


@pytest.mark.parametrize(
    ("found", "place", "url"),
    [
        (container("host"), HERE, "http://127.0.0.1:8888"),
        (container("host"), AWAY, "http://10.0.0.5:8888"),
        (container("published", ports=published("127.0.0.1")), HERE, "http://127.0.0.1:49153"),
        (container("published", ports=published("0.0.0.0")), HERE, "http://127.0.0.1:49153"),
        (container("published", ports=published("0.0.0.0")), AWAY, "http://10.0.0.5:49153"),
        (container("published", ports=published("10.1.1.1")), AWAY, "http://10.1.1.1:49153"),
        (container("published", ports=published("::")), HERE, "http://[::1]:49153"),
        (
            container("inside", {"other": {"IPAddress": "172.18.0.2"}, "lab": {"IPAddress": "172.19.0.2"}}),
            HERE,
            "http://172.19.0.2:8888",
        ),
        (
            container("inside", {"lab": {"IPAddress": ""}, "x": {"IPAddress": "172.18.0.2"}}),
            HERE,
            "http://172.18.0.2:8888",
        ),
    ],
)
def test_where_a_server_is_reached(found: Container, place: Place, url: str) -> None:
    assert url_of(found, place, "lab") == url


@pytest.mark.parametrize(
    "found", [container("inside", {"none": None}), container("inside"), container("published", ports={})]
)
def test_a_container_without_an_address_is_no_server(found: Container) -> None:
    with pytest.raises(SpawnError):
        url_of(found, HERE, "lab")


@pytest.mark.parametrize(
    ("url", "way", "place", "names"),
    [
        ("http://172.17.0.1:8081/hub/api", "published", HERE, []),
        ("http://hub.example/hub/api", "inside", HERE, []),
        (f"http://{NAME}:8081/hub/api", "published", HERE, [f"{NAME}:host-gateway"]),
        (f"http://{NAME}:8081/hub/api", "inside", HERE, [f"{NAME}:host-gateway"]),
        (f"http://{NAME}:8081/hub/api", "published", AWAY, []),
        ("http://127.0.0.1:8081/hub/api", "host", HERE, []),
        ("", "published", HERE, []),
    ],
)
def test_how_it_finds_the_hub(url: str, way: Way, place: Place, names: list[str]) -> None:
    assert names_of_hub(url, way, place) == names


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.1.1", "[::1]", "localhost"])
@pytest.mark.parametrize("way", ["published", "inside"])
def test_a_hub_that_it_could_not_reach_is_told_before_anything_is_started(host: str, way: Way) -> None:
    with pytest.raises(SpawnError, match=r"cannot reach the hub .*c\.JupyterHub\.hub_ip"):
        names_of_hub(f"http://{host}:8081/hub/api", way, HERE)
