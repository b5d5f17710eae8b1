"""Records what a database comes to, in chunks: what a killed import has recorded, the next one skips."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import assert_never

from core.errors import SpawnError, UnreachableError
from core.events import Event
from core.events.file.database import DatabaseError
from core.events.file.store import EventStore
from core.events.log.append_request import Write
from core.events.moving import STREAM, MovingInBegun, MovingInDone
from core.events.record import By
from web.moving.plan import Plan, Tally
from web.moving.rows import MovingError
from web.moving.source import Source
from web.moving.spawners_at_rest import SpawnersAtRest
from web.moving.units import Comes, Runs, Stays

CHUNK = 500  # pieces in one append

OnProgress = Callable[[int], None]


def check_moved_in(store: EventStore) -> None:
    """Raises DatabaseError for a log that an import was killed in: half of the users are none."""
    if store.version(STREAM) == 1:
        raise DatabaseError(
            f"{store.path} is half of what was to be moved in: `callboard import` with the same database goes on."
        )


def by_import(who: str) -> By:
    """`who`: whoever runs the command, as `command-line/root`."""
    return By("import", via=who)


async def begin(store: EventStore, source: Source, by: By) -> str:
    """The seed of a new move, or of the one that was killed. Raises MovingError for a log with anything else in it."""
    fingerprint = source.fingerprint()
    if store.head == 0:
        seed = f"{int(time.time() * 1000)}-{secrets.token_hex(16)}"
        await _record(store, MovingInBegun(source.name, fingerprint, seed), by)
        return seed
    records = await store.read(STREAM)
    begun = records[0].event if records else None
    if not isinstance(begun, MovingInBegun) or records[0].position != 1 or len(records) > 1:
        raise MovingError(
            f"{store.path} has a past of its own: what is moved in needs an empty log (--db FILE)."
        )
    if begun.fingerprint != fingerprint:
        raise MovingError(
            f"{source.name} is not as it was when half of it was moved in. Begin anew: remove {store.path}."
        )
    return begun.seed


async def finish(store: EventStore, tally: Tally, by: By) -> None:
    await _record(store, MovingInDone(dict(tally.came), dict(tally.stayed)), by)


async def _record(store: EventStore, event: Event, by: By) -> None:
    await store.append(Write(STREAM, store.version(STREAM), [event]), by=by)


class MovingIn:
    """`spawners`: the spawners that servers which run are taken in by."""

    def __init__(self, store: EventStore, spawners: SpawnersAtRest, by: By, on_progress: OnProgress) -> None:
        self.tally = Tally()
        self._store = store
        self._spawners = spawners
        self.by = by
        self._on_progress = on_progress
        self._waiting: list[Comes] = []

    async def carry_out(self, plan: Plan) -> None:
        """Raises HubError where the log refuses something, which then is as it was before that chunk."""
        for piece in plan.pieces():
            match piece:
                case Comes():
                    await self._put(piece)
                case Runs():
                    await self._run(piece, plan)
                case Stays():
                    self._stay(piece)
                case _:
                    assert_never(piece)
        await self._flush()

    async def _run(self, piece: Runs, plan: Plan) -> None:
        found = piece.found
        try:
            if not self._is_recorded(piece.comes):
                await self._spawners.take(found)
        except (SpawnError, UnreachableError) as error:
            self._stay(Stays("running servers", f"{found.user}/{found.server}", str(error)))
        else:
            plan.known.taken_in.add(found.server_id)
            await self._put(piece.comes)

    def _stay(self, piece: Stays) -> None:
        self.tally.stays(piece)
        self._on_progress(1)

    async def _put(self, piece: Comes) -> None:
        self.tally.comes(piece.kind)
        self._waiting.append(piece)
        if len(self._waiting) >= CHUNK:
            await self._flush()

    def _is_recorded(self, piece: Comes) -> bool:
        """All of a piece is, or nothing."""
        return any(self._store.version(stream) > version for stream, version, _ in piece.writes[:1])

    async def _flush(self) -> None:
        pieces, self._waiting = self._waiting, []
        new = [piece for piece in pieces if not self._is_recorded(piece)]
        writes = [write for piece in new for write in piece.writes]
        if writes:
            changes = [change for piece in new for change in piece.changes]
            await self._store.append(*writes, by=self.by, changes=changes)
        self._on_progress(sum(piece.rows for piece in pieces))
