"""The launchers of servers that are children of this process: begun, and waited for."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress

import trio

from core.plugins.spawner import Attempt
from spawners.local.attempt_files import AttemptFiles
from spawners.pauses import pauses

CLEANUP_TIMEOUT = 2.0  # seconds a launcher has to write the exit status down
_AT_ONCE = 8

Launch = Callable[[Attempt, AttemptFiles], int | None]
"""Begins a launcher, in a thread. Its pid; None where somebody else holds the attempt."""


class Launchers:
    def __init__(self, launch: Launch) -> None:
        self._launch = launch
        self._pids: dict[str, int] = {}  # by spawn id: children that nobody has waited for yet
        self._forks = trio.CapacityLimiter(_AT_ONCE)

    async def launch(self, attempt: Attempt, files: AttemptFiles) -> None:
        await trio.to_thread.run_sync(self._launch_one, attempt, files, limiter=self._forks)

    def _launch_one(self, attempt: Attempt, files: AttemptFiles) -> None:
        pid = self._launch(attempt, files)
        if pid is not None:
            former = self._pids.get(attempt.spawn_id)
            self._pids[attempt.spawn_id] = pid
            if former is not None:
                with suppress(ChildProcessError):
                    os.waitpid(former, 0)  # its lock was free: it was killed before it could launch anything

    def reap_all(self) -> None:
        """Of those that have ended."""
        for spawn_id in list(self._pids):
            self._reap(spawn_id)

    async def reap_soon(self, spawn_id: str) -> None:
        """Wait for the launcher, if it is a child of this process: it has nothing more to do."""
        with trio.move_on_after(CLEANUP_TIMEOUT):
            for pause in pauses():
                if self._reap(spawn_id):
                    return
                await trio.sleep(pause)

    def _reap(self, spawn_id: str) -> bool:
        """False if the launcher still runs."""
        pid = self._pids.get(spawn_id)
        if pid is None:
            return True
        with suppress(ChildProcessError):  # somebody else has waited for it
            if os.waitpid(pid, os.WNOHANG) == (0, 0):
                return False
        self._pids.pop(spawn_id, None)
        return True
