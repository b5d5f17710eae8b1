"""The image and the compose file of deploy/container: built and run by a real engine, hub, proxy and servers apart."""

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

from tests.engines.docker import DockerEngine, free_gateway
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
    """What `docker compose up` makes of the compose file: network, volumes, services; with this engine's socket."""

    def __init__(self, engine: DockerEngine) -> None:
        self.engine = engine
        text = _VARIABLE.sub(lambda found: VARIABLES[found[1]], (CONTAINER / "compose.yaml").read_text())
        self.services: dict[str, dict[str, Any]] = yaml.safe_load(text)["services"]
        subnet = free_gateway().rpartition(".")[0]
        self.addresses = {name: f"{subnet}.{number}" for number, name in enumerate(self.services, 2)}
        pool = {"Config": [{"Subnet": f"{subnet}.0/24", "Gateway": f"{subnet}.1"}]}
        engine.request(
            "POST", "/networks/create", json={"Name": "callboard", "IPAM": pool}
        ).raise_for_status()

    def up(self, name: str) -> None:
        wanted = self.services[name]
        self.engine.create(
            name,
            Image=IMAGE,
            Env=[f"{key}={value}" for key, value in wanted["environment"].items()],
            Healthcheck={"Test": wanted.get("healthcheck", {}).get("test", []), "Interval": 1_000_000_000},
            HostConfig={
                "Binds": [self._bind(one) for one in wanted.get("volumes", ())],
                "NetworkMode": "callboard",
                # names of services: the engine's own way to tell them wants rules of a firewall
                "ExtraHosts": [f"{other}:{address}" for other, address in self.addresses.items()],
            },
            NetworkingConfig={
                "EndpointsConfig": {"callboard": {"IPAMConfig": {"IPv4Address": self.addresses[name]}}}
            },
            **({"Cmd": wanted["command"]} if "command" in wanted else {}),
        )

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


def test_a_day_with_the_compose_file(composed: Composed) -> None:
    """Somebody logs in and works in a container; the hub's is removed and made anew, as by an upgrade; work goes on."""
    composed.up("proxy")
    composed.up("hub")
    wait_for(lambda: composed.is_healthy("proxy"), 60)
    wait_for(lambda: composed.is_healthy("hub"), 60)
    site = f"http://{composed.addresses['proxy']}:8000"
    with requests.Session() as alice:
        log_in(alice, site)
        began = alice.post(f"{site}/hub/api/users/alice/server", timeout=60)
        assert began.status_code in (201, 202), began.text
        wait_for(lambda: server_of(alice, site)["ready"], 60)
        before = alice.get(f"{site}/user/alice/api", timeout=20).json()
        assert before["prefix"] == "/user/alice/"

        composed.engine.remove("hub")
        assert alice.get(f"{site}/user/alice/api", timeout=20).json() == before, (
            "people work on without a hub"
        )
        composed.up("hub")
        wait_for(lambda: composed.is_healthy("hub"), 60)
        wait_for(lambda: server_of(alice, site)["ready"], 60)
        assert alice.get(f"{site}/user/alice/api", timeout=20).json() == before
        assert alice.delete(f"{site}/hub/api/users/alice/server", timeout=60).status_code in (202, 204)
        wait_for(lambda: not server_of(alice, site), 60)


def log_in(somebody: requests.Session, site: str) -> None:
    somebody.get(f"{site}/hub/login", timeout=20)
    form = {"username": "alice", "password": PASSWORD, "_xsrf": xsrf_of(somebody)}
    assert (
        somebody.post(f"{site}/hub/login?next=/hub/token", data=form, timeout=20).url == f"{site}/hub/token"
    )
    somebody.headers["X-XSRFToken"] = xsrf_of(somebody)


def xsrf_of(somebody: requests.Session) -> str:
    return next(cookie.value or "" for cookie in somebody.cookies if cookie.name == "_xsrf")


def server_of(somebody: requests.Session, site: str) -> dict[str, Any]:
    """The model of the default server; empty where none runs."""
    found: dict[str, Any] = somebody.get(f"{site}/hub/api/users/alice", timeout=20).json()
    return found.get("servers", {}).get("", {})  # type: ignore[no-any-return]
