"""Settings as a configuration file gives them."""

from __future__ import annotations

import tempfile
from pathlib import Path

from spawners.configuration import load_settings
from spawners.docker.settings import DockerSettings


def docker_configured(*lines: str) -> tuple[DockerSettings, list[str]]:
    """With the notes on what does not act, without where it was given. Raises ConfigError."""
    with tempfile.TemporaryDirectory() as directory:
        config = Path(directory, "hub.py")
        config.write_text("\n".join(['c.JupyterHub.spawner_class = "callboard-docker"', *lines]))
        settings, notes = load_settings([config], ())
    assert isinstance(settings.spawner, DockerSettings)
    return settings.spawner, [str(note).partition(": ")[2] for note in notes]


def docker_settings(*lines: str) -> DockerSettings:
    return docker_configured(*lines)[0]
