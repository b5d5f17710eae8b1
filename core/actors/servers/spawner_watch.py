"""Keeps what a spawner does all the time going, and notices when it is heard of no more."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import trio

from core.actors.asking import RETRY, root_cause
from core.errors import UnreachableError
from core.plugins.spawner import HEARTBEAT, Spawner

logger = logging.getLogger("callboard.spawner")

_STEADY = 60.0  # seconds after which the next failure counts as a first one


class SpawnerWatch:
    def __init__(self, spawner: Spawner) -> None:
        self._spawner = spawner
        self._heard = 0.0  # by trio's clock
        self._heard_at = datetime.now(UTC)
        self._is_watched = False
        self._failure = ""

    async def run(self) -> None:
        """Until it says that it has nothing to do. An error of it hurts nobody else."""
        self._is_watched = True
        self._beat()
        delays = RETRY.delays()
        while True:
            began = trio.current_time()
            try:
                await self._spawner.run(self._beat)
            except Exception as error:
                self._complain(error)
            else:
                self._is_watched = False
                return
            if trio.current_time() - began > _STEADY:
                delays = RETRY.delays()
            await trio.sleep(next(delays))

    def trouble(self, *, says_why: bool) -> str:
        """A line for people; "" if all is well. `says_why`: with what an error said, which may name places."""
        if not self._is_watched or trio.current_time() - self._heard <= HEARTBEAT:
            return ""
        why = f": {self._failure}" if self._failure and says_why else ""
        return f"the spawner has not been heard of since {self._heard_at:%Y-%m-%d %H:%M:%S} UTC{why}"

    def _beat(self) -> None:
        self._heard, self._heard_at, self._failure = trio.current_time(), datetime.now(UTC), ""

    def _complain(self, error: Exception) -> None:
        reason = root_cause(error)
        is_away = isinstance(reason, UnreachableError)
        self._failure = str(reason) if is_away else type(reason).__name__
        logger.warning(
            "the spawner's watch ended, and begins anew: %s", reason, exc_info=None if is_away else error
        )
