"""The thread of plug-ins as the hub sees it: calls into it, each of which is told first what has changed of users."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, TypeVar, TypeVarTuple

import trio

from core.asyncio_thread.call import PluginError
from core.asyncio_thread.host import AsyncioHost, Condition
from core.errors import BusyError, NotFoundError, UnavailableError
from core.events.file.store import EventStore
from core.events.group import GroupDeleted
from core.events.log.tables import Tables
from core.events.record import Record
from projections import users
from web.authenticators.jupyterhub.asking import UserFacts
from web.authenticators.jupyterhub.in_thread import World
from web.authenticators.jupyterhub.known import HEARS, everybody, facts_of, present, whom
from web.authenticators.jupyterhub.plan import Plan

T = TypeVar("T")
Args = TypeVarTuple("Args")

_COPY = "what plug-ins know of users"
TOLD_AT_ONCE = 200  # users
AT_ONCE = 100  # calls under way; more are refused
BUSY = "Too many people are being logged in at once. Please try again in a moment."
LATE = "This did not end in time. Please try again, or tell the hub's administrators."


class PluginThread:
    """`within`: seconds for each call."""

    def __init__(self, plan: Plan, *, within: float) -> None:
        self._host = AsyncioHost("authenticator", partial(World, plan))
        self._within = within
        self._places = trio.CapacityLimiter(AT_ONCE)
        self._changed: set[str] = set()
        self._is_all_new = True  # whom this is about need not be looked for
        self._telling = trio.Lock()
        self._db: Tables | None = None

    @property
    def condition(self) -> Condition:
        return self._host.condition

    async def run(self) -> None:
        """For as long as the hub lives."""
        try:
            await self._host.run()
        finally:
            with trio.CancelScope(shield=True):
                await self._host.close()

    async def call(
        self,
        function: Callable[[World, *Args], Coroutine[Any, Any, T]],
        *args: *Args,
        what: str,
    ) -> T:
        """Raises what it raises; BusyError, and UnavailableError where no answer came."""
        await self._tell_changes()
        try:
            self._places.acquire_on_behalf_of_nowait(token := object())
        except trio.WouldBlock:
            raise BusyError(BUSY) from None
        try:
            return await self._call(function, *args, what=what)
        finally:
            self._places.release_on_behalf_of(token)

    async def _call(
        self,
        function: Callable[[World, *Args], Coroutine[Any, Any, T]],
        *args: *Args,
        what: str,
    ) -> T:
        try:
            return await self._host.call(function, *args, within=self._within, what=what)
        except (trio.TooSlowError, PluginError) as error:
            raise UnavailableError(LATE) from error

    # --- the hub's users, of whom they have a copy ---

    async def follow(self, store: EventStore) -> None:
        """From here on they know of the users that are in the log."""
        self._db = store.db
        store.listen(self.on_records, HEARS)
        await self._tell_changes()

    def on_records(self, records: Sequence[Record]) -> None:
        """A listener of the store."""
        for record in records:
            self._changed.update(whom(record))
            self._is_all_new = self._is_all_new or isinstance(record.event, GroupDeleted)

    def facts_called(self, name: str) -> UserFacts:
        """Raises NotFoundError where there is no such user."""
        assert self._db is not None, "asked for before it follows"
        row = users.by_name(self._db, name)
        if row is None:
            raise NotFoundError(f"There is no user {name}.")
        return facts_of(self._db, row)

    async def _tell_changes(self) -> None:
        """In one call for all; what could not be told is told the next time."""
        async with self._telling:
            if self._db is None or not (self._changed or self._is_all_new):
                return
            told, self._changed = self._changed, set()
            of_all, self._is_all_new = self._is_all_new, False
            try:
                if of_all:
                    await self._tell_all(self._db)
                else:
                    await self._tell([present(self._db, user_id) for user_id in told])
            except BaseException:
                self._changed |= told
                self._is_all_new |= of_all
                raise

    async def _tell_all(self, db: Tables) -> None:
        ids: set[str] = set()
        names: set[str] = set()
        async for page in everybody(db):
            ids.update(facts.id for facts in page)
            names.update(name for facts in page for name in facts.groups)
            await self._tell(page)
        await self._call(World.forget_others, ids, names, what=_COPY)

    async def _tell(self, known: Sequence[UserFacts]) -> None:
        """In calls that are short: the thread has others to serve."""
        for begin in range(0, len(known), TOLD_AT_ONCE):
            await self._call(World.know, known[begin : begin + TOLD_AT_ONCE], what=_COPY)
