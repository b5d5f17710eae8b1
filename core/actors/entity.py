"""The loop for what only decides: users, tokens and their like.

They have no work of their own, so they need no task while nobody asks: the first command folds the stream,
commands take turns, and the state is kept for a while for the next one.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, TypeVar

from core.actors.keyed_lock import KeyedLock
from core.events.file.store import EventStore, Write
from core.events.file.writer import IdempotencyRecord
from core.events.log.side_tables import SideTableChange
from core.events.record import By

State = TypeVar("State")
Command = TypeVar("Command")
Event = TypeVar("Event")

KEPT = 2000  # states remembered while nobody asks


class Entities(Generic[State, Command, Event]):
    """All entities of one kind, by id."""

    def __init__(
        self,
        store: EventStore,
        stream: Callable[[str], str],
        initial: State,
        decide: Callable[[State, Command], Sequence[Event]],
        evolve: Callable[[State, Event], State],
        shortened: Callable[[Iterable[Event]], Iterable[Event]] = iter,
    ) -> None:
        """`shortened`: fewer events with the same outcome, for streams that grow long."""
        self._store = store
        self._stream = stream
        self._initial = initial
        self._decide = decide
        self._evolve = evolve
        self._shortened = shortened
        self._turns = KeyedLock()
        self._kept: OrderedDict[str, tuple[State, int]] = OrderedDict()

    async def ask(
        self,
        entity_id: str,
        command: Command,
        *,
        by: By,
        idempotency: IdempotencyRecord | None = None,
        also: Sequence[Write] = (),
        changes: Sequence[SideTableChange] = (),
    ) -> State:
        """The entity as the command left it; raises the HubError it was refused with.

        `also`: of new streams that nobody else can be writing yet; recorded with the entity's events or not at all.
        `changes`: those that are no events, in the transaction of the events, if there are any.
        """
        return await self.ask_by_then(entity_id, lambda _: command, by, idempotency, also, changes)

    async def ask_by_then(
        self,
        entity_id: str,
        order: Callable[[State], Command],
        by: By,
        idempotency: IdempotencyRecord | None = None,
        also: Sequence[Write] = (),
        changes: Sequence[SideTableChange] = (),
    ) -> State:
        """As `ask`, with the command that `order` makes of the entity when its turn has come.

        Nothing is awaited between that and the append: what the command says of the world is still so.
        """
        async with self._turns.take(entity_id):
            return await self._answer(entity_id, order, by, idempotency, also, changes)

    async def _answer(
        self,
        entity_id: str,
        order: Callable[[State], Command],
        by: By,
        idempotency: IdempotencyRecord | None,
        also: Sequence[Write],
        changes: Sequence[SideTableChange],
    ) -> State:
        state, version = await self._fold(entity_id)
        events: Sequence[Any] = self._decide(state, order(state))
        if not events and not also and idempotency is None:
            return state
        self._kept.pop(entity_id, None)  # should the append fail, fold again
        write = Write(self._stream(entity_id), version, events)
        records = await self._store.append(
            write, *also, by=by, idempotency=idempotency, changes=changes if events else ()
        )
        for record in records:
            if record.stream == write.stream:
                state, version = self._evolve(state, record.event), record.version  # type: ignore[arg-type]
        self._keep(entity_id, state, version)
        return state

    async def _fold(self, entity_id: str) -> tuple[State, int]:
        if entity_id in self._kept:
            return self._kept[entity_id]
        records = await self._store.read(self._stream(entity_id))
        state, version = self._initial, records[-1].version if records else 0
        for event in self._shortened(record.event for record in records):  # type: ignore[misc]
            state = self._evolve(state, event)
        self._keep(entity_id, state, version)
        return state, version

    def _keep(self, entity_id: str, state: State, version: int) -> None:
        self._kept[entity_id] = state, version
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
