"""A move from its beginning to its end, in one call: in, or out again."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple

import outcome
import trio

import projections
from core.events.file.database import MEMORY
from core.events.file.store import EventStore
from core.machine.private_file import begin_private_file
from core.plugins.profiles import engine_of
from core.settings import Settings
from web.moving.back import Back
from web.moving.moving_in import MovingIn, OnProgress, begin, by_import, finish
from web.moving.plan import Plan, Tally
from web.moving.rows import MovingError
from web.moving.source import Source
from web.moving.spawners_at_rest import SpawnersAtRest
from web.moving.units import Known


class Target(NamedTuple):
    """`log`: a path. `folder`: of the files of attempts. `for_sure`: else nothing that runs is touched."""

    log: str
    folder: Path
    secret: bytes
    for_sure: bool


def move_in(source: Source, target: Target, settings: Settings, who: str, on_progress: OnProgress) -> Tally:
    """What came and what stayed. Raises MovingError, and HubError where the log refuses something."""
    return trio.run(_move_in, source, target, settings, who, on_progress)


async def _move_in(
    source: Source, target: Target, settings: Settings, who: str, on_progress: OnProgress
) -> Tally:
    store = EventStore(target.log, projections.ALL, threaded=target.log != MEMORY)
    spawners = SpawnersAtRest(settings, target.folder, store, target.secret, for_sure=target.for_sure)
    moving = MovingIn(store, spawners, by_import(who), on_progress)
    try:
        async with trio.open_nursery() as nursery:
            await nursery.start(store.run)
            came = await outcome.acapture(_carry_out, source, store, moving, settings)
            await spawners.close()
            nursery.cancel_scope.cancel()
    finally:
        store.close()
    came.unwrap()  # outside of the nursery, which would wrap a refusal
    return moving.tally


async def _carry_out(source: Source, store: EventStore, moving: MovingIn, settings: Settings) -> None:
    begun = await begin(store, source, moving.by)
    plan = Plan(
        source,
        Known(begun),
        now=datetime.now(UTC),
        life=timedelta(days=settings.hub.cookie_max_age_days),
        base_url=settings.hub.base_url,
        engine_of=partial(engine_of, settings),
    )
    await moving.carry_out(plan)
    await finish(store, moving.tally, moving.by)


def move_out(target: Target, settings: Settings, file: Path, on_progress: OnProgress) -> Tally:
    """Write a database of JupyterHub's to `file`, which appears as a whole or not at all. Raises MovingError."""
    if file.exists():
        raise MovingError(f"{file} is there already.")
    draft = file.with_name(f"{file.name}.draft")
    os.close(begin_private_file(draft))
    store = EventStore(target.log, projections.ALL)
    try:
        with closing(sqlite3.connect(draft)) as database, database:
            spawners = SpawnersAtRest(settings, target.folder, store, target.secret, for_sure=True)
            back = Back(store.db, database, spawners.hand_over, on_progress)
            back.write()
        draft.replace(file)
    finally:
        store.close()
        draft.unlink(missing_ok=True)
    return back.tally
