"""Ends what runs although no server knows it, where this log has started it: nothing of that may be left."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

import trio

from core.actors.asking import retry_forever
from core.plugins.spawner import Spawner
from core.reconcile.strays import Strays, named

logger = logging.getLogger("callboard.server")


async def end_strays(spawner: Spawner, sort_out: Callable[[Mapping[str, str]], Strays]) -> None:
    """Ask what runs, as soon as that can be asked, and end what is due. All else is left alone, whosesoever it is.

    `sort_out` is called once the spawner has told: what it tells of had a server before it was started.
    """
    listed = await retry_forever("tell what runs in", "the spawner", spawner.listed)
    found, ages = (
        sort_out({one.spawn_id: one.mark for one in listed}),
        {one.spawn_id: one.age for one in listed},
    )
    if found.foreign:
        logger.warning("left alone, for this log did not start them: %s", ", ".join(found.foreign))
    if found.later:
        told = "servers run that a later state of this log has started, and are left alone: %s"
        logger.error(told, named(found.later))
    async with trio.open_nursery() as nursery:
        for spawn_id in found.due:
            logger.warning("ending %s%s, which no server knows", spawn_id, _in_words(ages.get(spawn_id)))
            nursery.start_soon(_end, spawner, spawn_id)


async def _end(spawner: Spawner, spawn_id: str) -> None:
    await retry_forever("end", spawn_id, lambda: spawner.stop(spawn_id))
    await retry_forever("drop what is left of", spawn_id, lambda: spawner.forget(spawn_id))


def _in_words(age: float | None) -> str:
    return "" if age is None else f" (begun {age:.0f} seconds ago)"
