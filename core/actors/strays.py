"""Ends what runs although no server knows it: nothing may be left of what the log has no word about."""

from __future__ import annotations

import logging
from collections.abc import Callable

import trio

from core.actors.asking import insist
from core.spawner import Spawner

logger = logging.getLogger("callboard.server")


async def end_strays(spawner: Spawner, known: Callable[[], set[str]]) -> None:
    """Ask what runs, as soon as that can be asked, and end what is not among the known spawn ids.

    `known` is called once the spawner has told: what it tells of had a server before it was started.
    """
    attempts = await insist("tell what runs in", "the spawner", spawner.list_attempts)
    strays = sorted(set(attempts) - known())
    async with trio.open_nursery() as nursery:
        for spawn_id in strays:
            logger.warning("ending %s, which no server knows", spawn_id)
            nursery.start_soon(_end, spawner, spawn_id)


async def _end(spawner: Spawner, spawn_id: str) -> None:
    await insist("end", spawn_id, lambda: spawner.stop(spawn_id))
    await insist("drop what is left of", spawn_id, lambda: spawner.forget(spawn_id))
