"""Places to run servers. Whoever adds one declares it in a module of its own, and names that declaration here."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from core.plugins.spawner import Spawner
from core.plugins.spawner_kind import SpawnerKind, kind_named
from core.settings import PluginSpawnerSettings, Settings
from spawners import local_process, simulated
from spawners.docker.spawner import KIND as DOCKER
from spawners.slurm import kind as slurm

KINDS: tuple[SpawnerKind, ...] = (
    local_process.KIND,
    local_process.SIMPLE,
    simulated.KIND,
    DOCKER,
    slurm.KIND,
)


def make_spawner(settings: Settings, directory: Path, kinds: Sequence[SpawnerKind] = KINDS) -> Spawner:
    """The one of the configuration; its files go below `directory`. Raises ValueError for one that is not there."""
    if isinstance(settings.spawner, PluginSpawnerSettings):
        return _plugin(settings.spawner, directory)
    kind = kind_named(settings.hub.spawner_class, kinds)
    assert isinstance(settings.spawner, kind.settings), "read for another spawner"
    return kind.make(settings.spawner, directory)


def _plugin(settings: PluginSpawnerSettings, directory: Path) -> Spawner:
    """Loaded by the hubs that use it: it brings jupyterhub with it, which is an extra."""
    made: Spawner = import_module("spawners.jupyterhub.adapter").PluginSpawner(settings, directory)
    return made
