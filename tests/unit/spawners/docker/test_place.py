"""Where an engine listens, as the docker command line would find it."""

from __future__ import annotations

import pytest

from core.settings import ConfigError
from spawners.docker.engine.place import Place, place_of

TLS = Place(host="engine.example", port=2376, tls=True, verify=True, certificates="/certs")


@pytest.mark.parametrize(
    ("url", "verify", "certificates", "environment", "place"),
    [
        ("", None, "", {}, Place(socket="/var/run/docker.sock")),
        ("", None, "", {"DOCKER_HOST": "unix:///run/user/1/podman.sock"}, Place(socket="/run/user/1/podman.sock")),
        ("unix:///a.sock", None, "", {"DOCKER_HOST": "tcp://x:1"}, Place(socket="/a.sock")),
        ("tcp://10.0.0.5", None, "", {}, Place(host="10.0.0.5", port=2375)),
        ("tcp://[::1]:99", None, "", {}, Place(host="::1", port=99)),
        ("tcp://engine.example:2376", True, "/certs", {}, TLS),
        (
            "",
            None,
            "",
            {"DOCKER_HOST": "tcp://engine.example", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/certs"},
            TLS,
        ),
        ("https://engine.example:1", None, "", {}, Place(host="engine.example", port=1, tls=True, verify=True)),
        ("https://engine.example:1", False, "", {}, Place(host="engine.example", port=1, tls=True)),
        (
            "tcp://engine.example",
            None,
            "",
            {"HOME": "/home/hub", "DOCKER_TLS_VERIFY": "1"},
            Place(host="engine.example", port=2376, tls=True, verify=True, certificates="/home/hub/.docker"),
        ),
        (
            "tcp://engine.example",
            False,
            "/certs",
            {"DOCKER_TLS_VERIFY": "1"},
            Place(host="engine.example", port=2376, tls=True, certificates="/certs"),
        ),
    ],
)  # fmt: skip
def test_where_it_is(
    url: str, verify: bool | None, certificates: str, environment: dict[str, str], place: Place
) -> None:
    assert place_of(url, verify, certificates, environment) == place


@pytest.mark.parametrize(
    "url", ["ssh://engine.example", "engine.example:2375", "tcp://", "unix://", "tcp://x:y"]
)
def test_where_none_can_be_is_one_line(url: str) -> None:
    with pytest.raises(
        ConfigError, match=r"cannot be asked at .*: expected unix:///path, tcp://host:2376 or"
    ):
        place_of(url, None, "", {})


@pytest.mark.parametrize(
    ("place", "authority", "told"),
    [
        (Place(socket="/run/docker.sock"), "docker", "unix:///run/docker.sock"),
        (Place(host="::1", port=99), "[::1]:99", "http://[::1]:99"),
        (TLS, "engine.example:2376", "https://engine.example:2376"),
    ],
)
def test_how_it_is_asked_and_told(place: Place, authority: str, told: str) -> None:
    assert (place.authority, str(place)) == (authority, told)
