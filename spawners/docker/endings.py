"""How attempts have ended and what they wrote last, on the hub's disk: it outlives their containers.

end      its exit status and the reason, written once nothing of it runs; no container of it is started any more
output   the last megabyte of what it wrote
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import msgspec
from msgspec import Struct

from core.machine.private_file import write_private_file
from core.naming.ids import is_id
from spawners.docker.engine.found import Ended
from spawners.docker.output import Piece


class Owner(Struct, frozen=True):
    """Whose an attempt was; empty where nobody can tell any more."""

    user_id: str = ""
    server_id: str = ""

    def is_covered(self, user_id: str, server_id: str) -> bool:
        return self.user_id == user_id and server_id in ("", self.server_id)


class Endings:
    """Every method but `ended` and `output` may raise OSError."""

    def __init__(self, directory: Path) -> None:
        self._directory = str(directory.absolute())

    def ended(self, spawn_id: str) -> Ended | None:
        """None where nothing is written down, or cannot be read."""
        try:
            return msgspec.json.decode(_read(self._path(spawn_id, "end")), type=Ended)
        except (OSError, msgspec.DecodeError):
            return None

    def output(self, spawn_id: str) -> list[Piece]:
        try:
            return msgspec.msgpack.decode(_read(self._path(spawn_id, "output")), type=list[Piece])
        except (OSError, msgspec.DecodeError):
            return []

    def write(self, spawn_id: str, ended: Ended, output: list[Piece], owner: Owner) -> None:
        os.makedirs(f"{self._directory}/{spawn_id}", mode=0o700, exist_ok=True)
        write_private_file(self._path(spawn_id, "owner"), msgspec.json.encode(owner))
        write_private_file(self._path(spawn_id, "output"), msgspec.msgpack.encode(output))
        write_private_file(self._path(spawn_id, "end"), msgspec.json.encode(ended))

    def of(self, user_id: str, server_id: str = "") -> list[str]:
        """The spawn ids of a server's attempts that are written down; without a server those of all of a user's."""
        try:
            found = sorted(filter(is_id, os.listdir(self._directory)))
        except FileNotFoundError:
            return []
        return [one for one in found if self._owner(one).is_covered(user_id, server_id)]

    def _owner(self, spawn_id: str) -> Owner:
        try:
            return msgspec.json.decode(_read(self._path(spawn_id, "owner")), type=Owner)
        except (OSError, msgspec.DecodeError):
            return Owner()

    def drop(self, spawn_id: str) -> None:
        shutil.rmtree(f"{self._directory}/{spawn_id}", ignore_errors=True)

    def _path(self, spawn_id: str, name: str) -> str:
        return f"{self._directory}/{spawn_id}/{name}"


def _read(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:
        return file.read()
