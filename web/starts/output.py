"""What a server has written, for those who cannot wait until its backend can be asked."""

from __future__ import annotations

import logging

import trio

from core.actors.asking import root_cause
from core.plugins.spawner import Spawner

TIMEOUT = 5.0  # seconds

logger = logging.getLogger("callboard.server")


async def last_lines(spawner: Spawner, spawn_id: str) -> list[str]:
    """At most 100; none where nothing was started, and where the spawner cannot tell in time."""
    if not spawn_id:
        return []
    with trio.move_on_after(TIMEOUT):
        try:
            return await spawner.last_lines(spawn_id)
        except Exception as error:
            logger.warning("cannot tell the last lines of %s: %s", spawn_id, root_cause(error))
    return []
