"""What a configuration can say of servers in containers, and who makes their spawner.

The spawner itself is loaded where it is in use: it brings an HTTP client, which no other hub needs.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from core.plugins.spawner import Spawner
from core.plugins.spawner_kind import SpawnerKind
from spawners.docker.settings import DockerSettings
from spawners.docker.traits import KNOWN, REASONS


def _make(settings: DockerSettings, directory: Path) -> Spawner:
    made: Spawner = import_module("spawners.docker.spawner").DockerSpawner(settings, directory)
    return made


KIND = SpawnerKind(
    names=("callboard-docker",), settings=DockerSettings, make=_make, known=KNOWN, reasons=REASONS
)
