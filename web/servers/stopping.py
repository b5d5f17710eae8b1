"""A stop, and the removal that may follow it: asked for, and waited for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio

from core.actors.removals import Removals
from core.actors.supervisor import Supervisor
from core.events.record import By
from core.events.stop_reason import reason_of
from core.events.writer import IdempotencyRecord
from core.server import Stop, Stopped
from core.settings import Settings
from projections.servers import ServerRow
from projections.users import UserRow
from web.login.refresh import LoginRefresh
from web.login.request_facts import RequestFacts
from web.servers.waiting import in_time


class Stopping:
    """`settings`: as they are now. `closed`: the hub no longer serves."""

    def __init__(
        self,
        servers: Supervisor,
        removals: Removals,
        refresh: LoginRefresh,
        settings: Callable[[], Settings],
        *,
        closed: trio.Event,
    ) -> None:
        self._servers = servers
        self._removals = removals
        self._refresh = refresh
        self._settings = settings
        self._closed = closed

    async def end(
        self,
        owner: UserRow,
        server: ServerRow,
        *,
        by: By,
        removes: bool = False,
        wait: float = 0.0,
        idempotency: IdempotencyRecord | None = None,
        request: RequestFacts | None = None,
    ) -> bool:
        """Ask for a stop, or for a removal, which begins with one. False where it takes longer than `wait` seconds.

        It goes on then, whatever becomes of who asked.
        """
        await self._check_login(owner, by, request)
        gone: Awaitable[object]
        if removes:
            await self._removals.begin(owner.id, server.id, by=by, idempotency=idempotency)
            gone = self._removals.wait_gone(server.id)
        else:
            actor = self._servers.actor(server.id)
            await actor.ask(Stop(reason=reason_of(by.principal)), by=by, idempotency=idempotency)
            gone = actor.wait_until(lambda state: isinstance(state, Stopped))
        return await in_time(gone, wait, unless=self._closed)

    async def _check_login(self, owner: UserRow, by: By, request: RequestFacts | None) -> None:
        if self._settings().authenticator.refresh_pre_stop:
            await self._refresh.check_before(owner, by=by, request=request)

    @property
    def usual_wait(self) -> float:
        """How many seconds a caller waits who does not say."""
        return self._settings().hub.tornado_settings.slow_stop_timeout
