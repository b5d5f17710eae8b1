"""A Docker engine of the tests' own: its data, sockets, bridge and pid file beside nobody else's.

Containers on its bridge reach the hub at `gateway`, and the hub reaches them at their addresses; ports can be
published on 127.0.0.1. There is no way out of the machine, and no rule of its firewall is touched.
"""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import socket
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from tests.engines.daemons import Daemon, processes_of
from tests.engines.debian import need, need_root
from tests.engines.images import python_image

PYTHON_IMAGE = "callboard-test/python:1"

# Where root may not lower oom_score_adj (CAP_SYS_RESOURCE), runc refuses what dockerd asks of it by default.
_RUNC = """#!/bin/sh
previous=; bundle=
for argument in "$@"; do [ "$previous" = --bundle ] && bundle=$argument; previous=$argument; done
[ -n "$bundle" ] && sed -i 's/"oomScoreAdj":-[0-9]*/"oomScoreAdj":0/' "$bundle/config.json"
exec /usr/sbin/runc "$@"
"""


class DockerEngine:
    """`live_restore`: containers outlive dockerd; without it, and by default elsewhere, they end with it."""

    name = "Docker"

    def __init__(self, *, live_restore: bool = True, options: tuple[str, ...] = ()) -> None:
        need_root("a Docker engine")
        dockerd = need("dockerd", "docker.io", "busybox-static", "iproute2")
        self.directory = Path(tempfile.mkdtemp(prefix="callboard-docker-"))  # short: sockets lie in it
        self.socket = self.directory / "docker.sock"
        self.host = f"unix://{self.socket}"
        self._bridge = f"cb{os.getpid()}{os.urandom(1).hex()}"
        self.gateway = _free_gateway()
        runc = self.directory / "runc"
        runc.write_text(_RUNC)
        runc.chmod(0o755)
        self.containerd = Daemon(
            [need("containerd", "containerd"), "--config", str(self._containerd_configuration())],
            self.directory / "containerd.log",
        )
        self.daemon = Daemon(
            [
                dockerd,
                *("--containerd", str(self.directory / "containerd.sock")),
                *("-H", self.host),
                *("--data-root", str(self.directory / "data")),
                *("--exec-root", str(self.directory / "exec")),
                *("--pidfile", str(self.directory / "dockerd.pid")),
                *("--add-runtime", f"tested={runc}", "--default-runtime", "tested"),
                *("--bridge", self._bridge),
                *("--iptables=false", "--ip6tables=false", "--ip-masq=false"),
                *(["--live-restore"] if live_restore else []),
                *options,
            ],
            self.directory / "dockerd.log",
        )
        self._images: set[str] = set()
        self._networks: set[str] = set()

    def _containerd_configuration(self) -> Path:
        file = self.directory / "containerd.toml"
        file.write_text(
            f"""version = 2
root = "{self.directory}/containerd"
state = "{self.directory}/containerd-state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "{self.directory}/containerd.sock"
"""
        )
        return file

    # --- its life; containerd goes on when dockerd is killed, as where each is a service ---

    def start(self) -> None:
        """Returns when it answers. The first start makes the bridge and the image `PYTHON_IMAGE`."""
        if not self._has_bridge():
            _ip("link", "add", self._bridge, "type", "bridge")
            _ip("address", "add", f"{self.gateway}/24", "dev", self._bridge)
            _ip("link", "set", self._bridge, "up")
        if not self.containerd.running:
            self.containerd.start()
            self.containerd.wait((self.directory / "containerd.sock").exists)
        self.daemon.start()
        self.daemon.wait(lambda: self.request("GET", "/_ping").is_success)
        if not self._images:
            self.import_image(PYTHON_IMAGE, python_image())
            self._images, self._networks = set(self.images()), set(self.networks())

    def stop(self) -> None:
        self.daemon.stop()

    def kill(self) -> None:
        self.daemon.kill()

    def freeze(self) -> None:
        self.daemon.freeze()

    def resume(self) -> None:
        self.daemon.resume()

    def revive(self) -> None:
        """It answers again, whatever was done to it."""
        if self.daemon.running:
            self.daemon.resume()
            self.daemon.wait(lambda: self.request("GET", "/_ping").is_success)
        else:
            self.start()

    def close(self) -> list[str]:
        """Ends it and removes its directory. What of it could not be ended."""
        if self._images:  # it has served
            with suppress(AssertionError):
                self.revive()
                self.remove_leftovers()
        self.daemon.stop()
        self.containerd.stop()
        left = [f"process {pid}: {command}" for pid, command in processes_of(self.directory).items()]
        if self._has_bridge():
            _ip("link", "delete", self._bridge)
        self._unmount()
        shutil.rmtree(self.directory)
        return left

    def _has_bridge(self) -> bool:
        return f" {self._bridge}: " in _ip("link")

    def _unmount(self) -> None:
        """dockerd leaves its data mounted on themselves, if it was killed once."""
        mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for mount in reversed([mount for mount in mounts if mount.startswith(f"{self.directory}/")]):
            subprocess.run(["umount", mount], check=True)

    # --- what it is asked ---

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """The Engine API. Raises OSError where nobody listens or answers."""
        with socket.socket(socket.AF_UNIX) as probe:  # httpcore leaves its own open if this fails
            probe.connect(str(self.socket))
        options.setdefault("timeout", 60)
        with httpx.Client(
            transport=httpx.HTTPTransport(uds=str(self.socket)), base_url="http://docker"
        ) as client:
            try:
                return client.request(method, path, **options)
            except httpx.TransportError as error:
                raise ConnectionError(str(error)) from error

    def _ask(self, method: str, path: str, **options: Any) -> Any:
        answer = self.request(method, path, **options)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content and "json" in answer.headers["content-type"] else None

    def import_image(self, name: str, archive: bytes) -> None:
        """An image of one layer, from the tar archive of a file system."""
        repository, tag = name.rsplit(":")
        self._ask(
            "POST",
            "/images/create",
            params={"fromSrc": "-", "repo": repository, "tag": tag},
            content=io.BytesIO(archive),  # sent piece by piece: all at once takes ten times as long
            headers={"Content-Type": "application/x-tar"},
        )

    def build(self, name: str, dockerfile: str, context: bytes) -> None:
        """An image by a Dockerfile of that tar archive, without a network. Fails the test with what was said."""
        said = self.request(
            "POST",
            "/build",
            params={"dockerfile": dockerfile, "t": name, "networkmode": "none", "forcerm": "true"},
            content=io.BytesIO(context),
            headers={"Content-Type": "application/x-tar"},
            timeout=600,
        ).text
        assert f"Successfully tagged {name}" in said, said

    def remove_images(self, *names: str) -> None:
        """These, and all that have no name, which stages of builds leave behind."""
        for name in names:
            self._ask("DELETE", f"/images/{name}")
        self._ask("POST", "/images/prune", params={"filters": json.dumps({"dangling": ["true"]})})

    def create(self, name: str, **wanted: Any) -> None:
        """A container, and have it run; `wanted` as the Engine API has it."""
        self._ask("POST", "/containers/create", params={"name": name}, json=wanted)
        self._ask("POST", f"/containers/{name}/start")

    def inspect(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self._ask("GET", f"/containers/{name}/json")
        return found

    def remove(self, *names: str) -> None:
        """Containers, with volumes that have no name."""
        for name in names:
            self._ask("DELETE", f"/containers/{name}", params={"force": "true", "v": "true"})

    def images(self) -> list[str]:
        """Tags of all images, of those without any their ids."""
        return [
            image["Id"] if tag == "<none>:<none>" else tag
            for image in self._ask("GET", "/images/json")
            for tag in image["RepoTags"] or [image["Id"]]
        ]

    def containers(self, **labels: str) -> list[dict[str, Any]]:
        """As the API lists them (`Id`, `Names`, `State`, `Labels`, ...), also those that have ended."""
        filters = {"label": [f"{name}={value}" for name, value in labels.items()]}
        found: list[dict[str, Any]] = self._ask(
            "GET", "/containers/json", params={"all": "true", "filters": json.dumps(filters)}
        )
        return found

    def networks(self) -> list[str]:
        return [network["Name"] for network in self._ask("GET", "/networks")]

    def volumes(self) -> list[str]:
        return [volume["Name"] for volume in self._ask("GET", "/volumes")["Volumes"] or []]

    # --- what is left ---

    def leftovers(self) -> list[str]:
        """Containers, volumes, and the tags and networks that were not there at first."""
        return [
            *(f"container {one['Names'][0]} ({one['State']})" for one in self.containers()),
            *(f"image {tag}" for tag in self.images() if tag not in self._images),
            *(f"network {name}" for name in self.networks() if name not in self._networks),
            *(f"volume {name}" for name in self.volumes()),
        ]

    def remove_leftovers(self) -> None:
        for container in self.containers():
            self._ask("DELETE", f"/containers/{container['Id']}", params={"force": "true", "v": "true"})
        for tag in set(self.images()) - self._images:
            self._ask("DELETE", f"/images/{tag}", params={"force": "true"})
        for name in set(self.networks()) - self._networks:
            self._ask("DELETE", f"/networks/{name}")
        for name in self.volumes():
            self._ask("DELETE", f"/volumes/{name}")


def _ip(*arguments: str) -> str:
    command = [need("ip", "iproute2"), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _free_gateway() -> str:
    """The first address of a network that this machine has no route to."""
    routes = _ip("route")
    free = [number for number in range(16, 32) if f"172.{number}." not in routes]
    return f"172.{random.choice(free)}.{random.randrange(256)}.1"
