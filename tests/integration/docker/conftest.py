"""Real hubs of containers for the tests in this directory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engines.docker import DockerEngine
from tests.integration.docker.docker_hub import DockerHub

MakeDockerHub = Callable[..., DockerHub]


@pytest.fixture
def make_docker_hub(docker: DockerEngine, tmp_path: Path) -> Iterator[MakeDockerHub]:
    """Makes hubs that are not started yet; at the end nothing of them is left."""
    made: list[DockerHub] = []

    def make(*lines: str, **options: Any) -> DockerHub:
        hub = DockerHub(tmp_path / f"hub{len(made)}", docker, *lines, **options)
        made.append(hub)
        return hub

    yield make
    for hub in made:
        hub.close()
