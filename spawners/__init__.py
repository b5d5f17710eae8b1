"""Places to run servers, and the names a config may use for them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from core.plugins.spawner import Spawner
from core.settings import Settings
from spawners.local_process import LocalProcessSpawner
from spawners.simulated import SimulatedSpawner


def make_spawner(name: str, settings: Settings, directory: Path) -> Spawner:
    """The spawner of that name; its files go below `directory`. Raises ValueError for other names."""
    make = _SPAWNERS.get(name)
    if make is None:
        raise ValueError(f"There is no spawner named {name!r}. Known are: {', '.join(sorted(_SPAWNERS))}.")
    return make(settings, directory)


def _local_process(settings: Settings, directory: Path) -> Spawner:
    return LocalProcessSpawner(directory, settings.spawner, settings.local_process, simple=False)


def _simple(settings: Settings, directory: Path) -> Spawner:
    return LocalProcessSpawner(directory, settings.spawner, settings.local_process, simple=True)


def _simulated(settings: Settings, directory: Path) -> Spawner:
    return SimulatedSpawner(settings.simulated)


_SPAWNERS: dict[str, Callable[[Settings, Path], Spawner]] = {
    "default": _local_process,
    "localprocess": _local_process,
    "jupyterhub.spawner.LocalProcessSpawner": _local_process,
    "simple": _simple,
    "jupyterhub.spawner.SimpleLocalProcessSpawner": _simple,
    "simulated": _simulated,
}
