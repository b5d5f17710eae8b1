"""Of attempts that are processes of this machine: which they are, their end, and what they have left behind."""

from __future__ import annotations

import os
from typing import Any

import trio
from jupyterhub.spawner import LocalProcessSpawner

from core.machine.process_identity import Identity, identify, open_process, read_stat
from core.plugins.spawner import Elsewhere
from spawners.local.process_end import end_family
from spawners.local.settings import LocalProcessSettings
from spawners.local.taken_in import process_meant
from spawners.process_family import Census


def process_of(state: dict[str, Any]) -> Identity | None:
    """The one whose pid the state names, if that runs. Source: LocalProcessSpawner of JupyterHub keeps `pid`."""
    pid = state.get("pid")
    stat = read_stat(pid) if type(pid) is int and pid > 0 else None
    return None if stat is None or stat.has_ended else identify(stat)


def process_taken_in(kind: type, found: Elsewhere) -> Identity | None:
    """What another hub has started, if its class keeps a pid of this machine; other classes' may be of another.

    Raises SpawnError where that process has ended, or is another by now.
    """
    return process_meant(found) if issubclass(kind, LocalProcessSpawner) else None


async def wait_end(process: Identity) -> None:
    """Return when it has ended."""
    pidfd = open_process(process)
    if pidfd is None:
        return
    try:
        await trio.lowlevel.wait_readable(pidfd)
    finally:
        os.close(pidfd)


class Orphans:
    """Processes that carry an attempt's mark in their environment, whatever its state says."""

    def __init__(self) -> None:
        self._census = Census()

    async def end(self, spawn_id: str) -> None:
        """Raises UnreachableError where some do not end."""
        await end_family(spawn_id, set(), self._census, LocalProcessSettings())
