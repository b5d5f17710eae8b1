"""Containers that another hub has made, and that go on as attempts of this one: what the engine knows each by.

container   beside what endings.py keeps of the attempt, written before the attempt is: id, address, whose it is

They bear no label of ours and stay as they were made, so that the hub which has made them finds them, too, if its
people go back; they are ended like others, and not removed: DockerSpawner keeps files of people in containers.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from core.errors import SpawnError
from core.machine.private_file import write_private_file
from core.naming.ids import is_id
from core.plugins.spawner import PREFIX_VARIABLE, Elsewhere
from spawners.docker.endings import Owner
from spawners.docker.engine.found import Alive, Container, name_of, stage_of

_FILE = "container"
_ID = re.compile("[0-9a-f]{12,64}")


class TakenIn(Struct, frozen=True):
    """`container`: its id. `name`: what DockerSpawner, which made it, calls it."""

    container: str
    name: str
    url: str
    owner: Owner


def id_in(state: Mapping[str, object]) -> str:
    """Of the container that a state of DockerSpawner's means. Raises SpawnError where it means none.

    Source of the names: DockerSpawner.load_state, which reads what versions before 0.10 have kept, too.
    """
    found = state.get("container_id") or state.get("object_id")
    if not isinstance(found, str) or _ID.fullmatch(found) is None:
        raise SpawnError("its state names no container: DockerSpawner has not started it")
    return found


def check_meant(found: Elsewhere, container: Container | None) -> Container:
    """The same. Raises SpawnError unless this is the server's, and has not ended."""
    if container is None:
        raise SpawnError("its container is gone")
    if not isinstance(stage_of(container), Alive):
        raise SpawnError("its container has ended")
    serves = container.environment(PREFIX_VARIABLE)
    if serves is None:
        raise SpawnError("its container holds no server of a JupyterHub")
    if serves != found.prefix:
        raise SpawnError(f"its container serves {serves}: it is another")
    return container


class Newcomers:
    """`directory`: that of the endings. Every method but `keep` takes what cannot be read for what is not there."""

    def __init__(self, directory: Path) -> None:
        self._directory = str(directory.absolute())
        self._known: dict[str, TakenIn] | None = None

    def of(self, spawn_id: str) -> TakenIn | None:
        return self._all().get(spawn_id)

    def called(self, spawn_id: str) -> str:
        """What the engine finds its container by. Raises ValueError for what is no spawn id."""
        name = name_of(spawn_id)
        taken = self.of(spawn_id)
        return name if taken is None else taken.container

    def by_container(self) -> dict[str, str]:
        """Spawn ids."""
        return {taken.container: spawn_id for spawn_id, taken in self._all().items()}

    def keep(self, spawn_id: str, taken: TakenIn) -> None:
        """As a whole, and on the disk: the log says next that it runs. Raises OSError."""
        path = self._path(spawn_id)
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        write_private_file(path, msgspec.json.encode(taken), synced=True)
        self._all()[spawn_id] = taken

    def drop(self, spawn_id: str) -> None:
        """Once its files are gone."""
        self._all().pop(spawn_id, None)

    def _all(self) -> dict[str, TakenIn]:
        """Read once: they come while no hub runs."""
        if self._known is None:
            found = {spawn_id: self._read(spawn_id) for spawn_id in self._listed()}
            self._known = {spawn_id: taken for spawn_id, taken in found.items() if taken is not None}
        return self._known

    def _listed(self) -> list[str]:
        try:
            return [name for name in os.listdir(self._directory) if is_id(name)]
        except OSError:
            return []

    def _read(self, spawn_id: str) -> TakenIn | None:
        try:
            with open(self._path(spawn_id), "rb") as file:
                return msgspec.json.decode(file.read(), type=TakenIn)
        except (OSError, msgspec.DecodeError):
            return None

    def _path(self, spawn_id: str) -> str:
        return f"{self._directory}/{spawn_id}/{_FILE}"
