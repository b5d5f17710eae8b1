"""What a container engine is asked by tests, in the words of Docker's Engine API: what there is, and what is left."""

from __future__ import annotations

import io
import json
import socket
from pathlib import Path
from typing import Any

import httpx

PYTHON_IMAGE = "callboard-test/python:1"


class ContainerEngine:
    """An engine that listens at `socket`, and brings itself up and down in its own way.

    `gateway`: where containers reach this machine.
    """

    gateway: str

    def __init__(self, socket: Path) -> None:
        self.socket = socket
        self.host = f"unix://{socket}"
        self._images: set[str] = set()
        self._networks: set[str] = set()

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

    def images(self) -> list[str]:
        """Tags of all images, of those without any their ids."""
        return [
            tag for image in self._ask("GET", "/images/json") for tag in image["RepoTags"] or [image["Id"]]
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
