"""The image and the compose file of deploy/container: built and run by a real engine."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from tests.engines.docker import DockerEngine
from tests.engines.images import base_image, python_image
from tests.integration.hub import wait_for
from tests.wheel.wheelhouse import ROOT, SOURCES, make_wheelhouse

pytestmark = [pytest.mark.slow, pytest.mark.world]

CONTAINER = ROOT / "deploy/container"
IMAGE = "callboard-test/hub:1"
PASSWORD = "a password long enough"
VARIABLES = {"CALLBOARD_PROXY_TOKEN": "ab" * 32, "HUB_PASSWORD": PASSWORD}
_VARIABLE = re.compile(r"\$\{(\w+)[^}]*\}")


def context() -> bytes:
    """What `docker build` sends of the tree."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name in (*SOURCES, "deploy/container"):
            tar.add(ROOT / name, name, filter=lambda one: None if "__pycache__" in one.name else one)
    return made.getvalue()


class Composed:
    """What `docker compose up` makes of the compose file: network, volumes, services; with this engine's socket.

    Hub and proxy share their addresses, for what goes from container to container may be stopped by a firewall of the
    machine, of which no rule is touched. So servers, which have addresses of their own, are left to test_docker.py.
    """

    def __init__(self, engine: DockerEngine) -> None:
        self.engine = engine
        text = _VARIABLE.sub(lambda found: VARIABLES[found[1]], (CONTAINER / "compose.yaml").read_text())
        self.services: dict[str, dict[str, Any]] = yaml.safe_load(text)["services"]
        engine.request("POST", "/networks/create", json={"Name": "callboard"}).raise_for_status()

    def up(self, name: str) -> None:
        wanted = self.services[name]
        place = (
            {"NetworkMode": "callboard", "ExtraHosts": ["hub:127.0.0.1"]}
            if name == "proxy"
            else {"NetworkMode": "container:proxy"}
        )
        self.engine.create(
            name,
            Image=IMAGE,
            Env=[f"{key}={value}" for key, value in wanted["environment"].items()],
            Healthcheck={"Test": wanted.get("healthcheck", {}).get("test", []), "Interval": 1_000_000_000},
            HostConfig={"Binds": [self._bind(one) for one in wanted.get("volumes", ())], **place},
            **({"Cmd": wanted["command"]} if "command" in wanted else {}),
        )

    @property
    def site(self) -> str:
        networks = self.engine.inspect("proxy")["NetworkSettings"]["Networks"]
        return f"http://{networks['callboard']['IPAddress']}:8000"

    def _bind(self, volume: str) -> str:
        return volume.replace("./", f"{CONTAINER}/").replace(
            "/var/run/docker.sock:", f"{self.engine.socket}:"
        )

    def is_healthy(self, name: str) -> bool:
        return bool(self.engine.inspect(name)["State"]["Health"]["Status"] == "healthy")


@pytest.fixture
def composed(docker: DockerEngine, tmp_path: Path) -> Iterator[Composed]:
    make_wheelhouse(tmp_path / "wheels", "plugins", beside=["setuptools"])
    (own,) = (tmp_path / "wheels").glob("callboard-*.whl")
    own.unlink()  # it is built of the tree
    (base,) = set(re.findall(r"^FROM (\S+)", (CONTAINER / "Dockerfile").read_text(), re.MULTILINE))
    docker.import_image(base, base_image(tmp_path / "wheels"))
    docker.import_image("jupyterhub/singleuser:latest", python_image())
    docker.build(IMAGE, "deploy/container/Dockerfile", context())
    composed = Composed(docker)
    try:
        yield composed
    finally:
        docker.remove_images()
        docker.remove_leftovers()


def test_the_image_is_a_hub_and_its_proxy_as_the_compose_file_has_them(composed: Composed) -> None:
    """Both get well, and somebody logs in; the hub's container is removed and made anew, as by an upgrade."""
    composed.up("proxy")
    composed.up("hub")
    wait_for(lambda: composed.is_healthy("proxy"), 60)
    wait_for(lambda: composed.is_healthy("hub"), 60)
    with requests.Session() as alice:
        log_in(alice, composed.site)
        composed.engine.remove("hub")
        away = alice.get(f"{composed.site}/hub/home", headers={"Accept": "text/html"}, timeout=20)
        assert (away.status_code, away.headers["Retry-After"] != "") == (503, True)
        composed.up("hub")
        wait_for(lambda: composed.is_healthy("hub"), 60)
        home = wait_for(lambda: (page := alice.get(f"{composed.site}/hub/home", timeout=20)).ok and page, 60)
        assert "alice" in home.text, "the login, and the log, are in the volume"
        assert alice.get(f"{composed.site}/hub/api/users/alice", timeout=20).json()["name"] == "alice"


def log_in(somebody: requests.Session, site: str) -> None:
    somebody.get(f"{site}/hub/login", timeout=20)
    form = {"username": "alice", "password": PASSWORD, "_xsrf": xsrf_of(somebody)}
    assert (
        somebody.post(f"{site}/hub/login?next=/hub/token", data=form, timeout=20).url == f"{site}/hub/token"
    )
    somebody.headers["X-XSRFToken"] = xsrf_of(somebody)


def xsrf_of(somebody: requests.Session) -> str:
    return next(cookie.value or "" for cookie in somebody.cookies if cookie.name == "_xsrf")
