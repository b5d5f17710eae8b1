"""A real hub whose servers are containers of a real engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from spawners.docker.engine.found import SPAWN_ID, USER, name_of
from tests.engines.docker import PYTHON_IMAGE, DockerEngine
from tests.integration.hub import RealHub

HOME = "/home/somebody"
PAGE_SERVER = ["python3", "-S", "-E", "/srv/page_server.py"]  # in the image


class DockerHub(RealHub):
    """`docker_lines`: of the configuration, besides those that a hub of containers needs."""

    def __init__(
        self,
        directory: Path,
        engine: DockerEngine,
        *docker_lines: str,
        image: str = PYTHON_IMAGE,
        cmd: list[str] = PAGE_SERVER,
    ) -> None:
        self.engine = engine
        lines = [
            "c.JupyterHub.spawner_class = 'callboard-docker'",
            f"c.JupyterHub.hub_ip = {engine.gateway!r}",
            f"c.DockerSpawner.docker_host = {engine.host!r}",
            f"c.DockerSpawner.image = {image!r}",
            "c.JupyterHub.tornado_settings = {'slow_spawn_timeout': 0, 'slow_stop_timeout': 0}",
            f"c.DockerSpawner.volumes = {{'{directory}/homes/{{username}}': {HOME!r}}}",
            f"c.DockerSpawner.extra_create_kwargs = {{'working_dir': {HOME!r}}}",  # for `behave`
            *docker_lines,
        ]
        super().__init__(directory, config="\n".join(lines), cmd=cmd)

    def containers(self, user: str | None = None) -> list[dict[str, Any]]:
        """As the engine lists them, also those that have ended: of all users, or of one."""
        found = self.engine.containers() if user is None else self.engine.containers(**{USER: user})
        return [one for one in found if SPAWN_ID in one["Labels"]]

    def running(self, user: str | None = None) -> list[str]:
        """The spawn ids of what runs."""
        return [one["Labels"][SPAWN_ID] for one in self.containers(user) if one["State"] == "running"]

    def inspect(self, user: str, server: str = "") -> dict[str, Any]:
        """The container of a server that has one, as the engine tells of it."""
        name = name_of(self.spawn_id(user, server))
        answer = self.engine.request("GET", f"/containers/{name}/json")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def spawn_id(self, user: str, server: str = "") -> str:
        """Of the last start."""
        asked = [event for event in self.events(user, server) if event.type == "server.spawn-requested"]
        return str(asked[-1].payload["spawn_id"])

    def story_count(self, kind: str) -> int:
        """How often this has happened to any server."""
        return sum(event.type == f"server.{kind}" for event in self.events())

    def told(self, user: str, server: str = "") -> list[str]:
        """The messages on the way."""
        return [
            str(event.payload["message"])
            for event in self.events(user, server)
            if event.type == "server.spawn-progressed"
        ]
