"""Places to run servers. Whoever adds one declares it in a module of its own, and names that declaration here."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from core.plugins.spawner import Spawner
from core.plugins.spawner_kind import SpawnerKind, kind_named
from core.settings import PluginSpawnerSettings, Settings, SpawnerSettings
from spawners import simulated
from spawners.docker.spawner import KIND as DOCKER
from spawners.local.spawner import KIND as LOCAL
from spawners.local.spawner import SIMPLE
from spawners.slurm.kind import KIND as SLURM

KINDS: tuple[SpawnerKind, ...] = (
    LOCAL,
    SIMPLE,
    simulated.KIND,
    DOCKER,
    SLURM,
)


def make_spawner(settings: Settings, directory: Path, kinds: Sequence[SpawnerKind] = KINDS) -> Spawner:
    """The one of the configuration; its files go below `directory`. Raises ValueError for one that is not there."""
    return make_engine(settings.hub.spawner_class, settings.spawner, directory, kinds)


def make_engine(
    name: str, settings: SpawnerSettings, directory: Path, kinds: Sequence[SpawnerKind] = KINDS
) -> Spawner:
    """The spawner of this name. What each kind keeps below `directory` is apart from what others do."""
    if isinstance(settings, PluginSpawnerSettings):
        return _plugin(settings, directory)
    kind = kind_named(name, kinds)
    assert isinstance(settings, kind.settings), "read for another spawner"
    folder = directory / kind.folder
    folder.mkdir(mode=0o700, exist_ok=True)
    return kind.make(settings, folder)


def _plugin(settings: PluginSpawnerSettings, directory: Path) -> Spawner:
    """Loaded by the hubs that use it: it brings jupyterhub with it, which is an extra."""
    made: Spawner = import_module("spawners.jupyterhub.adapter").PluginSpawner(settings, directory)
    return made
